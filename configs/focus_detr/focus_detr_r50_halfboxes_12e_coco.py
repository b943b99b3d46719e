"""Focus-DETR with a ResNet-50 on COCO with half of the boxes, as if they were all: the baseline.

    bash tools/dist_train.sh configs/focus_detr/focus_detr_r50_halfboxes_12e_coco.py 8
    python tools/test.py configs/focus_detr/focus_detr_r50_halfboxes_12e_coco.py \
        work_dirs/focus_detr_r50_halfboxes_12e_coco/iter_90000.pth

No number is known.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
"""

from mmengine.config import read_base

from sparsevision.datasets import SparseBoxes

with read_base():
    from .focus_detr_r50_boxes_12e_coco import *

model.update(preset="fixed")
train_dataloader.dataset = dict(
    type=SparseBoxes, dataset=train_dataloader.dataset, protocol="random", keep=0.5, seed=0, keep_emptied=False
)
