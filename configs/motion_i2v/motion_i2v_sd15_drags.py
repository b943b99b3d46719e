"""Motion-I2V as released, on images with drags: a video and its motion for every entry of a JSON file.

    python tools/test.py configs/motion_i2v/motion_i2v_sd15_drags.py CHECKPOINT

`data/drags/drags.json` is a list of {"image", "tracks", "brush", "prompt"}, see docs/motion_i2v.md; CHECKPOINT is made
from the released folders by tools/model_converters/motion_i2v.py. Never run at full size here.
"""

from mmengine.config import read_base

from sparsevision.datasets import SeededSampler, TrajectoryJson
from sparsevision.datasets.transforms import LoadDrags, PackVideoInputs
from sparsevision.evaluation import VideoMetric
from sparsevision.methods.motion_i2v import FrameRenderer, MotionI2V, MotionPredictor

with read_base():
    from .._base_.default_runtime import *
    from .._base_.models.motion_i2v_sd15 import *

shared = dict(frames=15, text=text_encoder, negative_prompt=negative_prompt, preset="published")
model = dict(
    type=MotionI2V,
    motion=dict(shared, type=MotionPredictor, image_codec=stage1_image_codec, flow_codec=flow_codec, controlnet=dict()),
    frames=dict(shared, type=FrameRenderer, image_codec=stage2_image_codec),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        type=TrajectoryJson,
        file="data/drags/drags.json",
        test_mode=True,
        pipeline=[dict(type=LoadDrags, size=(320, 512)), dict(type=PackVideoInputs)],
    ),
)
test_evaluator = dict(type=VideoMetric)
test_cfg = dict()
