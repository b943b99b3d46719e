"""SPIn-NeRF, background of scene 1 of the removal benchmark.

Background: the field of all but the object ("masked NeRF", a baseline; the scene stage of tools/spin_nerf.py).

    python tools/train.py configs/spin_nerf/spinnerf_hashgrid_background_4000i_scene1.py
    python tools/test.py configs/spin_nerf/spinnerf_hashgrid_background_4000i_scene1.py \
        work_dirs/spinnerf_hashgrid_background_4000i_scene1/iter_4000.pth

Published settings of the scene's field; holes are not learnt from. Hardware: one graphics card; not run by us. Data:
docs/prepare_data.md.
"""

from mmengine.config import read_base

with read_base():
    from .spinnerf_hashgrid_background_4000i_statue import *

train_dataloader.dataset.update(data_root="data/spin_nerf/1", factor=4)
test_dataloader.dataset.update(data_root="data/spin_nerf/1", factor=4, views="test")
