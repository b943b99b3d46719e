"""SPIn-NeRF, background of the sample scene of the release.

Background: the field of all but the object ("masked NeRF", a baseline; the scene stage of tools/spin_nerf.py).

    python tools/train.py configs/spin_nerf/spinnerf_hashgrid_background_4000i_statue.py
    python tools/test.py configs/spin_nerf/spinnerf_hashgrid_background_4000i_statue.py \
        work_dirs/spinnerf_hashgrid_background_4000i_statue/iter_4000.pth

Published settings of the scene's field; holes are not learnt from. Hardware: one graphics card; not run by us. Data:
docs/prepare_data.md.
"""

from mmengine.config import read_base

from sparsevision.datasets import RayPreprocessor
from sparsevision.methods.spin_nerf import SPInNeRF

with read_base():
    from .._base_.datasets.spin_nerf_scene import *
    from .._base_.default_runtime import *
    from .._base_.models.studio_hash import *
    from .._base_.schedules.nerf import *

model = dict(type=SPInNeRF, preset="published", data_preprocessor=dict(type=RayPreprocessor), renderer=renderer)
train_dataloader.dataset.update(
    dilate=5,
    groups=dict(background=dict(rays=1024, where="background"), keypoints=dict(rays=1024)),
)
train_cfg.update(max_iters=4000)
default_hooks.checkpoint.update(by_epoch=False, interval=1000)
log_processor.update(by_epoch=False)
