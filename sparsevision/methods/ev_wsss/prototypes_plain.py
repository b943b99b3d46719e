"""The prototype block as the formulas say it, at full resolution: what tests and the benchmark compare with."""

import torch
import torch.nn.functional as F
from torch import Tensor


class PlainUpsampledFeatures:
    """As `UpsampledFeatures`, with a feature map (B, D, H, W) in memory."""

    def __init__(self, features: Tensor, size: tuple[int, int]) -> None:
        full = F.interpolate(features, size=size, mode="bilinear", align_corners=False)
        self.features = F.normalize(full, dim=1)

    def cosines(self, prototypes: Tensor) -> Tensor:
        """prototypes (C, D) -> (B, C, H, W)."""
        return torch.einsum("bdhw,cd->bchw", self.features, prototypes)

    def weighted_sums(self, weights: Tensor) -> Tensor:
        """weights (B, C, H, W) -> (B, C, D)."""
        return torch.einsum("bchw,bdhw->bcd", weights, self.features)
