"""The tiny detector with Sparse DETR's encoder: 30 % of the tokens, the same ones in every layer.

    python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0
    python tools/train.py configs/focus_detr/tiny_sparse_detr_lite0_boxes_4e_shapes.py
    python tools/test.py configs/focus_detr/tiny_sparse_detr_lite0_boxes_4e_shapes.py \
        work_dirs/tiny_sparse_detr_lite0_boxes_4e_shapes/epoch_4.pth

One score map over all levels, which learns where the decoder looks; tokens of encoder layers learn to detect too.
Hardware: 2 CPU cores. Not timed yet; numbers so far: README.md beside this file.
"""

from mmengine.config import read_base

with read_base():
    from .tiny_focus_detr_lite0_boxes_4e_shapes import *

model.update(
    selector="joint",
    selector_target="decoder_attention",
    keep_ratio=0.3,
    cascade=(1.0, 1.0, 1.0),
    object_tokens=None,
)
model.losses.update(selector=1.0, encoder_layers=1.0)
