"""How good is a prediction: pure functions in `functional`, thin wrappers for the Runner here."""

from sparsevision.evaluation.camouflage import CamouflageMetric
from sparsevision.evaluation.points import PointSegMetric
from sparsevision.evaluation.views import ViewMaskMetric, ViewMetric

__all__ = ["CamouflageMetric", "PointSegMetric", "ViewMaskMetric", "ViewMetric"]
