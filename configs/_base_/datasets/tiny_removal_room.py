"""A synthetic room with an object that is to go: photographs with it to learn from, without it to test.

python tools/make_synthetic.py removal_room --out data/tiny_removal_room --seed 0
"""

from sparsevision.datasets import SceneRays, SceneViews, SeededInfiniteSampler, SeededSampler
from sparsevision.evaluation import ViewMetric

data_root = "data/tiny_removal_room"
factor = 2
prepare = "Make it with: python tools/make_synthetic.py removal_room --out data/tiny_removal_room --seed 0"

scene = dict(data_root=data_root, factor=factor, pixel_centre=0.5, prepare=prepare)
train_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type=SeededInfiniteSampler, shuffle=False),
    dataset=dict(scene, type=SceneRays, groups=dict()),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(scene, type=SceneViews, views="test", masks="label"),
)
test_evaluator = dict(type=ViewMetric, protocols=("masked", "full"), lpips="vgg")
test_cfg = dict()
