"""CPCM on SemanticKITTI, front camera, 0.01 % of the points labelled, with the settings of the released script.

    python tools/dataset_converters/semantic_kitti.py downloads/kitti/dataset --out data/SemanticKITTI --workers 8
    python tools/annotation/point_labels.py data/SemanticKITTI --protocol official --budget 0.0001 --seed 0
    bash tools/dist_train.sh configs/cpcm/cpcm_res16unet34c_0p01pct_50e_semantickitti.py 8
    python tools/test.py configs/cpcm/cpcm_res16unet34c_0p01pct_50e_semantickitti.py \
        work_dirs/cpcm_res16unet34c_0p01pct_50e_semantickitti/epoch_50.pth

The authors' README reports 34.7 mIoU (voxels, best epoch on these very scenes); expect less of the last epoch.
Hardware and time: eight GPUs in the release; not run by us. On one GPU: tools/train.py with --cfg-options
optim_wrapper.optimizer.lr=0.01.
"""

from mmengine.config import read_base

from sparsevision.datasets import PointPreprocessor
from sparsevision.methods.cpcm import CPCM, Res16UNet34C

with read_base():
    from .._base_.datasets.semantic_kitti_fov import *
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
train_dataloader.dataset.update(sparse="sparse/official_0.0001_seed0.npz")
val_dataloader, val_evaluator, val_cfg = test_dataloader, test_evaluator, dict()
train_cfg.update(max_epochs=50, val_interval=10)
optim_wrapper.optimizer.update(lr=0.08, weight_decay=1e-4)  # 0.01 for each GPU
randomness.update(seed=123)
