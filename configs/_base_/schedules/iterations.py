"""SGD with polynomial decay over iterations; `end` follows train_cfg.max_iters.

A config that takes this schedule also counts its checkpoints and log lines in iterations:

    default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=4000, max_keep_ckpts=2))
    log_processor.update(by_epoch=False)
"""

from mmengine.optim import OptimWrapper, PolyLR
from torch.optim import SGD

optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.01, momentum=0.9, weight_decay=5e-4))
param_scheduler = [dict(type=PolyLR, power=0.9, eta_min=1e-4, by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=40000, val_interval=4000)
