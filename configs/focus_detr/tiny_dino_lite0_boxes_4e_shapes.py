"""The tiny detector with a dense encoder, DINO: what Focus-DETR thins out.

    python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0
    python tools/train.py configs/focus_detr/tiny_dino_lite0_boxes_4e_shapes.py
    python tools/test.py configs/focus_detr/tiny_dino_lite0_boxes_4e_shapes.py \
        work_dirs/tiny_dino_lite0_boxes_4e_shapes/epoch_4.pth

Hardware: 2 CPU cores. Not timed on a machine of its own; numbers: README.md beside this file.
"""

from mmengine.config import read_base

with read_base():
    from .tiny_focus_detr_lite0_boxes_4e_shapes import *

model.update(selector=None, object_tokens=None)
model.pop("first_range")
