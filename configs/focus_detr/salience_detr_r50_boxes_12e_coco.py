"""Salience-style selection in a DINO with a ResNet-50 on COCO, 90,000 iterations.

    bash tools/dist_train.sh configs/focus_detr/salience_detr_r50_boxes_12e_coco.py 8
    python tools/test.py configs/focus_detr/salience_detr_r50_boxes_12e_coco.py \
        work_dirs/salience_detr_r50_boxes_12e_coco/iter_90000.pth

Salience DETR's README reports 50.0 AP on val2017 for the whole method, of which this is the encoder's part.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
Graded targets that fall from an object's centre to its border, a share of the tokens for each level, and a learnt
vector for tokens that the last layer left out.
"""

from mmengine.config import read_base

with read_base():
    from .focus_detr_r50_boxes_12e_cococrop import *

model.update(
    selector_target="salience",
    keep_ratio=1.0,
    level_ratios=(0.4, 0.8, 1.0, 1.0),
    background_embedding=True,
)
