"""DINO with a ResNet-101 on COCO, 90,000 iterations.

    bash tools/dist_train.sh configs/focus_detr/dino_r101_boxes_12e_coco.py 8
    python tools/test.py configs/focus_detr/dino_r101_boxes_12e_coco.py \
        work_dirs/dino_r101_boxes_12e_coco/iter_90000.pth

detrex reports 50.0 AP on val2017, with its crops (data of focus_detr_r50_boxes_12e_cococrop).
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
"""

from mmengine.config import read_base

with read_base():
    from .focus_detr_r101_boxes_12e_coco import *

model.update(selector=None, object_tokens=None)
