"""How good is a prediction: pure functions in `functional`, thin wrappers for the Runner here."""

from sparsevision.evaluation.camouflage import CamouflageMetric
from sparsevision.evaluation.detection import CocoMetric
from sparsevision.evaluation.points import PointSegMetric
from sparsevision.evaluation.token_coverage import TokenCoverageMetric
from sparsevision.evaluation.video import VideoMetric
from sparsevision.evaluation.video_quality import VideoQualityMetric
from sparsevision.evaluation.views import ViewMaskMetric, ViewMetric

__all__ = [
    "CamouflageMetric",
    "CocoMetric",
    "PointSegMetric",
    "TokenCoverageMetric",
    "VideoMetric",
    "VideoQualityMetric",
    "ViewMaskMetric",
    "ViewMetric",
]
