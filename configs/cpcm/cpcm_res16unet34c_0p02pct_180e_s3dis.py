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

with read_base():
    from .cpcm_res16unet34c_0p1pct_180e_s3dis import *

model.mask.update(weight=10.0, grid_size=8)
train_dataloader.dataset.update(sparse="sparse/official_0.0002_seed0.npz")
