"""SPIn-NeRF, scene of scene 4 of the removal benchmark.

Scene: the field of the views as they are, whose disparities are inpainted.

    python tools/train.py configs/spin_nerf/spinnerf_hashgrid_scene_4000i_scene4.py
    python tools/test.py configs/spin_nerf/spinnerf_hashgrid_scene_4000i_scene4.py \
        work_dirs/spinnerf_hashgrid_scene_4000i_scene4/iter_4000.pth

Published settings: 4,000 iterations, rate 0.03. Hardware: one graphics card; not run by us. Data:
docs/prepare_data.md.
"""

from mmengine.config import read_base

with read_base():
    from .spinnerf_hashgrid_scene_4000i_statue import *

train_dataloader.dataset.update(data_root="data/spin_nerf/4", factor=4)
test_dataloader.dataset.update(data_root="data/spin_nerf/4", factor=4, views="test")
