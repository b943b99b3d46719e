"""Which tokens the decoder looks at: the selector's targets in Sparse DETR (Roh et al., ICLR 2022, Sec. 3.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from sparsevision.layers.ms_deform_attn import MultiScaleDeformableAttention


class AttentionMap:
    """Adds up the cross-attention that tokens of a batch get from all layers, heads and queries.

    Args:
        shapes: [(h, w), ...] of the L levels.
        skipped: so many queries at the front do not count (those of the denoising).
    """

    def __init__(self, shapes: Sequence[tuple[int, int]], *, skipped: int = 0) -> None:
        self.shapes, self.skipped = shapes, skipped
        self.mass: Tensor | None = None

    @torch.no_grad()
    def add(self, attention: MultiScaleDeformableAttention, query: Tensor, references: Tensor) -> None:
        """One layer: queries (B,Q,C) with their positions, references (B,Q,L,4)."""
        queries = slice(self.skipped, None)
        locations, weights = attention.sampling(query[:, queries], references[:, queries], self.shapes)
        mass = attention_mass(locations, weights, self.shapes)
        self.mass = mass if self.mass is None else self.mass + mass

    def targets(self, valid: Tensor, *, ratio: float) -> Tensor:
        """(B,N) float: 1 for the share `ratio` of each image's valid (B,N) tokens with most attention."""
        return most_attended(self.mass, valid, ratio=ratio)


def attention_mass(locations: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """What each token gets when weights are shared out among the four pixels around their locations.

    Args:
        locations: (B,Q,M,L,P,2) as (x, y); [0,1] spans a level. What lies outside is lost.
        weights: (B,Q,M,L,P).
        shapes: [(h, w), ...] of the L levels.

    Returns:
        (B,N).
    """
    levels = []
    for level, (height, width) in enumerate(shapes):
        mass = weights.new_zeros(len(weights), height * width)
        places = locations[:, :, :, level] * weights.new_tensor([width, height]) - 0.5
        low = places.floor()
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            corner = low + low.new_tensor([dx, dy])
            share = (1 - (places - corner).abs()).prod(dim=-1) * weights[:, :, :, level]
            x, y = corner.long().unbind(dim=-1)
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            token = (y * width + x).where(inside, 0).flatten(1)
            mass.scatter_add_(1, token, (share * inside).flatten(1))
        levels.append(mass)
    return torch.cat(levels, dim=1)


def most_attended(mass: Tensor, valid: Tensor, *, ratio: float) -> Tensor:
    """mass (B,N), valid (B,N) bool -> (B,N): 1 for the int(ratio * valid) tokens of most mass in each image, or one."""
    counts = (valid.sum(dim=1) * ratio).long().clamp(min=1)
    order = mass.masked_fill(~valid, -1.0).argsort(dim=1, descending=True, stable=True)
    rank = torch.arange(mass.shape[1], device=mass.device).expand_as(order)
    return torch.zeros_like(mass).scatter(1, order, (rank < counts[:, None]).to(mass.dtype))
