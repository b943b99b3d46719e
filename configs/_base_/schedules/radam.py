"""RAdam without momentum at a constant rate, counted in epochs: the schedule of EV-WSSS and ESS."""

from mmengine.optim import OptimWrapper
from torch.optim import RAdam

optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=RAdam, lr=5e-4, betas=(0.0, 0.999), eps=1e-8))
param_scheduler = []
train_cfg = dict(by_epoch=True, max_epochs=50)
