"""Stage 1 in small, on the world of moving shapes: from an image to the motion of every pixel, in seven fields.

    python tools/make_synthetic.py moving_shapes --out data/tiny_moving_shapes --seed 0
    python tools/train.py configs/motion_i2v/tiny_motion_i2v_motion_800i_shapes.py

Then comes its ControlNet, see tiny_motion_i2v_tracks_700i_shapes.py. Networks of two levels on latents of 16 x 16, the
mean motion of patches of 4 x 4 pixels; they predict velocity, which tiny networks learn faster than noise.
"""

from mmengine.config import read_base

from sparsevision.engine.hooks import CheckpointHook
from sparsevision.methods.motion_i2v import MotionPredictor, PatchFlowCodec, PixelShuffleCodec

with read_base():
    from .._base_.datasets.tiny_moving_shapes import *
    from .._base_.default_runtime import *
    from .._base_.schedules.adam_cosine import *

model = dict(
    type=MotionPredictor,
    preset="fixed",
    frames=fields,
    image_codec=dict(type=PixelShuffleCodec, patch=4),
    flow_codec=dict(type=PatchFlowCodec, patch=4, latent_scale=0.3),
    architecture=dict(
        channels=(32, 64),
        layers=1,
        attention_levels=(False, True),
        text_channels=None,
        spatial_heads=4,
        temporal_heads=2,
        temporal_attentions=1,
        norm_groups=8,
    ),
    schedule=dict(prediction="velocity"),
    steps=12,
    stride=2.0,
)
default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=400, max_keep_ckpts=2))
log_processor.update(by_epoch=False)
