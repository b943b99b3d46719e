"""AdamW over iterations, with a short warm-up and a cosine to (almost) nothing: small diffusion models.

A config that takes this schedule also counts its checkpoints and log lines in iterations:

    default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=250, max_keep_ckpts=2))
    log_processor.update(by_epoch=False)
"""

from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from torch.optim import AdamW

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=1e-3, betas=(0.9, 0.999), weight_decay=1e-2),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type=CosineAnnealingLR, eta_min_ratio=0.02, by_epoch=False, begin=0),
]
train_cfg = dict(by_epoch=False, max_iters=800, val_interval=800)
