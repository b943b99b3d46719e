"""The tiny detector with half of the boxes, as if they were all: the baseline of learning from sparse boxes.

    python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0
    python tools/train.py configs/focus_detr/tiny_focus_detr_lite0_halfboxes_4e_shapes.py
    python tools/test.py configs/focus_detr/tiny_focus_detr_lite0_halfboxes_4e_shapes.py \
        work_dirs/tiny_focus_detr_lite0_halfboxes_4e_shapes/epoch_4.pth

Hardware: 2 CPU cores. Not timed on a machine of its own; numbers: README.md beside this file.
"""

from mmengine.config import read_base

from sparsevision.datasets import SparseBoxes

with read_base():
    from .tiny_focus_detr_lite0_boxes_4e_shapes import *

train_dataloader.dataset = dict(
    type=SparseBoxes, dataset=train_dataloader.dataset, protocol="random", keep=0.5, seed=0, keep_emptied=False
)
