"""Sparsely supervised COD at 512 px, batches of 8 (PCOD, ECCV 2024); labels are resized by nearest pixel."""

from mmengine.config import read_base

from sparsevision.datasets.transforms import Resize

with read_base():
    from .cod import *

image_size = (512, 512)
train_pipeline[1].update(point_side=11)
train_pipeline[2] = dict(type=Resize, size=image_size, ignore_index=ignore_index)
test_pipeline[2].update(size=image_size)
train_dataloader.update(batch_size=8)
train_dataloader.dataset.update(pipeline=train_pipeline)
test_dataloader.dataset.datasets[0].update(pipeline=test_pipeline)
test_dataloader.dataset.datasets[1].update(pipeline=test_pipeline)
test_dataloader.dataset.datasets[2].update(pipeline=test_pipeline)
test_dataloader.dataset.datasets[3].update(pipeline=test_pipeline)
