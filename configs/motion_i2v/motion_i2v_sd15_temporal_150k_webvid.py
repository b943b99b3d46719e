"""Stage 1 of Motion-I2V, second training: the motion modules alone, on clips of 16 frames of 320 x 320.

    python tools/train.py configs/motion_i2v/motion_i2v_sd15_temporal_150k_webvid.py --amp

The spatial layers are those of the first training (motion_i2v_sd15_field_160k_webvid.py), the motion modules start from
AnimateDiff's. Published: 3e-5, two clips on each of 32 GPUs, 150,000 iterations. Never run at full size here.
"""

from mmengine.config import read_base

from sparsevision.datasets.transforms import ResizeClip
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.methods.motion_i2v import MotionPredictor

with read_base():
    from .._base_.datasets.webvid_clips import *
    from .._base_.default_runtime import *
    from .._base_.models.motion_i2v_sd15 import *
    from .._base_.schedules.adam_constant import *

model = dict(
    type=MotionPredictor,
    preset="published",
    frames=fields,
    image_codec=stage1_image_codec,
    flow_codec=flow_codec,
    text=text_encoder,
    negative_prompt=negative_prompt,
    trains="motion_modules",
    gradient_checkpointing=True,
    init_cfg=dict(type="Pretrained", checkpoint="checkpoints/mm_sd_v15_v2_motion.pth"),
)
train_dataloader["dataset"]["pipeline"].insert(2, dict(type=ResizeClip, size=(320, 320)))
default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=5000, max_keep_ckpts=2))
log_processor.update(by_epoch=False)
load_from = "work_dirs/motion_i2v_sd15_field_160k_webvid/iter_160000.pth"
