"""SPIn-NeRF, final: the field of the inpainted views, without the object; the sample scene of the release.

    python tools/train.py configs/spin_nerf/spinnerf_hashgrid_inpainted_10000i_statue.py
    python tools/test.py configs/spin_nerf/spinnerf_hashgrid_inpainted_10000i_statue.py \
        work_dirs/spinnerf_hashgrid_inpainted_10000i_statue/iter_10000.pth

Published settings: 10,000 iterations, rate 0.03, patches from iteration 301 on. Hardware: one graphics card; not run
by us. Data: docs/prepare_data.md.
"""

from mmengine.config import read_base

from sparsevision.datasets import RayPreprocessor
from sparsevision.layers.lpips import LPIPS
from sparsevision.methods.spin_nerf import SPInNeRF

with read_base():
    from .._base_.datasets.spin_nerf_scene import *
    from .._base_.default_runtime import *
    from .._base_.models.studio_hash import *
    from .._base_.schedules.nerf import *

model = dict(
    type=SPInNeRF,
    preset="published",
    data_preprocessor=dict(type=RayPreprocessor),
    renderer=renderer,
    perceptual=dict(type=LPIPS, net="vgg", weights="lpips_vgg16"),
    perceptual_from=301,
)
train_dataloader.dataset.update(
    images="lama_images",
    disparities="depth",
    dilate=5,
    groups=dict(
        background=dict(rays=1024, where="background"),
        reference=dict(rays=1024, where="reference"),
        hole=dict(rays=1024, where="hole"),
        keypoints=dict(rays=1024),
        patches=dict(count=4, stride=2, divisor=8, aligned=False),
    ),
)
train_cfg.update(max_iters=10000)
default_hooks.checkpoint.update(by_epoch=False, interval=1000)
log_processor.update(by_epoch=False)
