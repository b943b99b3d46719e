"""Sparse DETR's selection in a DINO with a ResNet-50 on COCO, 270,000 iterations.

    bash tools/dist_train.sh configs/focus_detr/sparse_detr_r50_boxes_36e_coco.py 8
    python tools/test.py configs/focus_detr/sparse_detr_r50_boxes_36e_coco.py \
        work_dirs/sparse_detr_r50_boxes_36e_coco/iter_270000.pth

The Focus-DETR paper reports 48.2 AP on val2017 for DINO with Sparse DETR at this keep ratio.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
One score map over all levels, one fixed set of tokens for all layers, which read the current memory; the selector
learns where the decoder looks. Sparse DETR's losses of encoder layers are left out;
--cfg-options +model.losses.encoder_layers=1.0 adds them.
"""

from mmengine.config import read_base

with read_base():
    from .focus_detr_r50_boxes_36e_coco import *

model.update(
    selector="joint",
    selector_target="decoder_attention",
    keep_ratio=0.3,
    cascade=(1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    object_tokens=None,
    losses=dict(selector=1.0),
    switches=dict(stale_value=False),
)
