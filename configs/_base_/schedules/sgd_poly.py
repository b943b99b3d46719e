"""SGD with momentum and dampening, the rate falling by a power law in every iteration: as CPCM trains."""

from mmengine.optim import OptimWrapper
from torch.optim import SGD

from sparsevision.methods.cpcm import PublishedPolyLR

optim_wrapper = dict(
    type=OptimWrapper, optimizer=dict(type=SGD, lr=0.01, momentum=0.9, dampening=0.1, weight_decay=1e-3)
)
param_scheduler = [dict(type=PublishedPolyLR, power=0.9, eta_min=0.0, by_epoch=True, convert_to_iter_based=True)]
train_cfg = dict(by_epoch=True, max_epochs=180)
