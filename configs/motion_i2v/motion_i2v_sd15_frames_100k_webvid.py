"""Stage 2 of Motion-I2V: the motion modules with motion-augmented attention, on Stable Diffusion 1.5, 16 frames.

    python tools/train.py configs/motion_i2v/motion_i2v_sd15_frames_100k_webvid.py --amp
    python tools/test.py configs/motion_i2v/motion_i2v_sd15_frames_100k_webvid.py CHECKPOINT

Published: 3e-5, 320 x 320, from AnimateDiff's motion modules; how long is not told, 100,000 iterations are a guess.
Never run at full size here.
"""

from mmengine.config import read_base

from sparsevision.datasets.transforms import ResizeClip
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.methods.motion_i2v import FrameRenderer

with read_base():
    from .._base_.datasets.webvid_clips import *
    from .._base_.default_runtime import *
    from .._base_.models.motion_i2v_sd15 import *
    from .._base_.schedules.adam_constant import *

model = dict(
    type=FrameRenderer,
    preset="published",
    frames=fields,
    image_codec=stage2_image_codec,
    text=text_encoder,
    negative_prompt=negative_prompt,
    trains="motion_modules",
    gradient_checkpointing=True,
    init_cfg=dict(type="Pretrained", checkpoint="checkpoints/sd15_motion_stage2.pth"),
)
train_dataloader["dataset"]["pipeline"].insert(2, dict(type=ResizeClip, size=(320, 320)))
train_dataloader.update(batch_size=4)
default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=5000, max_keep_ckpts=2))
log_processor.update(by_epoch=False)
train_cfg.update(max_iters=100000, val_interval=100000)
