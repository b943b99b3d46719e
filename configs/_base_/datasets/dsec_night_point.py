"""DSEC Night-Point in 11 classes, as EV-WSSS reads it; see docs/prepare_data.md.

Each sample is 2 million events before its label and 10 million after it. A class that is absent from truth and
predictions counts as IoU 0.
"""

from mmseg.evaluation import IoUMetric

from sparsevision.datasets import DSECNightPointDataset, SeededSampler
from sparsevision.datasets.transforms import DrawEventFlip, LoadEventGrids, LoadEventLabels, PackEventInputs

ignore_index = 255
num_classes = 11
data_root = "data/DSEC_Night"
num_grids = 20
grids = dict(num_grids=num_grids, events_per_grid=100_000, bins=5, rounding="trunc", reverse_multiple=5.0)

train_pipeline = [
    dict(type=DrawEventFlip, prob=0.5),
    dict(type=LoadEventGrids, streams=("past", "future"), **grids),
    dict(type=LoadEventLabels, fields=("sparse_sem_seg",), ignore_index=ignore_index),
    dict(type=PackEventInputs),
]
test_pipeline = [
    dict(type=LoadEventGrids, streams=("past",), **grids),
    dict(type=LoadEventLabels, fields=("gt_sem_seg",), ignore_index=ignore_index),
    dict(type=PackEventInputs),
]
night = dict(type=DSECNightPointDataset, data_root=data_root, classes=num_classes)
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(night, split="train", min_events=(num_grids, num_grids), pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(night, split="test", min_events=(num_grids, 1), test_mode=True, pipeline=test_pipeline),
)
test_evaluator = dict(type=IoUMetric, ignore_index=ignore_index, iou_metrics=["mIoU"], nan_to_num=0)
test_cfg = dict()
