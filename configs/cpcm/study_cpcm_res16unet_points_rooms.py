"""For budget studies: a narrow U-Net on coarse voxels, small enough to be trained a hundred times.

    python tools/make_synthetic.py rooms --out data/tiny_rooms --seed 0
    python tools/dataset_converters/s3dis.py data/tiny_rooms/s3dis --out data/tiny_rooms_s3dis
    python tools/annotation/point_labels.py data/tiny_rooms_s3dis --protocol class_even --budget 0.001 --seed 0
    python tools/annotation/budget_study.py configs/cpcm/study_cpcm_res16unet_points_rooms.py \
        --budgets 5 10 20 40

The study chooses the points itself: so many in each of 13 rooms. Reduced against
tiny_cpcm_res16unet_0p1pctminknet_40e_rooms (cross-entropy of two views, no masked pass): voxels of 20 cm instead of 12,
130 iterations instead of 520.
Hardware and time: one thread, 35 s a run beside a second one on two cores. Numbers: docs/budget_studies.md.
"""

from mmengine.config import read_base

from sparsevision.datasets import SeededInfiniteSampler

with read_base():
    from .tiny_cpcm_res16unet_0p1pctminknet_40e_rooms import *

study = dict(kind="cloud_point", metric="mIoU")
train_dataloader.update(num_workers=0, persistent_workers=False)
train_dataloader.sampler.update(type=SeededInfiniteSampler)
train_dataloader.dataset.pipeline[1].views.update(voxel_size=0.2)
test_dataloader.dataset.pipeline[1].update(voxel_size=0.2)
param_scheduler[0].update(by_epoch=False, convert_to_iter_based=False)
train_cfg = dict(by_epoch=False, max_iters=130, val_interval=130)
default_hooks.checkpoint.update(by_epoch=False, interval=130, max_keep_ckpts=1)
log_processor.update(by_epoch=False)
