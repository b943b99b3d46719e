"""Focus-DETR with a ResNet-101 on COCO, 180,000 iterations, with the settings of the release.

    bash tools/dist_train.sh configs/focus_detr/focus_detr_r101_boxes_24e_coco.py 8
    python tools/test.py configs/focus_detr/focus_detr_r101_boxes_24e_coco.py \
        work_dirs/focus_detr_r101_boxes_24e_coco/iter_180000.pth

The authors' README reports 51.2 AP on val2017.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
"""

from mmengine.config import read_base

with read_base():
    from .focus_detr_r50_boxes_24e_coco import *

model.backbone.update(depth=101, pretrained="data/weights/resnet101-63fe2227.pth")
