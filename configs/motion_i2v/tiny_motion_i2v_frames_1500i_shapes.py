"""Stage 2 in small: the frames of a clip from its first one along the true motion, by motion-augmented attention.

    python tools/make_synthetic.py moving_shapes --out data/tiny_moving_shapes --seed 0
    python tools/train.py configs/motion_i2v/tiny_motion_i2v_frames_1500i_shapes.py
    python tools/test.py configs/motion_i2v/tiny_motion_i2v_frames_1500i_shapes.py \
        work_dirs/tiny_motion_i2v_frames_1500i_shapes/iter_1500.pth

Frames of 32 x 32 pixels, latents of 16 x 16. Siblings replace the attention: framesvanilla sees no motion, framessum
adds the warped first frame. Many steps of two clips teach such a network more than few steps of six. It predicts the
clean latents: to predict velocity it would have to pass the noise through exactly, which so few channels hardly learn.
"""

from mmengine.config import read_base

from sparsevision.datasets.transforms import ResizeClip
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.methods.motion_i2v import FrameRenderer, PixelShuffleCodec

with read_base():
    from .._base_.datasets.tiny_moving_shapes import *
    from .._base_.default_runtime import *
    from .._base_.schedules.adam_cosine import *

for loader in (train_dataloader, test_dataloader):
    loader["dataset"]["pipeline"].insert(2, dict(type=ResizeClip, size=(32, 32)))

model = dict(
    type=FrameRenderer,
    preset="fixed",
    frames=fields,
    image_codec=dict(type=PixelShuffleCodec, patch=2, latent_scale=4.0),
    architecture=dict(
        channels=(32, 64),
        layers=1,
        attention_levels=(False, False),
        mid_attention=False,
        text_channels=None,
        spatial_heads=4,
        temporal_heads=2,
        temporal_attentions=1,
        norm_groups=8,
    ),
    temporal="motion_augmented",
    trains="all",
    schedule=dict(prediction="sample"),
    steps=12,
)
train_dataloader.update(batch_size=2)
default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=750, max_keep_ckpts=2))
log_processor.update(by_epoch=False)
train_cfg.update(max_iters=1500, val_interval=1500)
