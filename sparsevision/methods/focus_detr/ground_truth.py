"""What one image teaches: its objects, and the zones that teach nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sparsevision.methods.focus_detr.boxes import to_corners


@dataclass(frozen=True)
class GroundTruth:
    """Objects of one image as shares of its size.

    Attributes:
        boxes: (M,4) centre x, centre y, width, height in [0,1].
        labels: (M,) int64.
        ignored: (Z,4), zones that are neither object nor background (crowds, doubtful regions), as `boxes`.
    """

    boxes: Tensor
    labels: Tensor
    ignored: Tensor

    def corners(self, size: tuple[int, int]) -> Tensor:
        """Boxes (M,4) as x1, y1, x2, y2 in pixels of an image of (height, width)."""
        return in_pixels(self.boxes, size)

    def ignored_corners(self, size: tuple[int, int]) -> Tensor:
        """Zones (Z,4) as x1, y1, x2, y2 in pixels of an image of (height, width)."""
        return in_pixels(self.ignored, size)


def in_pixels(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Centres and sizes (...,4) as shares of an image of (height, width) -> corners in its pixels."""
    height, width = size
    return to_corners(boxes) * boxes.new_tensor([width, height, width, height])


def count_of(truths: Sequence[GroundTruth]) -> int:
    """Objects of a batch."""
    return sum(len(truth.labels) for truth in truths)


def joined(truths: Sequence[GroundTruth]) -> tuple[Tensor, Tensor]:
    """Boxes (T,4) and labels (T,) of all images of a batch, one after the other."""
    return torch.cat([truth.boxes for truth in truths]), torch.cat([truth.labels for truth in truths])
