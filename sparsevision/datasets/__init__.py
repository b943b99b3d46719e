"""Data sets, one file per family, and what turns their samples into batches."""

from sparsevision.datasets.camouflage import CamouflageDataset
from sparsevision.datasets.detection.coco import CocoDetectionDataset
from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.datasets.detection.sparse_boxes import SparseBoxes
from sparsevision.datasets.event_preprocessor import EventPreprocessor
from sparsevision.datasets.events.ddd17 import DDD17SegDataset
from sparsevision.datasets.events.dsec import DSECSemanticDataset
from sparsevision.datasets.events.night import DSECNightPointDataset
from sparsevision.datasets.image_folder import ImageFolderDataset
from sparsevision.datasets.point_preprocessor import PointPreprocessor
from sparsevision.datasets.points.dataset import S3DISDataset, ScanNetDataset, SemanticKITTIDataset
from sparsevision.datasets.preprocessor import ImagePreprocessor
from sparsevision.datasets.seeded import SeededDataset, SeededInfiniteSampler, SeededSampler
from sparsevision.datasets.video.flow_pairs import FlowPairs
from sparsevision.datasets.video.packing import VideoPreprocessor
from sparsevision.datasets.video.sample import VideoSample
from sparsevision.datasets.video.trajectories import TrajectoryJson
from sparsevision.datasets.video.videos import VideoFolder, VideoList, WebVidFolder
from sparsevision.datasets.views.dataset import SceneRays, SceneViews
from sparsevision.datasets.views.preprocessor import RayPreprocessor

__all__ = [
    "CamouflageDataset",
    "CocoDetectionDataset",
    "DDD17SegDataset",
    "DSECNightPointDataset",
    "DSECSemanticDataset",
    "DetectionSample",
    "EventPreprocessor",
    "FlowPairs",
    "ImageFolderDataset",
    "ImagePreprocessor",
    "PointPreprocessor",
    "RayPreprocessor",
    "S3DISDataset",
    "ScanNetDataset",
    "SceneRays",
    "SceneViews",
    "SeededDataset",
    "SeededInfiniteSampler",
    "SeededSampler",
    "SemanticKITTIDataset",
    "SparseBoxes",
    "TrajectoryJson",
    "VideoFolder",
    "VideoList",
    "VideoPreprocessor",
    "VideoSample",
    "WebVidFolder",
]
