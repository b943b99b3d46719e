"""CPCM on ScanNet, 0.01 % of the points labelled, with the settings of the released script.

    python tools/dataset_converters/scannet.py downloads/scannet --out data/ScanNet --workers 8
    python tools/annotation/point_labels.py data/ScanNet --official downloads/percentage0.0001evenc \
        --out data/ScanNet/sparse/released_0p01pct.npz
    bash tools/dist_train.sh configs/cpcm/cpcm_res16unet34c_0p01pct_180e_scannet.py 2
    python tools/test.py configs/cpcm/cpcm_res16unet34c_0p01pct_180e_scannet.py \
        work_dirs/cpcm_res16unet34c_0p01pct_180e_scannet/epoch_180.pth

The authors' README reports 52.2 mIoU (voxels, best epoch on these very scenes); expect less of the last epoch.
Hardware and time: two GPUs with 24 GB, under two days (the authors); not run by us. On one GPU:
tools/train.py with --cfg-options train_dataloader.batch_size=4.
"""

from mmengine.config import read_base

with read_base():
    from .cpcm_res16unet34c_0p1pct_180e_scannet import *

model.mask.update(weight=10.0, grid_size=8)
train_dataloader.dataset.update(sparse="sparse/released_0p01pct.npz")
train_dataloader.dataset.pipeline[1].views.update(jitter_probability=0.0)
