"""DINO with a ResNet-50 on COCO, 180,000 iterations.

    bash tools/dist_train.sh configs/focus_detr/dino_r50_boxes_24e_coco.py 8
    python tools/test.py configs/focus_detr/dino_r50_boxes_24e_coco.py \
        work_dirs/dino_r50_boxes_24e_coco/iter_180000.pth

detrex reports 50.6 AP on val2017, with its crops (data of focus_detr_r50_boxes_12e_cococrop).
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
Positions differ from the config of 12 epochs: temperature 20, no offset. A checkpoint needs its own.
"""

from mmengine.config import read_base

with read_base():
    from .focus_detr_r50_boxes_24e_coco import *

model.update(selector=None, object_tokens=None)
