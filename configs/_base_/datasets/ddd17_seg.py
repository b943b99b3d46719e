"""DDD17-Seg with one click a class and frame, as EV-WSSS reads it; see docs/prepare_data.md.

Each sample is 640,000 events before its image and as many after it; the latter begin with the last two before the image
(`reverse_start` "fixed": with the first after it). Grids and labels are widened from 346 to 352 columns, and scores are
taken there; with `resize_truth` False in the test's ResizeEvents they are taken at 346, as ESS does. Nothing is
augmented. A class that is absent from truth and predictions counts as IoU 0.
"""

from mmseg.evaluation import IoUMetric

from sparsevision.datasets import DDD17SegDataset, SeededSampler
from sparsevision.datasets.transforms import LoadEventGrids, LoadEventLabels, PackEventInputs, ResizeEvents

ignore_index = 255
num_classes = 6
data_root = "data/ddd17_seg"
image_size = (200, 352)
num_grids = 20
grids = dict(
    num_grids=num_grids,
    events_per_grid=32_000,
    bins=5,
    kind="temporal",
    reverse_multiple=1.0,
    reverse_start="published",
)

train_pipeline = [
    dict(type=LoadEventGrids, streams=("past", "future"), **grids),
    dict(type=LoadEventLabels, fields=("sparse_sem_seg",), ignore_index=ignore_index),
    dict(type=ResizeEvents, size=image_size),
    dict(type=PackEventInputs),
]
test_pipeline = [
    dict(type=LoadEventGrids, streams=("past",), **grids),
    dict(type=LoadEventLabels, fields=("gt_sem_seg",), ignore_index=ignore_index),
    dict(type=ResizeEvents, size=image_size),
    dict(type=PackEventInputs),
]
ddd17 = dict(type=DDD17SegDataset, data_root=data_root)
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(ddd17, split="train", min_events=(num_grids, num_grids), points=1, pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(ddd17, split="valid", min_events=(num_grids, 1), test_mode=True, pipeline=test_pipeline),
)
test_evaluator = dict(type=IoUMetric, ignore_index=ignore_index, iou_metrics=["mIoU"], nan_to_num=0)
test_cfg = dict()
