"""COCO 2017 as the released Focus-DETR was trained: flip, short side 480 to 800, long side up to 1333, no crop.

Crowds are forgotten in training, as the released code does; without crowds=False they are ignored zones.

data/coco/{train2017,val2017}/*.jpg, data/coco/annotations/instances_{train,val}2017.json; docs/prepare_data.md says
where to get them. Batches of 2 images on each of 8 GPUs. Other data in the same format: change data_root, ann_file and
data_prefix here, num_classes here and in the model, and nothing else.
"""

from sparsevision.datasets import CocoDetectionDataset, SeededInfiniteSampler, SeededSampler
from sparsevision.datasets.transforms import LoadBoxes, LoadImage, PackDetectionInputs, RandomFlipBoxes, ResizeShortSide
from sparsevision.evaluation import CocoMetric

num_classes = 80
data_root = "data/coco"
prepare = "Get COCO 2017 from https://cocodataset.org/#download (docs/prepare_data.md)."
short_sides = (480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800)
longest_side = 1333

train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadBoxes, crowds=False),
    dict(type=RandomFlipBoxes, prob=0.5),
    dict(type=ResizeShortSide, short=short_sides, longest=longest_side),
    dict(type=PackDetectionInputs),
]
test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadBoxes),
    dict(type=ResizeShortSide, short=800, longest=longest_side),
    dict(type=PackDetectionInputs),
]
coco = dict(type=CocoDetectionDataset, data_root=data_root, num_classes=num_classes, prepare=prepare)
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededInfiniteSampler, shuffle=True),
    dataset=dict(
        coco,
        ann_file="annotations/instances_train2017.json",
        data_prefix=dict(img="train2017"),
        filter_empty=True,
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        coco,
        ann_file="annotations/instances_val2017.json",
        data_prefix=dict(img="val2017"),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type=CocoMetric)
test_cfg = dict()
