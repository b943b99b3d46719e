"""Event representations: from places, times and polarities to float32 images."""

from sparsevision.datasets.events.representations.grids import (
    KINDS,
    ROUNDINGS,
    ev_segnet_image,
    event_grids,
    event_histogram,
    normalise_nonzero,
    temporal_voxel_grid,
    time_surface,
    trilinear_voxel_grid,
)

__all__ = [
    "KINDS",
    "ROUNDINGS",
    "ev_segnet_image",
    "event_grids",
    "event_histogram",
    "normalise_nonzero",
    "temporal_voxel_grid",
    "time_surface",
    "trilinear_voxel_grid",
]
