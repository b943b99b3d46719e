"""SGD whose learning rate climbs from 1e-5 to 1e-2 in the first half of the run and falls back in the second.

SCWSSOD and CRNet: nesterov momentum .9, weight decay 5e-4, the backbone at a tenth of the rate. Whoever changes
train_cfg.max_epochs moves the summit along: param_scheduler.0.end and param_scheduler.1.begin are half of it.
"""

from mmengine.optim import LinearLR, OptimWrapper
from torch.optim import SGD

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=SGD, lr=1e-2, momentum=0.9, weight_decay=5e-4, nesterov=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=1e-3, end_factor=1.0, by_epoch=True, begin=0, end=20, convert_to_iter_based=True),
    dict(type=LinearLR, start_factor=1.0, end_factor=1e-3, by_epoch=True, begin=20, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=40, val_interval=10)
