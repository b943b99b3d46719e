"""EV-WSSS: event-camera semantic segmentation from clicks (Cho et al., ECCV 2024)."""

from sparsevision.datasets.events.representations import temporal_voxel_grid, trilinear_voxel_grid
from sparsevision.datasets.events.reverse import reverse_events
from sparsevision.methods.ev_wsss.convert import convert_checkpoint
from sparsevision.methods.ev_wsss.method import EVWSSS
from sparsevision.methods.ev_wsss.network import E2VIDRecurrentEncoder, ESSDecoder
from sparsevision.methods.ev_wsss.prototypes import PrototypeBank

__all__ = [
    "EVWSSS",
    "E2VIDRecurrentEncoder",
    "ESSDecoder",
    "PrototypeBank",
    "convert_checkpoint",
    "reverse_events",
    "temporal_voxel_grid",
    "trilinear_voxel_grid",
]
