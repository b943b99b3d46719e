"""Transforms from a result dict to a result dict: load, resize, augment, pack."""

from sparsevision.datasets.transforms.colour import ColourJitter
from sparsevision.datasets.transforms.detection import LoadBoxes, PackDetectionInputs, PointsInBoxes
from sparsevision.datasets.transforms.detection_geometry import RandomCropBoxes, RandomFlipBoxes, ResizeShortSide
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
from sparsevision.datasets.video.loading import LoadClip, LoadClipTruth

__all__ = [
    "ColourJitter",
    "DrawEventFlip",
    "LoadBoxes",
    "LoadClip",
    "LoadClipTruth",
    "LoadEventGrids",
    "LoadEventLabels",
    "LoadImage",
    "LoadMask",
    "LoadPointScene",
    "LoadPseudoMask",
    "LoadSparseLabels",
    "MakeEvaluationVoxels",
    "MakeTwoViews",
    "PackDetectionInputs",
    "PackEventInputs",
    "PackImageInputs",
    "PackPointInputs",
    "PointsInBoxes",
    "RandomCrop",
    "RandomCropBoxes",
    "RandomCropEvents",
    "RandomFlip",
    "RandomFlipBoxes",
    "Resize",
    "ResizeEvents",
    "ResizeShortSide",
]
