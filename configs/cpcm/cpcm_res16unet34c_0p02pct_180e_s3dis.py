"""CPCM on S3DIS (Area 5), 0.02 % of the points labelled, with the settings of the script for 0.01 %.

    python tools/dataset_converters/s3dis.py downloads/Stanford3dDataset_v1.2_Aligned_Version \
        --out data/S3DIS --workers 8
    python tools/annotation/point_labels.py data/S3DIS --protocol official --budget 0.0002 --seed 0
    python tools/train.py configs/cpcm/cpcm_res16unet34c_0p02pct_180e_s3dis.py
    python tools/test.py configs/cpcm/cpcm_res16unet34c_0p02pct_180e_s3dis.py \
        work_dirs/cpcm_res16unet34c_0p02pct_180e_s3dis/epoch_180.pth

The settings are those of 0.01 %, as the author advises; no number could be read.
Hardware and time: one GPU with 24 GB, under one day by the authors' account; not run by us.
"""

from mmengine.config import read_base

from sparsevision.datasets import PointPreprocessor
from sparsevision.methods.cpcm import CPCM, Res16UNet34C

with read_base():
    from .._base_.datasets.s3dis_seg import *
    from .._base_.default_runtime import *
    from .._base_.schedules.sgd_poly import *

model = dict(
    type=CPCM,
    preset="published",
    data_preprocessor=dict(type=PointPreprocessor, max_voxels=1_000_000),
    network=dict(type=Res16UNet34C, in_channels=3, num_classes=num_classes, first_kernel=3),
    consistency=2.0,
    mask=dict(weight=10.0, grid_size=8, ratio=0.75, mode="grid"),
    ramp_length=5,
)
train_dataloader.dataset.update(sparse="sparse/official_0.0002_seed0.npz")
val_dataloader, val_evaluator, val_cfg = test_dataloader, test_evaluator, dict()
train_cfg.update(max_epochs=180, val_interval=10)
randomness.update(seed=123)
