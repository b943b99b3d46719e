"""Eight photos of a set in COCO's format by heart: do data, losses and network fit together?

    python tools/train.py configs/focus_detr/tiny_focus_detr_lite0_boxes_overfit_coco8.py
    python tools/test.py configs/focus_detr/tiny_focus_detr_lite0_boxes_overfit_coco8.py \
        work_dirs/tiny_focus_detr_lite0_boxes_overfit_coco8/epoch_240.pth

Training and testing see the first eight images of data/tinycoco/train2017, with boxes in
data/tinycoco/annotations/instances_train2017.json; --cfg-options train_dataloader.dataset.data_root=FOLDER
test_dataloader.dataset.data_root=FOLDER name another folder. Nothing is mirrored, so that a box stays where it is.
Hardware: 2 CPU cores; what it reached, and in what time: README.md beside this file.
"""

from mmengine.config import read_base
from mmengine.optim import CosineAnnealingLR, LinearLR

from sparsevision.datasets import CocoDetectionDataset
from sparsevision.datasets.transforms import LoadBoxes, LoadImage, PackDetectionInputs, ResizeShortSide

with read_base():
    from .tiny_focus_detr_lite0_boxes_4e_shapes import *

num_classes = 80
pipeline = [
    dict(type=LoadImage),
    dict(type=LoadBoxes),
    dict(type=ResizeShortSide, short=320),
    dict(type=PackDetectionInputs),
]
coco8 = dict(
    type=CocoDetectionDataset,
    data_root="data/tinycoco",
    ann_file="annotations/instances_train2017.json",
    data_prefix=dict(img="train2017"),
    num_classes=num_classes,
    indices=8,  # the first of the file
    prepare="Put a folder in COCO's format there (docs/prepare_data.md).",
    pipeline=pipeline,
)
train_dataloader.update(batch_size=2, dataset=coco8)
test_dataloader.update(batch_size=1, dataset=dict(coco8, test_mode=True))
model.update(
    num_classes=num_classes, num_queries=100, denoising=dict(queries=100), max_detections=100, first_range=26.0
)
train_cfg.update(max_epochs=240, val_interval=20)
default_hooks.checkpoint.update(interval=20)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.1, by_epoch=False, begin=0, end=40),
    dict(type=CosineAnnealingLR, eta_min_ratio=0.01, by_epoch=True, begin=120, convert_to_iter_based=True),
]
