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

from sparsevision.datasets import PointPreprocessor
from sparsevision.methods.cpcm import CPCM, Res16UNet34C

with read_base():
    from .._base_.datasets.scannet_seg import *
    from .._base_.default_runtime import *
    from .._base_.schedules.sgd_poly import *

model = dict(
    type=CPCM,
    preset="published",
    data_preprocessor=dict(type=PointPreprocessor, max_voxels=1_000_000),
    network=dict(type=Res16UNet34C, in_channels=3, num_classes=num_classes, first_kernel=3),
    consistency=0.0,
    mask=dict(weight=10.0, grid_size=8, ratio=0.75, mode="grid"),
    ramp_length=5,
)
train_dataloader.dataset.update(sparse="sparse/released_0p01pct.npz")
val_dataloader, val_evaluator, val_cfg = test_dataloader, test_evaluator, dict()
train_cfg.update(max_epochs=180, val_interval=10)
optim_wrapper.optimizer.update(lr=0.02)  # 0.01 for each GPU
randomness.update(seed=123)
