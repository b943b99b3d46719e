"""Registries of sparsevision: children of mmengine's, so that a dumped config with short names also builds."""

from typing import Any

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(name, parent=parent, scope="sparsevision", locations=list(locations))


MODELS = _child(
    "model",
    mmengine_registry.MODELS,
    "sparsevision.methods.registered",
    "sparsevision.layers.promptable",
    "sparsevision.layers.lpips",
    "sparsevision.layers.inception",
    "sparsevision.layers.gmflow",
    "sparsevision.layers.clip_features",
    "sparsevision.layers.i3d",
)
DATASETS = _child("dataset", mmengine_registry.DATASETS, "sparsevision.datasets")
DATA_SAMPLERS = _child("data sampler", mmengine_registry.DATA_SAMPLERS, "sparsevision.datasets")
TRANSFORMS = _child("transform", mmengine_registry.TRANSFORMS, "sparsevision.datasets.transforms")
METRICS = _child("metric", mmengine_registry.METRICS, "sparsevision.evaluation")
HOOKS = _child("hook", mmengine_registry.HOOKS, "sparsevision.engine.hooks")
VISUALIZERS = _child("visualizer", mmengine_registry.VISUALIZERS, "sparsevision.visualization")
SELECTORS = Registry("selector", scope="sparsevision", locations=["sparsevision.apis.selectors"])


def built(part: Any) -> Any:
    """A part of a model: itself, or what its config, a dict with `type`, describes."""
    return MODELS.build(part) if isinstance(part, dict) else part
