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
from sparsevision.datasets.transforms.strong_view import StrongView
from sparsevision.datasets.video.drags import DragsFromTruth, LoadDrags
from sparsevision.datasets.video.flow_pairs import LoadFlowPair
from sparsevision.datasets.video.loading import LoadClip, LoadClipTruth
from sparsevision.datasets.video.packing import PackVideoInputs
from sparsevision.datasets.video.resizing import ResizeClip

__all__ = [
    "ColourJitter",
    "DragsFromTruth",
    "DrawEventFlip",
    "LoadBoxes",
    "LoadClip",
    "LoadClipTruth",
    "LoadDrags",
    "LoadEventGrids",
    "LoadEventLabels",
    "LoadFlowPair",
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
    "PackVideoInputs",
    "PointsInBoxes",
    "RandomCrop",
    "RandomCropBoxes",
    "RandomCropEvents",
    "RandomFlip",
    "RandomFlipBoxes",
    "Resize",
    "ResizeClip",
    "ResizeEvents",
    "ResizeShortSide",
    "StrongView",
]
