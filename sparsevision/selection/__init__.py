"""Which samples, or points of a sample, to annotate: numpy only. `sparsevision.apis.selectors` registers them."""

from sparsevision.selection.ideal import IDEAL
from sparsevision.selection.inside import pixel_candidates, point_candidates, select_pixels, select_points
from sparsevision.selection.k_center import KCenter
from sparsevision.selection.selector import Selector
from sparsevision.selection.uncertainty import Uncertainty, entropy, least_confidence, margin
from sparsevision.selection.uniform import Random
from sparsevision.selection.vote_k import VoteK

__all__ = [
    "IDEAL",
    "KCenter",
    "Random",
    "Selector",
    "Uncertainty",
    "VoteK",
    "entropy",
    "least_confidence",
    "margin",
    "pixel_candidates",
    "point_candidates",
    "select_pixels",
    "select_points",
]
