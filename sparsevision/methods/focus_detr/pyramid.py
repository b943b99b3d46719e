"""A pyramid of features as one list of tokens, with what is image and what is padding."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Shapes = list[tuple[int, int]]


@dataclass(frozen=True)
class Pyramid:
    """N tokens: the levels' pixels, row by row, level after level.

    Attributes:
        features: (B,N,C).
        positions: (B,N,C), position plus level embedding.
        padding: (B,N) bool, True where there is no image.
        shapes: [(h, w), ...] of the L levels.
        extents: (B,L,2) int64 on the CPU: rows and columns of each level that are image.
    """

    features: Tensor
    positions: Tensor
    padding: Tensor
    shapes: Shapes
    extents: Tensor

    @property
    def valid_ratios(self) -> Tensor:
        """(B,L,2) as (w, h): the share of each level that is image."""
        ratios = self.extents.float() / torch.tensor(self.shapes, dtype=torch.float32)
        return ratios.flip(-1).to(self.features.device)

    @property
    def is_padded(self) -> bool:
        """Some image is smaller than the batch; known without asking a device."""
        return bool((self.extents != torch.tensor(self.shapes)).any())

    @property
    def valid_tokens(self) -> Tensor:
        """(B,L) int64 on the CPU: tokens of each level that are image."""
        return self.extents.prod(-1)


def extents_of(sizes: Sequence[tuple[int, int]], batch_size: tuple[int, int], shapes: Shapes) -> Tensor:
    """(B,L,2): how many rows and columns of each level are image, counted by nearest interpolation of the mask.

    Args:
        sizes: (height, width) of each image in pixels.
        batch_size: (height, width) of the padded batch.
        shapes: [(h, w), ...] of the levels.
    """
    extents = torch.empty(len(sizes), len(shapes), 2, dtype=torch.int64)
    for axis in (0, 1):
        lengths = torch.tensor([size[axis] for size in sizes])
        inside = (torch.arange(batch_size[axis]) < lengths[:, None]).float()[:, None]
        for level, shape in enumerate(shapes):
            extents[:, level, axis] = F.interpolate(inside, size=shape[axis], mode="nearest").sum((1, 2)).long()
    return extents


def padding_of(extents: Tensor, shape: tuple[int, int]) -> Tensor:
    """(B,h,w) bool, True where a level is padding; extents (B,2) as rows and columns."""
    rows, columns = (torch.arange(n) >= extents[:, axis, None] for axis, n in enumerate(shape))
    return rows[:, :, None] | columns[:, None, :]


def flatten(maps: Sequence[Tensor]) -> Tensor:
    """[(B,C,h,w), ...] -> (B,N,C)."""
    return torch.cat([level.flatten(2).transpose(1, 2) for level in maps], 1)


def merge(parts: Sequence[Tensor], shapes: Sequence[Shapes], images: Sequence[Sequence[int]], common: Shapes) -> Tensor:
    """Tokens of groups of images as one batch; each level is padded right and below with zeros.

    Args:
        parts: one (B_g,N_g,C) a group.
        shapes: the levels of each group.
        images: places in the batch of each group's images.
        common: the levels of the batch.

    Returns:
        (B,N,C).
    """
    padded = []
    for tokens, own in zip(parts, shapes, strict=True):
        levels = tokens.split([height * width for height, width in own], 1)
        maps = [level.transpose(1, 2).unflatten(2, shape) for level, shape in zip(levels, own, strict=True)]
        sizes = zip(maps, own, common, strict=True)
        padded.append(flatten([F.pad(x, (0, width - w, 0, height - h)) for x, (h, w), (height, width) in sizes]))
    order = torch.tensor([index for group in images for index in group], device=parts[0].device)
    return torch.cat(padded)[order.argsort()]
