"""The baseline of CPCM on the synthetic rooms: cross-entropy of two views alone.

    python tools/make_synthetic.py rooms --out data/tiny_rooms --seed 0
    python tools/dataset_converters/s3dis.py data/tiny_rooms/s3dis --out data/tiny_rooms_s3dis
    python tools/annotation/point_labels.py data/tiny_rooms_s3dis --protocol class_even --budget 0.001 --seed 0
    python tools/train.py configs/cpcm/tiny_cpcm_res16unet_0p1pctminknet_40e_rooms.py
    python tools/test.py configs/cpcm/tiny_cpcm_res16unet_0p1pctminknet_40e_rooms.py \
        work_dirs/tiny_cpcm_res16unet_0p1pctminknet_40e_rooms/epoch_40.pth

Hardware and time: 2 CPU cores, under 4 minutes for training and testing. Numbers: README.md beside this file.
"""

from mmengine.config import read_base

with read_base():
    from .tiny_cpcm_res16unet_0p1pct_40e_rooms import *

model.update(mask=None)
