"""Transforms from a result dict to a result dict: load, resize, augment, pack."""

from sparsevision.datasets.transforms.colour import ColourJitter
from sparsevision.datasets.transforms.event_grids import DrawEventFlip, LoadEventGrids, PackEventInputs
from sparsevision.datasets.transforms.event_labels import LoadEventLabels, RandomCropEvents, ResizeEvents
from sparsevision.datasets.transforms.geometry import RandomCrop, RandomFlip, Resize
from sparsevision.datasets.transforms.loading import LoadImage, LoadMask, LoadPseudoMask, LoadSparseLabels
from sparsevision.datasets.transforms.packing import PackImageInputs
from sparsevision.datasets.transforms.points import (
    LoadPointScene,
    MakeEvaluationVoxels,
    MakeTwoViews,
    PackPointInputs,
)

__all__ = [
    "ColourJitter",
    "DrawEventFlip",
    "LoadEventGrids",
    "LoadEventLabels",
    "LoadImage",
    "LoadMask",
    "LoadPointScene",
    "LoadPseudoMask",
    "LoadSparseLabels",
    "MakeEvaluationVoxels",
    "MakeTwoViews",
    "PackEventInputs",
    "PackImageInputs",
    "PackPointInputs",
    "RandomCrop",
    "RandomCropEvents",
    "RandomFlip",
    "Resize",
    "ResizeEvents",
]
