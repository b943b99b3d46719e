"""For budget studies: the small config with every pixel labelled, the upper bound; or masks as a kind of annotation.

    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/annotation/budget_study.py configs/sparse_seg/study_sparseseg_resnet18_point_camouflage.py \
        --budgets 10 20 40 80 160 \
        --dense configs/sparse_seg/study_sparseseg_resnet18_dense_camouflage.py

Reduced as study_sparseseg_resnet18_scribble_camouflage. Numbers: docs/budget_studies.md.
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
    from .study_sparseseg_resnet18_scribble_camouflage import *

study.update(kind="mask")
model.terms = [dict(type=DenseCrossEntropy)]
train_dataloader.dataset.pipeline = [
    dict(type=LoadImage),
    dict(type=LoadMask, threshold=128),
    dict(type=RandomCrop, share=(0.75, 1.0)),
    dict(type=Resize, size=small, resize_truth=True),
    dict(type=RandomFlip, prob=0.5),
    dict(type=ColourJitter),
    dict(type=PackImageInputs),
]
