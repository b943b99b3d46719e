"""AdamW as DETRs of the DINO family train, counted in iterations of 16 images; 90,000 of them are "12 epochs".

The backbone learns at a tenth of the rate, normalisations do not decay, gradients are clipped to a norm of 0.1; there
is no warm-up. A config that takes this schedule also counts its checkpoints and log lines in iterations:

    default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=7500, max_keep_ckpts=2))
    log_processor.update(by_epoch=False)

Deformable DETR and detrex's other DINO trainer give sampling offsets a tenth of the rate as well, worth 0.2 AP there:
optim_wrapper.paramwise_cfg.custom_keys.update(sampling_offsets=dict(lr_mult=0.1)).
"""

from mmengine.optim import MultiStepLR, OptimWrapper
from torch.optim import AdamW

from sparsevision.engine.param_groups import ParameterGroups

optim_wrapper = dict(
    type=OptimWrapper,
    constructor=ParameterGroups,
    optimizer=dict(type=AdamW, lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0, custom_keys=dict(backbone=dict(lr_mult=0.1))),
    clip_grad=dict(max_norm=0.1),
)
param_scheduler = [dict(type=MultiStepLR, milestones=[82500], gamma=0.1, by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=90000, val_interval=7500)
