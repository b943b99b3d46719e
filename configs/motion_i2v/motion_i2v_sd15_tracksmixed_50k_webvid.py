"""The trajectory ControlNet, learnt from what people draw: dense blocks first, then more and more tracks and drags.

    python tools/train.py configs/motion_i2v/motion_i2v_sd15_tracksmixed_50k_webvid.py --amp

Not published: the release learns from scattered blocks and is used with one box. A tenth of the clips is told nothing,
so that motion can guide (`model.guidance.motion`). Never run at full size here.
"""

from mmengine.config import read_base

from sparsevision.methods.motion_i2v import DenseToSparse, DragLike, Mixture, RandomBlocks, RandomTracks

with read_base():
    from .motion_i2v_sd15_tracks_50k_webvid import *

model.update(preset="fixed", motion_drop=0.1)
model["sparse"] = dict(
    type=DenseToSparse,
    dense=dict(type=RandomBlocks, block=8, keep=(0.0, 0.5)),
    sparse=dict(type=Mixture, samplers=[dict(type=RandomTracks), dict(type=DragLike, unit=(8, 64))], shares=(0.5, 0.5)),
    ramp=(0.2, 0.6),
)
