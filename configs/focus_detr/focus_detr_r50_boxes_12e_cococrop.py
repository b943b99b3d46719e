"""Focus-DETR with a ResNet-50 on COCO, 90,000 iterations, half of the images cropped first, as in detrex.

    bash tools/dist_train.sh configs/focus_detr/focus_detr_r50_boxes_12e_cococrop.py 8
    python tools/test.py configs/focus_detr/focus_detr_r50_boxes_12e_cococrop.py \
        work_dirs/focus_detr_r50_boxes_12e_cococrop/iter_90000.pth

No number is reported for it; the release has this branch of DETR's augmentation commented out.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.coco_detection_crop import train_pipeline
    from .focus_detr_r50_boxes_12e_coco import *

train_dataloader.dataset.pipeline = train_pipeline
