"""DSEC Night-Point in 11 classes, as EV-WSSS reads it: the grids, loaders and metric of DSEC-Semantic on other drives.

See docs/prepare_data.md.
"""

from mmengine.config import read_base

from sparsevision.datasets import DSECNightPointDataset

with read_base():
    from .dsec_semantic import *

data_root = "data/DSEC_Night"
night = dict(type=DSECNightPointDataset, data_root=data_root, classes=num_classes)
train_dataloader.dataset = dict(night, split="train", min_events=(num_grids, num_grids), pipeline=train_pipeline)
test_dataloader.dataset = dict(night, split="test", min_events=(num_grids, 1), test_mode=True, pipeline=test_pipeline)
