"""Focus-DETR with Swin-B (384, ImageNet-22k) on COCO, 270,000 iterations, with the settings of the release.

    bash tools/dist_train.sh configs/focus_detr/focus_detr_swinb384_boxes_36e_coco.py 8
    python tools/test.py configs/focus_detr/focus_detr_swinb384_boxes_36e_coco.py \
        work_dirs/focus_detr_swinb384_boxes_36e_coco/iter_270000.pth

The authors' README reports 56.2 AP on val2017.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
"""

from mmengine.config import read_base

from sparsevision.methods.focus_detr.swin import SwinBackbone

with read_base():
    from .focus_detr_swint_boxes_36e_coco import *

model.backbone = dict(
    type=SwinBackbone, size="base", window=12, pretrained="data/weights/swin_base_patch4_window12_384_22k.pth"
)
