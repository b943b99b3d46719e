"""SPIn-NeRF, scene: a field of all of a synthetic room but the object ("masked NeRF", a baseline).

    python tools/make_synthetic.py removal_room --out data/tiny_removal_room --seed 0
    python tools/train.py configs/spin_nerf/tiny_spinnerf_densegrid_scene_600i_room.py
    python tools/test.py configs/spin_nerf/tiny_spinnerf_densegrid_scene_600i_room.py \
        work_dirs/tiny_spinnerf_densegrid_scene_600i_room/iter_600.pth

Holes are not learnt from: behind the object is what other views see there, and nothing else.
Hardware and time: 2 CPU cores, about 2 minutes. Numbers: README.md beside this file.
"""

from mmengine.config import read_base

from sparsevision.datasets import RayPreprocessor
from sparsevision.methods.spin_nerf import SPInNeRF

with read_base():
    from .._base_.datasets.tiny_removal_room import *
    from .._base_.default_runtime import *
    from .._base_.models.dense_grid import *
    from .._base_.schedules.nerf import *

model = dict(type=SPInNeRF, preset="fixed", data_preprocessor=dict(type=RayPreprocessor), renderer=renderer)
train_dataloader.dataset.update(
    dilate=1,
    groups=dict(background=dict(rays=1024, where="background"), keypoints=dict(rays=128)),
)
train_cfg.update(max_iters=600)
optim_wrapper.optimizer.update(lr=0.1)
param_scheduler[0].update(gamma=0.1 ** (1 / 600))
default_hooks.checkpoint.update(by_epoch=False, interval=100, max_keep_ckpts=1)
default_hooks.logger.update(interval=50)
log_processor.update(by_epoch=False)
env_cfg.update(torch_threads=1)  # the other core draws the rays
