"""How much each token looks like foreground (Focus-DETR Sec. 3.2; Sparse DETR Sec. 3.2)."""

from collections.abc import Sequence
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.focus_detr.presets import Modulation
from sparsevision.utils import UserError

Shapes = Sequence[tuple[int, int]]
FIRST_ALPHA = 0.3  # coefficients start in [-0.3, 0.3]


class ForegroundScorer(nn.Module):
    """A logit for each token from its features and the mean over all tokens.

    Args:
        channels: C of the features; a multiple of 4.
    """

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.first = nn.Linear(channels, channels)
        self.rest = nn.Sequential(
            nn.Linear(channels, channels // 2),
            nn.GELU(),
            nn.Linear(channels // 2, channels // 4),
            nn.GELU(),
            nn.Linear(channels // 4, 1),
        )

    def forward(self, features: Tensor, *, scale: Tensor | None = None, padding: Tensor | None = None) -> Tensor:
        """features (B,N,C); scale (B,N,1) of the normed features; padding (B,N) bool, left out of the mean -> (B,N)."""
        normed = self.norm(features)
        own, shared = F.gelu(self.first(normed if scale is None else normed * scale)).chunk(2, -1)
        if padding is None:
            mean = shared.mean(1, keepdim=True)
        else:
            count = (~padding).sum(1).clamp(min=1)[:, None, None]
            mean = shared.masked_fill(padding[..., None], 0.0).sum(1, keepdim=True) / count
        return self.rest(torch.cat([own, mean.expand_as(own)], -1))[..., 0]


class ForegroundSelector(nn.Module):
    """One network for all levels, from the coarsest down; each level's logits act on the next finer one (Eq. 2).

    Args:
        channels: C.
        levels: L, 1 or more.
        modulation, top_alpha_twice, aligned_upsampling: see `Switches`.

    Raises:
        UserError: an unknown modulation.
    """

    def __init__(
        self,
        *,
        channels: int = 256,
        levels: int = 4,
        modulation: Modulation = "before_norm",
        top_alpha_twice: bool = False,
        aligned_upsampling: bool = True,
    ) -> None:
        super().__init__()
        if modulation not in get_args(Modulation):
            raise UserError(f"modulation={modulation!r}; expected one of {', '.join(get_args(Modulation))}.")
        self.modulation, self.aligned_upsampling = modulation, aligned_upsampling
        self.top_alpha_twice = top_alpha_twice
        self.scorer = ForegroundScorer(channels=channels)
        self.alpha = nn.Parameter(torch.empty(levels - 1).uniform_(-FIRST_ALPHA, FIRST_ALPHA))  # coarsest pair first

    def forward(self, features: Tensor, *, shapes: Shapes, padding: Tensor | None = None) -> Tensor:
        """Foreground logits (B,N).

        Args:
            features: (B,N,C), finest level first.
            shapes: [(h, w), ...].
            padding: (B,N) bool, True where nothing counts for the mean of a level; None where all does.
        """
        areas = [height * width for height, width in shapes]
        parts = features.split(areas, 1)
        masks = [None] * len(parts) if padding is None else padding.split(areas, 1)
        logits = [self.scorer(parts[-1], padding=masks[-1])]
        for level in reversed(range(len(parts) - 1)):
            fine, scale = self._modulated(parts[level], parts[level + 1], logits[0], level, shapes)
            logits.insert(0, self.scorer(fine, scale=scale, padding=masks[level]))
        return torch.cat(logits, 1)

    def _modulated(
        self, fine: Tensor, coarse: Tensor, logits: Tensor, level: int, shapes: Shapes
    ) -> tuple[Tensor, Tensor | None]:
        """A level's features (B,n,C), and how much they are scaled after the norm."""
        step = len(shapes) - 2 - level
        alpha = self.alpha[max(step - 1, 0) if self.top_alpha_twice else step]
        sizes = (shapes[level + 1], shapes[level])
        if self.modulation == "added":
            return fine + alpha * self._upsampled(coarse * logits[..., None], *sizes), None
        factor = 1 + alpha * self._upsampled(logits[..., None], *sizes)
        return (fine * factor, None) if self.modulation == "before_norm" else (fine, factor)

    def _upsampled(self, tokens: Tensor, coarse: tuple[int, int], fine: tuple[int, int]) -> Tensor:
        """Tokens (B,h*w,C) of the coarse shape -> (B,H*W,C) of the fine one."""
        picture = tokens.transpose(1, 2).unflatten(2, coarse)
        larger = F.interpolate(picture, size=fine, mode="bilinear", align_corners=self.aligned_upsampling)
        return larger.flatten(2).transpose(1, 2)


class JointSelector(nn.Module):
    """All levels at once, without modulation (Roh et al., Sparse DETR, ICLR 2022).

    Args:
        channels: C.
    """

    def __init__(self, *, channels: int = 256) -> None:
        super().__init__()
        self.scorer = ForegroundScorer(channels=channels)

    def forward(self, features: Tensor, *, shapes: Shapes, padding: Tensor | None = None) -> Tensor:
        """Foreground logits (B,N); arguments of `ForegroundSelector`."""
        return self.scorer(features, padding=padding)
