"""The synthetic camouflage set: 320 training pictures with scribbles or points, 80 for testing, 128 pixels, seen at 96.

python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
"""

from sparsevision.datasets import CamouflageDataset, SeededSampler
from sparsevision.datasets.transforms import (
    ColourJitter,
    LoadImage,
    LoadMask,
    LoadSparseLabels,
    PackImageInputs,
    RandomCrop,
    RandomFlip,
    Resize,
)
from sparsevision.evaluation import CamouflageMetric

ignore_index = 255
image_size = (96, 96)
data_root = "data/tiny_camouflage"
prepare = "Make it with: python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0"

train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSparseLabels, ignore_index=ignore_index),
    dict(type=RandomCrop, share=(0.75, 1.0)),
    dict(type=Resize, size=image_size, ignore_index=ignore_index),
    dict(type=RandomFlip, prob=0.5),
    dict(type=ColourJitter),
    dict(type=PackImageInputs),
]
test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadMask, threshold=128),
    dict(type=Resize, size=image_size),
    dict(type=PackImageInputs),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(
        type=CamouflageDataset,
        data_root=data_root,
        name="TinyCamo",
        split="train",
        sparse_dir="Scribble",
        prepare=prepare,
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        type=CamouflageDataset,
        data_root=data_root,
        name="TinyCamo",
        split="test",
        test_mode=True,
        prepare=prepare,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type=CamouflageMetric)
test_cfg = dict()
