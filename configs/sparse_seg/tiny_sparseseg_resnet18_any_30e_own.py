"""The small network on a folder of one's own images, from whatever was annotated: points, clicks, scribbles, boxes.

    python tools/annotation/annotate.py data/own/Imgs --out data/own/Annotations
    python tools/train.py configs/sparse_seg/tiny_sparseseg_resnet18_any_30e_own.py
    python tools/test.py configs/sparse_seg/tiny_sparseseg_resnet18_any_30e_own.py \
        work_dirs/tiny_sparseseg_resnet18_any_30e_own/epoch_30.pth --show-dir work_dirs/own_pictures

Reads data/own/Imgs and data/own/Annotations; docs/own_images.md walks through it. Class 0 is background, class 1 what
is looked for. With five images an epoch has 15 steps; with n images train_dataloader.dataset.times=120/n keeps it so.
Hardware and time: 2 CPU cores, about 2 minutes. There is no number to expect: it depends on the images.
"""

from mmengine.config import read_base

from sparsevision.methods.sparse_seg.terms import BoxProjection

with read_base():
    from .tiny_sparseseg_resnet18_scribble_30e_camouflage import *
    from .._base_.datasets.own_images import *

model.terms.append(dict(type=BoxProjection, weight=2.0))  # adds nothing to images without a box
