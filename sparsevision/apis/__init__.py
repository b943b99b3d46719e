"""For people who want no Runner: build a model, give it images, events, clouds, scenes or drags, get results."""

from sparsevision.apis.camouflage import CamouflageInferencer, CamouflageResult
from sparsevision.apis.detection import DetInferencer
from sparsevision.apis.detection_result import DetectionResult
from sparsevision.apis.events import EventSegInferencer, EventSegResult, EventStream
from sparsevision.apis.model import init_model
from sparsevision.apis.points import PointSegInferencer, PointSegResult
from sparsevision.apis.video_generation import DragSettings, I2VInferencer, I2VResult
from sparsevision.apis.views import RenderedView, ViewInferencer

__all__ = [
    "CamouflageInferencer",
    "CamouflageResult",
    "DetInferencer",
    "DetectionResult",
    "DragSettings",
    "EventSegInferencer",
    "EventSegResult",
    "EventStream",
    "I2VInferencer",
    "I2VResult",
    "PointSegInferencer",
    "PointSegResult",
    "RenderedView",
    "ViewInferencer",
    "init_model",
]
