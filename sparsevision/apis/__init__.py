"""For people who want no Runner: build a model, give it images or events, get results."""

from sparsevision.apis.camouflage import CamouflageInferencer, CamouflageResult
from sparsevision.apis.events import EventSegInferencer, EventSegResult, EventStream
from sparsevision.apis.model import init_model

__all__ = [
    "CamouflageInferencer",
    "CamouflageResult",
    "EventSegInferencer",
    "EventSegResult",
    "EventStream",
    "init_model",
]
