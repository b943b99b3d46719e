"""SPIn-NeRF, final of scene "trash" of the removal benchmark.

Final: the field of the inpainted views, without the object.

    python tools/train.py configs/spin_nerf/spinnerf_hashgrid_inpainted_10000i_trash.py
    python tools/test.py configs/spin_nerf/spinnerf_hashgrid_inpainted_10000i_trash.py \
        work_dirs/spinnerf_hashgrid_inpainted_10000i_trash/iter_10000.pth

Published settings: 10,000 iterations, rate 0.03, patches from iteration 301 on. Hardware: one graphics card; not run
by us. Data: docs/prepare_data.md.
"""

from mmengine.config import read_base

with read_base():
    from .spinnerf_hashgrid_inpainted_10000i_statue import *

train_dataloader.dataset.update(data_root="data/spin_nerf/trash", factor=4)
test_dataloader.dataset.update(data_root="data/spin_nerf/trash", factor=4, views="test")
