"""For people who want no Runner: build a model, give it images, events, clouds or scenes, get results."""

from sparsevision.apis.camouflage import CamouflageInferencer, CamouflageResult
from sparsevision.apis.detection import DetInferencer
from sparsevision.apis.detection_result import DetectionResult
from sparsevision.apis.events import EventSegInferencer, EventSegResult, EventStream
from sparsevision.apis.model import init_model
from sparsevision.apis.points import PointSegInferencer, PointSegResult
from sparsevision.apis.views import RenderedView, ViewInferencer

__all__ = [
    "CamouflageInferencer",
    "CamouflageResult",
    "DetInferencer",
    "DetectionResult",
    "EventSegInferencer",
    "EventSegResult",
    "EventStream",
    "PointSegInferencer",
    "PointSegResult",
    "RenderedView",
    "ViewInferencer",
    "init_model",
]
