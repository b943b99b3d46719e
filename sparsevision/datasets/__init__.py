"""Data sets, one file per family, and what turns their samples into batches."""

from sparsevision.datasets.camouflage import CamouflageDataset
from sparsevision.datasets.image_folder import ImageFolderDataset
from sparsevision.datasets.preprocessor import ImagePreprocessor
from sparsevision.datasets.seeded import SeededDataset, SeededInfiniteSampler, SeededSampler

__all__ = [
    "CamouflageDataset",
    "ImageFolderDataset",
    "ImagePreprocessor",
    "SeededDataset",
    "SeededInfiniteSampler",
    "SeededSampler",
]
