"""For people who want no Runner: build a model, give it images, get results."""

from sparsevision.apis.camouflage import CamouflageInferencer, CamouflageResult
from sparsevision.apis.model import init_model

__all__ = ["CamouflageInferencer", "CamouflageResult", "init_model"]
