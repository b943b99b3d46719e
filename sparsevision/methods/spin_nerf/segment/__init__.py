"""From clicks in one view to the object's mask in every view."""

from sparsevision.methods.spin_nerf.segment.clicks import (
    ClickedView,
    read_clicks,
    scale_clicks,
    segment_from_clicks,
)
from sparsevision.methods.spin_nerf.segment.encoders import DinoEncoder, SamEncoder
from sparsevision.methods.spin_nerf.segment.features import propagate_by_features
from sparsevision.methods.spin_nerf.segment.geometry import propagate_by_geometry
from sparsevision.methods.spin_nerf.segment.prompts import RegionPrompts

__all__ = [
    "ClickedView",
    "DinoEncoder",
    "RegionPrompts",
    "SamEncoder",
    "propagate_by_features",
    "propagate_by_geometry",
    "read_clicks",
    "scale_clicks",
    "segment_from_clicks",
]
