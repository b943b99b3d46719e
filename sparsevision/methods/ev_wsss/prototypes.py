"""Prototypes of classes: of a region, of many samples, of the other student (EV-WSSS, Sec. 3.3).

Features live at 1/8 of the resolution of labels and confidences. The paper up-samples and normalises them; here the
same numbers come out of low-resolution sums (bilinear.py), without a full-resolution feature map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparsevision.methods.ev_wsss.bilinear import BilinearUp
from sparsevision.utils import UserError

EPS = 1e-12  # of F.normalize


class UpsampledFeatures:
    """Features as if they were up-sampled to a larger size and normalised pixel by pixel.

    Args:
        features: (B, D, h, w).
        size: (H, W).
    """

    def __init__(self, features: Tensor, size: tuple[int, int]) -> None:
        self.features = features
        self.bilinear = BilinearUp.between(tuple(features.shape[2:]), tuple(size), like=features)
        self.length = (self.bilinear.squared_norm(features) + EPS**2).sqrt().clamp(min=EPS)  # (B, H, W)

    def cosines(self, prototypes: Tensor) -> Tensor:
        """prototypes (C, D), unit or zero vectors -> (B, C, H, W)."""
        similarity = torch.einsum("bdhw,cd->bchw", self.features, prototypes)
        return self.bilinear.up(similarity) / self.length[:, None]

    def weighted_sums(self, weights: Tensor) -> Tensor:
        """sum_p w_p f_p over all pixels p: weights (B, C, H, W) -> (B, C, D)."""
        per_cell = self.bilinear.adjoint(weights / self.length[:, None])
        return torch.einsum("bchw,bdhw->bcd", per_cell, self.features)


@torch.no_grad()
def region_prototypes(
    features: UpsampledFeatures, confidence: Tensor, *, min_confidence: float = 0.7, min_mass: float = 10.0
) -> tuple[Tensor, Tensor]:
    """One prototype per image and class from its confident pixels.

    Args:
        features: of one student.
        confidence: (B, C, H, W), zero for classes that the image lacks.
        min_confidence: pixels below it do not take part.
        min_mass: a prototype counts when the confidences behind it sum to more than this.

    Returns:
        unit vectors (B, C, D), and which of them count (B, C) bool.
    """
    weights = confidence * (confidence > min_confidence)
    mass = weights.sum(dim=(2, 3))
    means = features.weighted_sums(weights) / (mass[..., None] + 1e-5)
    return F.normalize(means, dim=-1), mass > min_mass


class PrototypeBank(nn.Module):
    """The last `length` region prototypes of every class, and their means; saved in checkpoints.

    Args:
        num_classes: C.
        dim: D, length of a prototype.
        length: prototypes kept for a class; the oldest makes room.
        min_count: a class is ready when it has more than this many.

    Raises:
        UserError: so many have no place.
    """

    def __init__(self, *, num_classes: int, dim: int, length: int = 200, min_count: int = 10) -> None:
        super().__init__()
        if length <= min_count:
            raise UserError(
                f"length={length}; expected more places than min_count={min_count}, or no class gets ready."
            )
        self.min_count = min_count
        self.register_buffer("ring", torch.zeros(num_classes, length, dim))
        self.register_buffer("seen", torch.zeros(num_classes, dtype=torch.long))

    @property
    def length(self) -> int:
        """Places per class."""
        return self.ring.shape[1]

    @property
    def counts(self) -> Tensor:
        """(C,) prototypes held now."""
        return self.seen.clamp(max=self.length)

    @property
    def ready(self) -> Tensor:
        """(C,) bool: enough prototypes to speak for the class."""
        return self.counts > self.min_count

    @torch.no_grad()
    def append(self, prototypes: Tensor, chosen: Tensor) -> None:
        """Add prototypes (B, C, D) where `chosen` (B, C) says so, image by image."""
        for vectors, taken in zip(prototypes, chosen, strict=True):
            classes = taken.nonzero()[:, 0]
            self.ring[classes, self.seen[classes] % self.length] = vectors[classes].to(self.ring)
            self.seen[classes] += 1

    def means(self) -> Tensor:
        """(C, D) unit vectors; zero for classes that are not ready. Not in the graph."""
        total = self.ring.sum(dim=1)  # empty places are zero, and a mean has the direction of the sum
        return F.normalize(total, dim=1) * self.ready[:, None]

    def newest(self) -> Tensor:
        """(C, D): the prototype that came last, zero for a class without any."""
        return self.ring[torch.arange(len(self.ring), device=self.ring.device), (self.seen - 1) % self.length]
