"""The tiny detector with Salience-style selection: graded targets, a share of each level, a background embedding.

    python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0
    python tools/train.py configs/focus_detr/tiny_salience_detr_lite0_boxes_4e_shapes.py
    python tools/test.py configs/focus_detr/tiny_salience_detr_lite0_boxes_4e_shapes.py \
        work_dirs/tiny_salience_detr_lite0_boxes_4e_shapes/epoch_4.pth

The encoder updates 30 % of the tokens on average, as the tiny Focus-DETR does: at most 40 % of the finest level, 80 %
of the next and all of the coarsest in its first layer.
Hardware: 2 CPU cores. Not timed yet; numbers so far: README.md beside this file.
"""

from mmengine.config import read_base

with read_base():
    from .tiny_focus_detr_lite0_boxes_4e_shapes import *

model.update(
    selector_target="salience",
    keep_ratio=1.0,
    level_ratios=(0.4, 0.8, 1.0),
    background_embedding=True,
)
