"""RAdam with momentum, the rate falling to zero by a power law over the whole run: for short trainings."""

from mmengine.optim import OptimWrapper, PolyLR
from torch.optim import RAdam

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=RAdam, lr=6e-3, betas=(0.9, 0.999)),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [dict(type=PolyLR, power=0.9, eta_min=0.0, by_epoch=True, convert_to_iter_based=True)]
train_cfg = dict(by_epoch=True, max_epochs=5)
