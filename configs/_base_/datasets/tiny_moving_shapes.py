"""The world of moving shapes: 1500 clips to learn from, 60 to test, 64 x 64 pixels; every second one of 16 frames.

python tools/make_synthetic.py moving_shapes --out data/tiny_moving_shapes --seed 0
"""

from sparsevision.datasets import SeededInfiniteSampler, SeededSampler, VideoFolder
from sparsevision.datasets.transforms import DragsFromTruth, LoadClip, LoadClipTruth, PackVideoInputs
from sparsevision.evaluation import VideoMetric

data_root = "data/tiny_moving_shapes"
prepare = "Make it with: python tools/make_synthetic.py moving_shapes --out data/tiny_moving_shapes --seed 0"
fields = 7  # the frames after the first one

load = [
    dict(type=LoadClip, frames=fields + 1, stride=2, random_start=False),
    dict(type=LoadClipTruth),
]
train_dataloader = dict(
    batch_size=6,
    num_workers=0,
    sampler=dict(type=SeededInfiniteSampler, shuffle=True),
    dataset=dict(
        type=VideoFolder,
        folder=f"{data_root}/train/clips",
        truth=f"{data_root}/train/truth",
        prepare=prepare,
        check="none",
        pipeline=[*load, dict(type=PackVideoInputs)],
    ),
)
test_dataloader = dict(
    batch_size=20,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        type=VideoFolder,
        folder=f"{data_root}/val/clips",
        truth=f"{data_root}/val/truth",
        prepare=prepare,
        check="none",
        test_mode=True,
        pipeline=[*load, dict(type=DragsFromTruth), dict(type=PackVideoInputs, keep_video=True)],
    ),
)
test_evaluator = dict(type=VideoMetric)
test_cfg = dict()
