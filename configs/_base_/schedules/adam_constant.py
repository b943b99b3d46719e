"""AdamW at a constant rate, counted in iterations: as Motion-I2V trains.

A config that takes this schedule also counts its checkpoints and log lines in iterations:

    default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=5000, max_keep_ckpts=2))
    log_processor.update(by_epoch=False)
"""

from mmengine.optim import ConstantLR, OptimWrapper
from torch.optim import AdamW

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=3e-5, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [dict(type=ConstantLR, factor=1.0, by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=150000, val_interval=150000)
