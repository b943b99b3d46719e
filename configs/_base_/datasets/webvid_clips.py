"""Clips of 16 frames cut from WebVid (or any videos with captions), with their flow: what Motion-I2V learns from.

    python tools/dataset_converters/video_clips.py WEBVID_FOLDER --out data/webvid_clips/train --frames 16 --stride 8 \
        --size 320 512

`val` is made in the same way, from other videos.
"""

from sparsevision.datasets import SeededInfiniteSampler, SeededSampler, VideoFolder
from sparsevision.datasets.transforms import LoadClip, LoadClipTruth, PackVideoInputs
from sparsevision.evaluation import VideoMetric

data_root = "data/webvid_clips"
prepare = "tools/dataset_converters/video_clips.py makes it; see docs/motion_i2v.md."
fields = 15  # the frames after the first one

train_dataloader = dict(
    batch_size=2,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type=SeededInfiniteSampler, shuffle=True),
    dataset=dict(
        type=VideoFolder,
        folder=f"{data_root}/train/clips",
        truth=f"{data_root}/train/truth",
        captions="required",
        prepare=prepare,
        check="none",
        pipeline=[
            dict(type=LoadClip, frames=fields + 1, stride=1, random_start=False, broken="skip"),
            dict(type=LoadClipTruth),
            dict(type=PackVideoInputs),
        ],
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        type=VideoFolder,
        folder=f"{data_root}/val/clips",
        truth=f"{data_root}/val/truth",
        prepare=prepare,
        check="none",
        test_mode=True,
        pipeline=[
            dict(type=LoadClip, frames=fields + 1, stride=1, random_start=False),
            dict(type=LoadClipTruth),
            dict(type=PackVideoInputs, keep_video=True),
        ],
    ),
)
test_evaluator = dict(type=VideoMetric)
test_cfg = dict()
