"""SPIn-NeRF, scene of the sample scene of the release.

Scene: the field of the views as they are, whose disparities are inpainted.

    python tools/train.py configs/spin_nerf/spinnerf_hashgrid_scene_4000i_statue.py
    python tools/test.py configs/spin_nerf/spinnerf_hashgrid_scene_4000i_statue.py \
        work_dirs/spinnerf_hashgrid_scene_4000i_statue/iter_4000.pth

Published settings: 4,000 iterations, rate 0.03. Hardware: one graphics card; not run by us. Data:
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
    groups=dict(
        colours=dict(rays=1024, where="all"),
        reference=dict(rays=1024, where="all"),  # again, and without a gradient to density
        keypoints=dict(rays=1024, background_only=False),
    )
)
train_cfg.update(max_iters=4000)
default_hooks.checkpoint.update(by_epoch=False, interval=1000)
log_processor.update(by_epoch=False)
