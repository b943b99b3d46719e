"""A folder of one's own images: data/own/Imgs, with data/own/Annotations from tools/annotation/annotate.py.

Masks are optional: with masks_dir=data/own/GT there are numbers, without them pictures only. docs/own_images.md walks
through it.
"""

from mmengine.dataset import RepeatDataset

from sparsevision.datasets import ImageFolderDataset, SeededSampler
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
prepare = "docs/own_images.md says what goes where."
train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSparseLabels, ignore_index=ignore_index, num_classes=2, point_side=3),
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
        type=RepeatDataset,
        times=24,  # an epoch sees each image 24 times: 15 steps with five images
        dataset=dict(
            type=ImageFolderDataset,
            images="data/own/Imgs",
            sparse_dir="data/own/Annotations",
            pseudo_dir=None,
            file_list=None,
            name="own",
            prepare=prepare,
            pipeline=train_pipeline,
        ),
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        type=ImageFolderDataset,
        images="data/own/Imgs",
        masks_dir=None,
        masks_optional=True,
        file_list=None,
        name="own",
        test_mode=True,
        prepare=prepare,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type=CamouflageMetric, truth_optional=True)
test_cfg = dict()
