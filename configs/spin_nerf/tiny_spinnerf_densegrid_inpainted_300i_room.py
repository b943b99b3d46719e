"""SPIn-NeRF, final: a field of a synthetic room whose views were inpainted, without the object.

    python tools/make_synthetic.py removal_room --out data/tiny_removal_room --seed 0
    python tools/train.py configs/spin_nerf/tiny_spinnerf_densegrid_inpainted_300i_room.py
    python tools/test.py configs/spin_nerf/tiny_spinnerf_densegrid_inpainted_300i_room.py \
        work_dirs/tiny_spinnerf_densegrid_inpainted_300i_room/iter_300.pth

Learns from the folders that tools/spin_nerf.py makes: inpainted images, their holes and disparities. There it
starts from the field of the configuration `scene`; alone it starts from nothing, and is worse.
Hardware and time: 2 CPU cores, about 2 minutes. Numbers: README.md beside this file.
"""

from mmengine.config import read_base

from sparsevision.datasets import RayPreprocessor
from sparsevision.layers.lpips import LPIPS
from sparsevision.methods.spin_nerf import SPInNeRF

with read_base():
    from .._base_.datasets.tiny_removal_room import *
    from .._base_.default_runtime import *
    from .._base_.models.dense_grid import *
    from .._base_.schedules.nerf import *

made = "../../../work_dirs/removal/inpaint"  # beside the images of the room, by tools/spin_nerf.py
model = dict(
    type=SPInNeRF,
    preset="fixed",
    data_preprocessor=dict(type=RayPreprocessor),
    renderer=renderer,
    perceptual=dict(type=LPIPS, net="vgg", weights="lpips_vgg16"),
    perceptual_from=51,
    remembered_patches=256,
)
train_dataloader.dataset.update(
    images=f"{made}/images",
    labels=f"{made}/label",
    disparities=f"{made}/depth",
    groups=dict(
        background=dict(rays=512, where="background"),
        hole=dict(rays=256, where="hole"),
        reference=dict(rays=384, where="hole"),  # every view is a reference; published: one
        patches=dict(count=1, stride=1, divisor=3, raster=4),
        keypoints=dict(rays=128),
    ),
)
train_cfg.update(max_iters=300)
optim_wrapper.optimizer.update(lr=0.02)
param_scheduler[0].update(gamma=0.1 ** (1 / 300))
default_hooks.checkpoint.update(by_epoch=False, interval=100, max_keep_ckpts=1)
default_hooks.logger.update(interval=50)
log_processor.update(by_epoch=False)
env_cfg.update(torch_threads=1)  # the other core draws the rays
