"""Stage 1 of Motion-I2V, fourth training: the trajectory ControlNet, from blocks of dense flow, at 320 x 320.

    python tools/train.py configs/motion_i2v/motion_i2v_sd15_tracks_50k_webvid.py --amp
    python tools/test.py configs/motion_i2v/motion_i2v_sd15_tracks_50k_webvid.py CHECKPOINT

Published: 3e-5, weight decay 1e-3, gradients clipped to 5, three clips on each of 8 GPUs, up to half of the blocks of
8 x 8 pixels; how long is not told, 50,000 iterations are a guess. Never run at full size here. The test drags every
thing that moves.
"""

from mmengine.config import read_base

from sparsevision.datasets.transforms import DragsFromTruth
from sparsevision.methods.motion_i2v import RandomBlocks

with read_base():
    from .motion_i2v_sd15_temporal_150k_webvid import *

model.update(
    controlnet=dict(),
    sparse=dict(type=RandomBlocks, block=8, keep=(0.0, 0.5)),
    trains="controlnet",
    init_cfg=None,
)
train_dataloader.update(batch_size=3)
test_dataloader["dataset"]["pipeline"].insert(2, dict(type=DragsFromTruth))
optim_wrapper["optimizer"].update(weight_decay=1e-3)
optim_wrapper["clip_grad"].update(max_norm=5.0)
train_cfg.update(max_iters=50000, val_interval=50000)
load_from = "work_dirs/motion_i2v_sd15_motion_50k_webvid/iter_50000.pth"
