"""Focus-DETR with a ResNet-50 on COCO, 90,000 iterations, mended, with a keep ratio drawn in every step.

    bash tools/dist_train.sh configs/focus_detr/focus_detr_r50_boxesdial_12e_coco.py 8
    python tools/test.py configs/focus_detr/focus_detr_r50_boxesdial_12e_coco.py \
        work_dirs/focus_detr_r50_boxesdial_12e_coco/iter_90000.pth

No number is known. In testing, --cfg-options model.keep_ratio=0.2 chooses between speed and precision.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
"""

from mmengine.config import read_base

with read_base():
    from .focus_detr_r50_boxes_12e_coco import *

model.update(preset="fixed", keep_ratio_range=(0.1, 1.0))
