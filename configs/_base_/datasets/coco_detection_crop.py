"""COCO 2017 with the whole augmentation of DETR, which detrex has: half of the images are cropped before the resize.

Cropped: short side 400, 500 or 600, then a window of 384 to 600 pixels a side, then the resize that all images get.
"""

from mmcv.transforms import RandomChoice
from mmengine.config import read_base

from sparsevision.datasets.transforms import RandomCropBoxes

with read_base():
    from .coco_detection import *

train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadBoxes, crowds=False),
    dict(type=RandomFlipBoxes, prob=0.5),
    dict(
        type=RandomChoice,
        transforms=[
            [],
            [dict(type=ResizeShortSide, short=(400, 500, 600)), dict(type=RandomCropBoxes, low=384, high=600)],
        ],
    ),
    dict(type=ResizeShortSide, short=short_sides, longest=longest_side),
    dict(type=PackDetectionInputs),
]
train_dataloader.dataset.pipeline = train_pipeline
