"""CPCM on the synthetic rooms: a narrow U-Net on voxels of 12 cm, 0.1 % of the points labelled.

    python tools/make_synthetic.py rooms --out data/tiny_rooms --seed 0
    python tools/dataset_converters/s3dis.py data/tiny_rooms/s3dis --out data/tiny_rooms_s3dis
    python tools/annotation/point_labels.py data/tiny_rooms_s3dis --protocol class_even --budget 0.001 --seed 0
    python tools/train.py configs/cpcm/tiny_cpcm_res16unet_0p1pct_40e_rooms.py
    python tools/test.py configs/cpcm/tiny_cpcm_res16unet_0p1pct_40e_rooms.py \
        work_dirs/tiny_cpcm_res16unet_0p1pct_40e_rooms/epoch_40.pth

Hardware and time: 2 CPU cores (one trains, one makes views), under 4 minutes with testing. The numbers to expect, with
every seed, are in README.md beside this file.
"""

from mmengine.config import read_base

from sparsevision.datasets import PointPreprocessor
from sparsevision.methods.cpcm import CPCM, Res16UNet

with read_base():
    from .._base_.datasets.tiny_rooms import *
    from .._base_.default_runtime import *
    from .._base_.schedules.radam_poly import *

model = dict(
    type=CPCM,
    preset="fixed",
    data_preprocessor=dict(type=PointPreprocessor),
    network=dict(
        type=Res16UNet,
        in_channels=3,
        num_classes=num_classes,
        planes=(16, 32, 64, 64, 64, 32, 32, 16),
        layers=(1, 1, 1, 1, 1, 1, 1, 1),
        first_channels=16,
    ),
    consistency=0.0,
    mask=dict(weight=1.0, grid_size=4, ratio=0.5, mode="grid"),
    ramp_length=10,
)
optim_wrapper.optimizer.update(lr=2e-2)
train_cfg.update(max_epochs=40)
default_hooks.checkpoint.update(interval=10)
default_hooks.logger.update(interval=13)
env_cfg.update(torch_threads=1)  # small sparse convolutions gain nothing from a second one
