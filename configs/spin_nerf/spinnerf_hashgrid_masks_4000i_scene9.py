"""SPIn-NeRF, masks: a field with an objectness, from masks of the views; scene 9 of the removal benchmark.

    python tools/train.py configs/spin_nerf/spinnerf_hashgrid_masks_4000i_scene9.py
    python tools/test.py configs/spin_nerf/spinnerf_hashgrid_masks_4000i_scene9.py \
        work_dirs/spinnerf_hashgrid_masks_4000i_scene9/iter_4000.pth

Published settings: 4,000 iterations, rate 0.01. Hardware: one graphics card; not run by us. Data:
docs/prepare_data.md.
"""

from mmengine.config import read_base

with read_base():
    from .spinnerf_hashgrid_masks_4000i_statue import *

train_dataloader.dataset.update(data_root="data/spin_nerf/9", factor=4)
test_dataloader.dataset.update(data_root="data/spin_nerf/9", factor=4)
