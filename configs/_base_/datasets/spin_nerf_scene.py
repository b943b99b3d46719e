"""A scene of the SPIn-NeRF benchmark as it is released, here the sample scene `statue` at half its size.

    python tools/dataset_converters/spin_nerf.py downloads/statue --out data/spin_nerf/statue --factor 2 \
        --layout llff

Configs of other scenes change `data_root` and `factor`.
"""

from sparsevision.datasets import SceneRays, SceneViews, SeededInfiniteSampler, SeededSampler
from sparsevision.evaluation import ViewMetric

data_root = "data/spin_nerf/statue"
factor = 2
prepare = "Make it with tools/dataset_converters/spin_nerf.py (docs/prepare_data.md)."

scene = dict(data_root=data_root, factor=factor, preset="published", prepare=prepare)
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededInfiniteSampler, shuffle=False),
    dataset=dict(scene, type=SceneRays, groups=dict()),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(scene, type=SceneViews, views="train", masks="label"),  # it has no others,
)
test_evaluator = dict(type=ViewMetric, lpips="vgg")
test_cfg = dict()
