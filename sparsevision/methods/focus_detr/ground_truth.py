"""What one image teaches: its objects, and the zones that teach nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sparsevision.methods.focus_detr.boxes import normalised


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """Objects of one image, in pixels of the image that the network sees (without padding).

    Attributes:
        corners: (M,4) float x1, y1, x2, y2.
        labels: (M,) int64.
        ignored: (Z,4), zones that are neither object nor background (crowds, doubtful regions), as `corners`.
        points: (P,2) float x, y of objects of unknown extent.
        size: (height, width) of the image.
        mined: how many of the boxes, the last ones, a teacher found: they say what is there, but not where exactly.
    """

    corners: Tensor
    labels: Tensor
    ignored: Tensor
    points: Tensor
    size: tuple[int, int]
    mined: int = 0

    @cached_property
    def boxes(self) -> Tensor:
        """(M,4) centre x, centre y, width, height as shares of the image."""
        return normalised(self.corners, self.size)

    @property
    def drawn(self) -> Tensor:
        """(M,) bool, False for mined boxes."""
        count = len(self.labels)
        return torch.arange(count, device=self.labels.device) < count - self.mined

    @cached_property
    def zones(self) -> Tensor:
        """(Z,4) `ignored` as shares of the image, still corners."""
        height, width = self.size
        return self.ignored / self.ignored.new_tensor([width, height, width, height])

    @cached_property
    def loose_points(self) -> Tensor:
        """(P',2) those of the points that lie in no box: of objects that nobody has drawn."""
        low, high = self.corners[:, None, :2], self.corners[:, None, 2:]
        drawn = ((self.points >= low) & (self.points <= high)).all(-1).any(0)
        return self.points[~drawn]

    @cached_property
    def loose_places(self) -> Tensor:
        """(P',2) `loose_points` as shares of the image."""
        height, width = self.size
        return self.loose_points / self.points.new_tensor([width, height])


def count_of(truths: Sequence[GroundTruth]) -> int:
    """Drawn boxes of a batch."""
    return sum(len(truth.labels) - truth.mined for truth in truths)


def joined(truths: Sequence[GroundTruth]) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes (T,4), labels (T,) and whether they were drawn (T,) of all images of a batch, one after the other."""
    parts = zip(*((truth.boxes, truth.labels, truth.drawn) for truth in truths), strict=True)
    return tuple(torch.cat(part) for part in parts)
