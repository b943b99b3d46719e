"""Sparsely supervised COD at 512 px, batches of 8 (PCOD, ECCV 2024); labels are resized by nearest pixel."""

from mmengine.config import read_base

from sparsevision.datasets.transforms import (
    LoadImage,
    LoadMask,
    LoadSparseLabels,
    PackImageInputs,
    RandomFlip,
    Resize,
)

with read_base():
    from .cod import *

image_size = (512, 512)
train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSparseLabels, ignore_index=ignore_index, num_classes=2, point_side=11),
    dict(type=Resize, size=image_size, ignore_index=ignore_index),
    dict(type=RandomFlip, prob=0.5),
    dict(type=PackImageInputs),
]
test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadMask, threshold=128),
    dict(type=Resize, size=image_size),
    dict(type=PackImageInputs),
]
train_dataloader.update(batch_size=8)
train_dataloader.dataset.update(pipeline=train_pipeline)
test_dataloader.dataset.datasets[0].update(pipeline=test_pipeline)
test_dataloader.dataset.datasets[1].update(pipeline=test_pipeline)
test_dataloader.dataset.datasets[2].update(pipeline=test_pipeline)
test_dataloader.dataset.datasets[3].update(pipeline=test_pipeline)
