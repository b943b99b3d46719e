"""Sparsely supervised COD: train on CAMO + COD10K (4040 images), test on CHAMELEON, CAMO, COD10K and NC4K, at 320 px.

Any layout of docs/prepare_data.md under data/ is recognised. The metrics are named by their set: cod/CAMO/wF, ...
Scribbles are resized as the released code of SCWSSOD and CRNet does it; see Resize.
"""

from mmengine.dataset import ConcatDataset

from sparsevision.datasets import CamouflageDataset, SeededSampler
from sparsevision.datasets.transforms import (
    LoadImage,
    LoadMask,
    LoadSparseLabels,
    PackImageInputs,
    RandomFlip,
    Resize,
)
from sparsevision.evaluation import CamouflageMetric

ignore_index = 255
data_root = "data"
image_size = (320, 320)
train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSparseLabels, ignore_index=ignore_index, num_classes=2),
    dict(type=Resize, size=image_size, ignore_index=ignore_index, sparse_interpolation="bilinear_truncated"),
    dict(type=RandomFlip, prob=0.5),
    dict(type=PackImageInputs),
]
test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadMask, threshold=128),
    dict(type=Resize, size=image_size),
    dict(type=PackImageInputs),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(
        type=CamouflageDataset,
        data_root=data_root,
        name="COD",
        split="train",
        sparse_dir="Scribble",
        pipeline=train_pipeline,
    ),
)
test_set = dict(type=CamouflageDataset, data_root=data_root, split="test", test_mode=True, pipeline=test_pipeline)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        type=ConcatDataset,
        datasets=[
            dict(test_set, name="CHAMELEON"),
            dict(test_set, name="CAMO"),
            dict(test_set, name="COD10K"),
            dict(test_set, name="NC4K"),
        ],
    ),
)
test_evaluator = dict(type=CamouflageMetric, per_dataset=True)
test_cfg = dict()
