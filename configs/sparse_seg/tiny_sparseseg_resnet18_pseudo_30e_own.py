"""The small network on one's own images, from the masks that GenSAM gives them: no annotation at all.

    python tools/test.py configs/gensam/tiny_gensam_mobilesam_conse.py --out work_dirs/own_gensam --cfg-options \
        test_dataloader.dataset.images=data/own/Imgs test_dataloader.dataset.masks_dir=None \
        +test_evaluator.truth_optional=True +model.soft_mask=True
    python tools/annotation/pseudo_labels.py work_dirs/own_gensam/pred_soft_mask --out data/own/Pseudo
    python tools/train.py configs/sparse_seg/tiny_sparseseg_resnet18_pseudo_30e_own.py
    python tools/test.py configs/sparse_seg/tiny_sparseseg_resnet18_pseudo_30e_own.py \
        work_dirs/tiny_sparseseg_resnet18_pseudo_30e_own/epoch_30.pth --show-dir work_dirs/own_pictures

Reads data/own/Imgs and data/own/Pseudo; docs/own_images.md walks through it.
Hardware and time: 2 CPU cores, about 2 minutes after GenSAM. There is no number to expect: it depends on the images.
"""

from mmengine.config import read_base

from sparsevision.datasets.transforms import (
    ColourJitter,
    LoadImage,
    LoadPseudoMask,
    PackImageInputs,
    RandomCrop,
    RandomFlip,
    Resize,
)
from sparsevision.methods.sparse_seg.terms import PseudoLabels

with read_base():
    from .tiny_sparseseg_resnet18_any_30e_own import *

train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadPseudoMask),
    dict(type=RandomCrop, share=(0.75, 1.0)),
    dict(type=Resize, size=image_size),
    dict(type=RandomFlip, prob=0.5),
    dict(type=ColourJitter),
    dict(type=PackImageInputs),
]
train_dataloader.dataset.dataset.update(sparse_dir=None, pseudo_dir="data/own/Pseudo", pipeline=train_pipeline)
model.update(terms=[dict(type=PseudoLabels)])
