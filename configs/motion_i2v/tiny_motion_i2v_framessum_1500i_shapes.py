"""Stage 2 in small, the other way to use motion: the warped first frame is added to each frame before attention.

    python tools/make_synthetic.py moving_shapes --out data/tiny_moving_shapes --seed 0
    python tools/train.py configs/motion_i2v/tiny_motion_i2v_framessum_1500i_shapes.py
    python tools/test.py configs/motion_i2v/tiny_motion_i2v_framessum_1500i_shapes.py \
        work_dirs/tiny_motion_i2v_framessum_1500i_shapes/iter_1500.pth
"""

from mmengine.config import read_base

with read_base():
    from .tiny_motion_i2v_frames_1500i_shapes import *

model.update(temporal="warped_sum")
