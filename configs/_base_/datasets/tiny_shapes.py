"""The synthetic detection world: 1500 pictures of shapes and cut-outs to learn from, 200 to test, about 256x192 pixels.

python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0
"""

from sparsevision.datasets import CocoDetectionDataset, SeededSampler
from sparsevision.datasets.transforms import LoadBoxes, LoadImage, PackDetectionInputs, RandomFlipBoxes, ResizeShortSide
from sparsevision.evaluation import CocoMetric

num_classes = 8
data_root = "data/tiny_shapes"
prepare = "Make it with: python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0"

small = dict(type=ResizeShortSide, short=144, longest=192)  # half the work of the full size
train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadBoxes),
    small,
    dict(type=RandomFlipBoxes, prob=0.5),
    dict(type=PackDetectionInputs),
]
test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadBoxes),
    small,
    dict(type=PackDetectionInputs),
]
shapes = dict(
    type=CocoDetectionDataset, data_root=data_root, num_classes=num_classes, name="TinyShapes", prepare=prepare
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(
        shapes,
        ann_file="annotations/instances_train2017.json",
        data_prefix=dict(img="train2017"),
        filter_empty=True,
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        shapes,
        ann_file="annotations/instances_val2017.json",
        data_prefix=dict(img="val2017"),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type=CocoMetric)
test_cfg = dict()
