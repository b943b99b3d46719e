"""The scribble config with one point on each animal and one beside it (squares of 3x3 pixels, as P-COD draws them).

    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/train.py configs/sparse_seg/tiny_sparseseg_resnet18_point_30e_camouflage.py
    python tools/test.py configs/sparse_seg/tiny_sparseseg_resnet18_point_30e_camouflage.py \
        work_dirs/tiny_sparseseg_resnet18_point_30e_camouflage/epoch_30.pth

Hardware and time: 2 CPU cores, about 3 minutes for training and testing. The numbers to expect, with every seed, are in
README.md beside this file.
"""

from mmengine.config import read_base

with read_base():
    from .tiny_sparseseg_resnet18_scribble_30e_camouflage import *

train_dataloader.dataset.sparse_dir = "Point"
