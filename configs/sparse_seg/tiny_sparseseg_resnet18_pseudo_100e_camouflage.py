"""The same network from masks that GenSAM made of a sentence: no annotation at all.

    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/test.py configs/gensam/tiny_gensam_mobilesam_conse_camouflage_train.py --out work_dirs/gensam_train
    python tools/annotation/pseudo_labels.py work_dirs/gensam_train/pred_soft_mask --area 0.001 0.3 \
        --out data/tiny_camouflage/TrainDataset/Pseudo
    python tools/train.py configs/sparse_seg/tiny_sparseseg_resnet18_pseudo_100e_camouflage.py
    python tools/test.py configs/sparse_seg/tiny_sparseseg_resnet18_pseudo_100e_camouflage.py \
        work_dirs/tiny_sparseseg_resnet18_pseudo_100e_camouflage/epoch_100.pth

The number to beat is that of GenSAM itself, configs/gensam/tiny_gensam_mobilesam_conse_camouflage.py.
Hardware and time: 2 CPU cores, about 3 minutes for training and testing. The numbers to expect, with every seed, are in
README.md beside this file. 100 epochs of the 68 images whose masks pass the screen are about 30 of all 320.
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
from sparsevision.methods.sparse_seg.terms import PartialCrossEntropy
from sparsevision.methods.sparse_seg.terms_unlabelled import SaliencyCoherence, StructureConsistency

with read_base():
    from .tiny_sparseseg_resnet18_scribblepce_30e_camouflage import *

model.terms = [
    dict(type=PartialCrossEntropy, class_share=(0.9, 0.1)),
    dict(type=SaliencyCoherence, weight=0.1, scale=0.5),
    dict(type=StructureConsistency, scale=0.5),
]
train_dataloader.dataset.update(
    sparse_dir=None,
    pseudo_dir="Pseudo",
    pipeline=[
        dict(type=LoadImage),
        dict(type=LoadPseudoMask, sure=(0.3, 0.7), ignore_index=ignore_index),
        dict(type=RandomCrop, share=(0.75, 1.0)),
        dict(type=Resize, size=image_size, ignore_index=ignore_index),
        dict(type=RandomFlip, prob=0.5),
        dict(type=ColourJitter),
        dict(type=PackImageInputs),
    ],
)
train_cfg.update(max_epochs=100)
