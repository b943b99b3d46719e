"""SemanticKITTI in the view of the front camera, at 2 cm, with the augmentation of the released code.

python tools/dataset_converters/semantic_kitti.py downloads/kitti/dataset --out data/SemanticKITTI --workers 8
python tools/annotation/point_labels.py data/SemanticKITTI --protocol official --budget 0.001 --seed 0
"""

from sparsevision.datasets import SemanticKITTIDataset, SeededSampler
from sparsevision.datasets.transforms import LoadPointScene, MakeEvaluationVoxels, MakeTwoViews, PackPointInputs
from sparsevision.evaluation import PointSegMetric

num_classes = 19
voxel_size = 0.02
data_root = "data/SemanticKITTI"
prepare = "Make it with tools/dataset_converters/semantic_kitti.py (docs/prepare_data.md)."
views = dict(
    voxel_size=voxel_size,
    largest_angles=(0.04908738521234052, 0.04908738521234052, 3.141592653589793),  # radians: pi / 64, pi / 64, pi
    jitter_probability=0.95,
)

train_pipeline = [
    dict(type=LoadPointScene),
    dict(type=MakeTwoViews, views=views, preset="published"),
    dict(type=PackPointInputs),
]
test_pipeline = [
    dict(type=LoadPointScene),
    dict(type=MakeEvaluationVoxels, voxel_size=voxel_size),
    dict(type=PackPointInputs, keep_points=True),
]
scans = dict(type=SemanticKITTIDataset, data_root=data_root, prepare=prepare)
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(scans, split="train", sparse="sparse/official_0.001_seed0.npz", pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(scans, split="val", test_mode=True, pipeline=test_pipeline),
)
test_evaluator = dict(type=PointSegMetric)
test_cfg = dict()
