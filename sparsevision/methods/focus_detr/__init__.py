"""Focus-DETR: detection with an encoder that updates foreground tokens only (Zheng et al., ICCV 2023)."""

from sparsevision.methods.focus_detr.convert import convert_checkpoint
from sparsevision.methods.focus_detr.denoising import Denoising, DenoisingQueries, denoising_queries
from sparsevision.methods.focus_detr.method import FocusDETR
from sparsevision.methods.focus_detr.position import sine_position
from sparsevision.methods.focus_detr.targets import foreground_targets

__all__ = [
    "Denoising",
    "DenoisingQueries",
    "FocusDETR",
    "convert_checkpoint",
    "denoising_queries",
    "foreground_targets",
    "sine_position",
]
