"""How good is a prediction: pure functions in `functional`, thin wrappers for the Runner here."""

from sparsevision.evaluation.camouflage import CamouflageMetric

__all__ = ["CamouflageMetric"]
