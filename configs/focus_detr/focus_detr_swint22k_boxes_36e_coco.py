"""Focus-DETR with Swin-T of ImageNet-22k on COCO, 270,000 iterations, with the settings of the release.

    bash tools/dist_train.sh configs/focus_detr/focus_detr_swint22k_boxes_36e_coco.py 8
    python tools/test.py configs/focus_detr/focus_detr_swint22k_boxes_36e_coco.py \
        work_dirs/focus_detr_swint22k_boxes_36e_coco/iter_270000.pth

The authors' README reports 53.2 AP on val2017.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
"""

from mmengine.config import read_base

with read_base():
    from .focus_detr_swint_boxes_36e_coco import *

model.backbone.update(pretrained="data/weights/swin_tiny_patch4_window7_224_22kto1k_finetune.pth")
