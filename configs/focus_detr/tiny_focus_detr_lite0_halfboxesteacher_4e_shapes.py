"""The tiny detector with half of the boxes, and a mean teacher that finds what nobody drew.

    python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0
    python tools/train.py configs/focus_detr/tiny_focus_detr_lite0_halfboxesteacher_4e_shapes.py
    python tools/test.py configs/focus_detr/tiny_focus_detr_lite0_halfboxesteacher_4e_shapes.py \
        work_dirs/tiny_focus_detr_lite0_halfboxesteacher_4e_shapes/epoch_4.pth

After 500 steps the teacher's boxes are learnt where they are sure, and nothing is taken for background where
they are not; the selector is taught nothing about tokens that the teacher takes for foreground.
Hardware: 2 CPU cores. Not timed on a machine of its own; numbers: README.md beside this file.
"""

from mmengine.config import read_base

with read_base():
    from .tiny_focus_detr_lite0_halfboxes_4e_shapes import *

model.update(
    pseudo_boxes=dict(momentum=0.99, from_iteration=500, relative=False, high=0.5, low=0.4),
    zones=dict(token_score=0.3),
)
