"""For budget studies: the small U-Net with every point labelled, the upper bound.

    python tools/make_synthetic.py rooms --out data/tiny_rooms --seed 0
    python tools/dataset_converters/s3dis.py data/tiny_rooms/s3dis --out data/tiny_rooms_s3dis
    python tools/annotation/budget_study.py configs/cpcm/study_cpcm_res16unet_points_rooms.py \
        --budgets 5 10 20 40 \
        --dense configs/cpcm/study_cpcm_res16unet_dense_rooms.py

Reduced as study_cpcm_res16unet_points_rooms. Numbers: docs/budget_studies.md.
"""

from mmengine.config import read_base

with read_base():
    from .study_cpcm_res16unet_points_rooms import *

study.update(kind=None)
train_dataloader.dataset.update(sparse=None)
