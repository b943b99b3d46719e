"""Focus-DETR: detection with an encoder that updates foreground tokens only (Zheng et al., ICCV 2023)."""

from sparsevision.methods.focus_detr.denoising import Denoising, DenoisingQueries, denoising_queries
from sparsevision.methods.focus_detr.position import sine_position

__all__ = ["Denoising", "DenoisingQueries", "denoising_queries", "sine_position"]
