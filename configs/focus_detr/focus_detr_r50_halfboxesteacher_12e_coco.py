"""Focus-DETR with a ResNet-50 on COCO with half of the boxes, and a teacher that finds what nobody drew.

    bash tools/dist_train.sh configs/focus_detr/focus_detr_r50_halfboxesteacher_12e_coco.py 8
    python tools/test.py configs/focus_detr/focus_detr_r50_halfboxesteacher_12e_coco.py \
        work_dirs/focus_detr_r50_halfboxesteacher_12e_coco/iter_90000.pth

No number is known.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
From 15,000 iterations on, boxes of a mean teacher are learnt where they are sure, and nothing is taken for background
where they are not.
"""

from mmengine.config import read_base

with read_base():
    from .focus_detr_r50_halfboxes_12e_coco import *

model.update(
    pseudo_boxes=dict(momentum=0.9996, from_iteration=15000, high=0.8, low=0.5, overlap=0.5, duplicates=0.6),
    zones=dict(token_score=0.3),
)
