"""The synthetic street by day, 96x128 pixels: 76 frames of 24 drives with one click a class to learn, 8 drives to test.

python tools/make_synthetic.py street --out data/tiny_street --seed 0
"""

from mmseg.evaluation import IoUMetric

from sparsevision.datasets import DSECSemanticDataset, SeededSampler
from sparsevision.datasets.transforms import DrawEventFlip, LoadEventGrids, LoadEventLabels, PackEventInputs

ignore_index = 255
num_classes = 11
data_root = "data/tiny_street/dsec"
prepare = "Make it with: python tools/make_synthetic.py street --out data/tiny_street --seed 0"
grids = dict(num_grids=2, events_per_grid=6000, bins=5, rounding="floor", reverse_multiple=5.0)

train_pipeline = [
    dict(type=DrawEventFlip, prob=0.5),
    dict(type=LoadEventGrids, streams=("past", "future"), **grids),
    dict(type=LoadEventLabels, fields=("sparse_sem_seg", "gt_sem_seg"), ignore_index=ignore_index),
    dict(type=PackEventInputs),
]
test_pipeline = [
    dict(type=LoadEventGrids, streams=("past",), **grids),
    dict(type=LoadEventLabels, fields=("gt_sem_seg",), ignore_index=ignore_index),
    dict(type=PackEventInputs),
]
street = dict(
    type=DSECSemanticDataset,
    data_root=data_root,
    name="TinyStreet",
    sequences="all",
    classes=num_classes,
    protocol="full",
    sensor_size=(96, 128),
    crop_bottom=8,
    prepare=prepare,
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(street, split="train", points=1, every=6, pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(street, split="test", test_mode=True, pipeline=test_pipeline),
)
test_evaluator = dict(type=IoUMetric, ignore_index=ignore_index, iou_metrics=["mIoU"], nan_to_num=0)
test_cfg = dict()
