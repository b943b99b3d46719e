"""SPIn-NeRF, masks: a field of a synthetic room with an objectness, from masks of its views.

    python tools/make_synthetic.py removal_room --out data/tiny_removal_room --seed 0
    python tools/train.py configs/spin_nerf/tiny_spinnerf_densegrid_masks_300i_room.py
    python tools/test.py configs/spin_nerf/tiny_spinnerf_densegrid_masks_300i_room.py \
        work_dirs/tiny_spinnerf_densegrid_masks_300i_room/iter_300.pth

Learns the true masks here; tools/spin_nerf.py gives it those that clicks in one view became.
Hardware and time: 2 CPU cores, about 2 minutes. Numbers: README.md beside this file.
"""

from mmengine.config import read_base

from sparsevision.datasets import RayPreprocessor
from sparsevision.evaluation import ViewMaskMetric
from sparsevision.methods.spin_nerf import SPInNeRF

with read_base():
    from .._base_.datasets.tiny_removal_room import *
    from .._base_.default_runtime import *
    from .._base_.models.dense_grid import *
    from .._base_.schedules.nerf import *

renderer.fine.update(objectness=True)
model = dict(
    type=SPInNeRF,
    preset="fixed",
    data_preprocessor=dict(type=RayPreprocessor),
    renderer=renderer,
    weights=dict(object_pixel=3.0),  # masks that were carried from view to view are a little too small
)
train_dataloader.dataset.update(
    groups=dict(
        colours=dict(rays=640, where="all"),
        labels=dict(rays=2560, where="labelled"),  # in 300 steps nearly three for each pixel: edges are few of them
        keypoints=dict(rays=128),
    )
)
test_dataloader.dataset.update(views="train")
test_evaluator = dict(type=ViewMaskMetric)
train_cfg.update(max_iters=300)
optim_wrapper.optimizer.update(lr=0.1)
param_scheduler[0].update(gamma=0.1 ** (1 / 300))
default_hooks.checkpoint.update(by_epoch=False, interval=100, max_keep_ckpts=1)
default_hooks.logger.update(interval=50)
log_processor.update(by_epoch=False)
env_cfg.update(torch_threads=1)  # the other core draws the rays
