"""The same on the first 128 training pictures, with soft masks: the raw material of pseudo labels.

    python tools/test.py configs/gensam/tiny_gensam_mobilesam_conse_camouflage_train.py --out work_dirs/gensam_train
    python tools/annotation/pseudo_labels.py work_dirs/gensam_train/pred_soft_mask \
        --out data/tiny_camouflage/TrainDataset/Pseudo

Hardware and time: 2 CPU cores, about 5 minutes. No number to expect: the masks are for training, see
configs/sparse_seg/tiny_sparseseg_resnet18_pseudo_100e_camouflage.py.
"""

from mmengine.config import read_base

with read_base():
    from .tiny_gensam_mobilesam_conse_camouflage import *

model.soft_mask = True
test_dataloader.dataset.update(
    images="data/tiny_camouflage/TrainDataset/Imgs",
    masks_dir="data/tiny_camouflage/TrainDataset/GT",
    indices=128,
)
