"""The ControlNet of the small stage 1: a few drags steer the motion. Tested with one drag on each thing, and without.

    python tools/make_synthetic.py moving_shapes --out data/tiny_moving_shapes --seed 0
    python tools/train.py configs/motion_i2v/tiny_motion_i2v_motion_800i_shapes.py
    python tools/train.py configs/motion_i2v/tiny_motion_i2v_tracks_700i_shapes.py
    python tools/test.py configs/motion_i2v/tiny_motion_i2v_tracks_700i_shapes.py \
        work_dirs/tiny_motion_i2v_tracks_700i_shapes/iter_700.pth

It learns from random blocks and from boxes such as a person drags.
"""

from mmengine.config import read_base

from sparsevision.methods.motion_i2v import BoxRegion, DragLike, Mixture, RandomBlocks

with read_base():
    from .tiny_motion_i2v_motion_800i_shapes import *

model.update(
    controlnet=dict(stem_channels=32),
    sparse=dict(
        type=Mixture,
        samplers=[dict(type=RandomBlocks, block=4), dict(type=DragLike, count=(1, 3), unit=(4, 8))],
        shares=(0.5, 0.5),
    ),
    region=dict(type=BoxRegion, half=6),
    trains="controlnet",
    compare_free=True,
)
load_from = "work_dirs/tiny_motion_i2v_motion_800i_shapes/iter_800.pth"
train_cfg.update(max_iters=700, val_interval=700)
