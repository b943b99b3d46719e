"""The same network with every pixel labelled: the upper bound that sparse labels are compared with.

    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/train.py configs/sparse_seg/tiny_sparseseg_resnet18_dense_30e_camouflage.py
    python tools/test.py configs/sparse_seg/tiny_sparseseg_resnet18_dense_30e_camouflage.py \
        work_dirs/tiny_sparseseg_resnet18_dense_30e_camouflage/epoch_30.pth

Hardware and time: 2 CPU cores, about 3 minutes for training and testing. The numbers to expect, with every seed, are in
README.md beside this file.
"""

from mmengine.config import read_base

from sparsevision.datasets.transforms import (
    ColourJitter,
    LoadImage,
    LoadMask,
    PackImageInputs,
    RandomCrop,
    RandomFlip,
    Resize,
)
from sparsevision.methods.sparse_seg.terms import DenseCrossEntropy

with read_base():
    from .tiny_sparseseg_resnet18_scribblepce_30e_camouflage import *

model.terms = [dict(type=DenseCrossEntropy)]
train_dataloader.dataset.pipeline = [
    dict(type=LoadImage),
    dict(type=LoadMask, threshold=128),
    dict(type=RandomCrop, share=(0.75, 1.0)),
    dict(type=Resize, size=image_size, resize_truth=True),
    dict(type=RandomFlip, prob=0.5),
    dict(type=ColourJitter),
    dict(type=PackImageInputs),
]
