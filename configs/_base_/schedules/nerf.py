"""Adam whose rate falls to a tenth every 10,000 iterations, as in NeRF.

A config that takes this schedule also counts its checkpoints and log lines in iterations:

    default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=1000, max_keep_ckpts=2))
    log_processor.update(by_epoch=False)
"""

from mmengine.optim import ExponentialLR, OptimWrapper
from torch.optim import Adam

optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=Adam, lr=0.03, betas=(0.9, 0.999), eps=1e-8))
param_scheduler = [dict(type=ExponentialLR, gamma=0.1 ** (1 / 10000), by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=10000)
