"""Hooks of the Runner."""

from sparsevision.engine.hooks.checkpoint import CheckpointHook
from sparsevision.engine.hooks.predictions import PredictionWriter
from sparsevision.engine.hooks.visualization import VisualizationHook

__all__ = ["CheckpointHook", "PredictionWriter", "VisualizationHook"]
