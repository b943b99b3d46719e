"""The scribble config with a box around each animal, its edges off by up to 5 % of a side.

    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/train.py configs/sparse_seg/tiny_sparseseg_resnet18_box_30e_camouflage.py
    python tools/test.py configs/sparse_seg/tiny_sparseseg_resnet18_box_30e_camouflage.py \
        work_dirs/tiny_sparseseg_resnet18_box_30e_camouflage/epoch_30.pth

Outside of the boxes is background; inside, the animal should reach from side to side and from top to bottom.
Hardware and time: 2 CPU cores, about 3 minutes for training and testing. The numbers to expect, with every seed, are in
README.md beside this file.
"""

from mmengine.config import read_base

from sparsevision.methods.sparse_seg.terms import BoxProjection, PartialCrossEntropy
from sparsevision.methods.sparse_seg.terms_unlabelled import SaliencyCoherence, StructureConsistency

with read_base():
    from .tiny_sparseseg_resnet18_scribble_30e_camouflage import *

train_dataloader.dataset.sparse_dir = "Annotations/box"
model.terms = [
    dict(type=PartialCrossEntropy),
    dict(type=BoxProjection, weight=2.0),
    dict(type=SaliencyCoherence, weight=0.1, scale=0.5),
    dict(type=StructureConsistency, scale=0.6, compared_at=0.5, moves=True, weights=(1.3, 0.7)),
]
