"""SPIn-NeRF, masks: a field with an objectness, from masks of the views; the sample scene of the release.

    python tools/train.py configs/spin_nerf/spinnerf_hashgrid_masks_4000i_statue.py
    python tools/test.py configs/spin_nerf/spinnerf_hashgrid_masks_4000i_statue.py \
        work_dirs/spinnerf_hashgrid_masks_4000i_statue/iter_4000.pth

Published settings: 4,000 iterations, rate 0.01. Hardware: one graphics card; not run by us. Data:
docs/prepare_data.md.
"""

from mmengine.config import read_base

from sparsevision.datasets import RayPreprocessor
from sparsevision.evaluation import ViewMaskMetric
from sparsevision.methods.spin_nerf import SPInNeRF

with read_base():
    from .._base_.datasets.spin_nerf_scene import *
    from .._base_.default_runtime import *
    from .._base_.models.studio_hash import *
    from .._base_.schedules.nerf import *

renderer.fine.update(objectness=True, shared_objectness=True)
renderer.coarse.update(objectness=True, shared_objectness=True)
model = dict(type=SPInNeRF, preset="published", data_preprocessor=dict(type=RayPreprocessor), renderer=renderer)
train_dataloader.dataset.update(
    groups=dict(
        colours=dict(rays=1024, where="all"),
        labels=dict(rays=1024, where="labelled"),
        keypoints=dict(rays=1024, background_only=False),
    )
)
test_evaluator = dict(type=ViewMaskMetric)
optim_wrapper.optimizer.update(lr=0.01)
train_cfg.update(max_iters=4000)
default_hooks.checkpoint.update(by_epoch=False, interval=1000)
log_processor.update(by_epoch=False)
