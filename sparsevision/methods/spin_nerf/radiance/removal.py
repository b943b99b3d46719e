"""Rendering without the object: its samples are made transparent."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sparsevision.methods.spin_nerf.radiance.volume import objectness

SMOOTHINGS = 5
HARSHNESS = 10.0


@dataclass(frozen=True, kw_only=True)
class ObjectRemoval:
    """How samples of an object are made transparent.

    Attributes:
        threshold: opacities above it are set to 0 after the object's own went, and what remains is smoothed along the
            ray; None leaves that step out.
        harsh: lower the logit of rays that see through (by 10 for an empty ray), so that the background's is low.
    """

    threshold: float | None = None
    harsh: bool = False

    def opacities(self, alpha: Tensor, logits: Tensor) -> Tensor:
        """(R,S) opacities and objectness logits -> (R,S) opacities of what is not the object."""
        alpha = alpha * (1.0 - torch.sigmoid(logits))
        if self.threshold is None:
            return alpha
        return smooth_along_ray(torch.where(alpha > self.threshold, torch.zeros_like(alpha), alpha))

    def logit(self, weights: Tensor, logits: Tensor) -> Tensor:
        """Objectness logit of rays. (R,S), (R,S) -> (R,)."""
        found = objectness(weights, logits)
        return found - HARSHNESS * (1.0 - weights.sum(-1)) if self.harsh else found


def smooth_along_ray(values: Tensor) -> Tensor:
    """Five times the mean of three neighbours, zero beyond the ends. (R,S) -> (R,S)."""
    for _ in range(SMOOTHINGS):
        padded = F.pad(values, (1, 1))
        values = (padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]) / 3.0
    return values
