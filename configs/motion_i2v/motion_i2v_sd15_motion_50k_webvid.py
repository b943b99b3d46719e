"""Stage 1 of Motion-I2V, third training: all weights, on clips of 16 frames of 320 x 512.

    python tools/train.py configs/motion_i2v/motion_i2v_sd15_motion_50k_webvid.py --amp

Published: 3e-5, two clips a GPU, gradient checkpointing; how long is not told, 50,000 iterations are a guess. Never run
at full size here.
"""

from mmengine.config import read_base

with read_base():
    from .motion_i2v_sd15_temporal_150k_webvid import *

model.update(trains="all", init_cfg=None)
del train_dataloader["dataset"]["pipeline"][2]
train_cfg.update(max_iters=50000, val_interval=50000)
load_from = "work_dirs/motion_i2v_sd15_temporal_150k_webvid/iter_150000.pth"
