"""What all sets of point clouds have in common; each says its data set, voxel size and augmentation."""

from sparsevision.datasets import SeededSampler
from sparsevision.datasets.transforms import LoadPointScene, MakeEvaluationVoxels, MakeTwoViews, PackPointInputs
from sparsevision.evaluation import PointSegMetric

train_pipeline = [
    dict(type=LoadPointScene),
    dict(type=MakeTwoViews, preset="published"),
    dict(type=PackPointInputs),
]
test_pipeline = [
    dict(type=LoadPointScene),
    dict(type=MakeEvaluationVoxels),
    dict(type=PackPointInputs, keep_points=True),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededSampler, shuffle=True),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
)
test_evaluator = dict(type=PointSegMetric)
test_cfg = dict()
