"""SPIn-NeRF, final: the field of the inpainted views, without the object; scene 1 of the removal benchmark.

    python tools/train.py configs/spin_nerf/spinnerf_hashgrid_inpainted_10000i_scene1.py
    python tools/test.py configs/spin_nerf/spinnerf_hashgrid_inpainted_10000i_scene1.py \
        work_dirs/spinnerf_hashgrid_inpainted_10000i_scene1/iter_10000.pth

Published settings: 10,000 iterations, rate 0.03, patches from iteration 301 on. Hardware: one graphics card; not run
by us. Data: docs/prepare_data.md.
"""

from mmengine.config import read_base

with read_base():
    from .spinnerf_hashgrid_inpainted_10000i_statue import *

train_dataloader.dataset.update(data_root="data/spin_nerf/1", factor=4)
test_dataloader.dataset.update(data_root="data/spin_nerf/1", factor=4, views="test")
