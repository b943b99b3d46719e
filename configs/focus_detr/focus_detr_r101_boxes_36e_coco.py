"""Focus-DETR with a ResNet-101 on COCO, 270,000 iterations, detectron2's schedule 3x.

    bash tools/dist_train.sh configs/focus_detr/focus_detr_r101_boxes_36e_coco.py 8
    python tools/test.py configs/focus_detr/focus_detr_r101_boxes_36e_coco.py \
        work_dirs/focus_detr_r101_boxes_36e_coco/iter_270000.pth

The authors' README and paper report 51.4 AP on val2017.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
The release's file of this name trains a ResNet-50; its depth is corrected here.
"""

from mmengine.config import read_base

from mmengine.optim import LinearLR

with read_base():
    from .focus_detr_r50_boxes_36e_coco import *

model.backbone.update(depth=101, pretrained="data/weights/resnet101-63fe2227.pth")
param_scheduler = [
    dict(type=LinearLR, start_factor=0.001, begin=0, end=1000, by_epoch=False),
    dict(type=MultiStepLR, milestones=[210000, 250000], gamma=0.1, by_epoch=False),
]
