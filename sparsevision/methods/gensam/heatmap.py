"""Consensus heatmaps: how much each patch is foreground rather than background (GenSAM, arXiv 2312.07374).

Features are (B,1+N,D), class token first; texts (n,D); similarities of patches (B,N,n); heatmaps (B,N), N = side².
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.utils import UserError, did_you_mean


def min_max(x: Tensor, dim: int | tuple[int, ...] | None = None, *, tolerance: float = 0.0) -> Tensor:
    """Scale to [0,1] over some dimensions (None: over all); where all values are equal the result is 0.

    The published code divides by zero there: its NaN turns into 784 unlabelled points and stops in SAM.

    tolerance: values whose span is at most this share of the largest one count as equal.
    """
    dim = tuple(range(x.ndim)) if dim is None else dim
    low, high = x.amin(dim, keepdim=True), x.amax(dim, keepdim=True)
    span = high - low
    varies = span > tolerance * torch.maximum(low.abs(), high.abs())
    return torch.where(varies, (x - low) / span, torch.zeros_like(x))


def as_tensor(values: Tensor | np.ndarray) -> Tensor:
    """A tensor of an array, also of one that is flipped or read-only; a tensor as it is."""
    return values if isinstance(values, Tensor) else torch.from_numpy(np.array(values))


def normalise_features(features: Tensor, *, dim: int) -> Tensor:
    """Divide (B,1+N,D) by its L2 norm over `dim`.

    dim=1, over the tokens, is what the released code does (and CLIP Surgery did until it was mended in 2025);
    dim=-1, over the channels, is what cosine similarity means.
    """
    if dim not in (1, 2, -1):
        raise UserError(f"normalize_dim must be 1 (tokens, published) or -1 (channels), got {dim!r}.")
    return features / features.norm(dim=dim, keepdim=True)


def redundant_similarity(features: Tensor, text: Tensor, redundant: Tensor) -> Tensor:
    """F (T - r)ᵀ: similarity with each text beyond that with the empty text `redundant` (1,D) -> (B,1+N,n)."""
    return features @ torch.atleast_2d(text - redundant).mT


def weighted_similarity(features: Tensor, text: Tensor, *, temperature: float = 2.0) -> Tensor:
    """CLIP Surgery's mode for several classes: the mean over classes is redundant -> (B,1+N,n).

    Each class weighs softmax(temperature · class token · Tᵀ) divided by its mean over classes. GenSAM does not use it.
    """
    similarity = features @ text.T
    weight = (temperature * similarity[:, :1]).softmax(dim=-1)
    weighted = similarity * (weight / weight.mean(dim=-1, keepdim=True))
    return weighted - weighted.mean(dim=-1, keepdim=True)


def similarity_heatmap(
    features: Tensor | np.ndarray,
    text: Tensor | np.ndarray,
    redundant: Tensor | np.ndarray,
    *,
    normalize_dim: int,
) -> Tensor:
    """One raw similarity map per word.

    Args:
        features: (B,1+N,D) as `SpatialCLIP.encode_image` gives them.
        text: (n,D) features of n words; redundant: (1,D) of the empty text.
        normalize_dim: 1 divides the features by their norm over tokens (published), -1 over channels.

    Returns:
        (B,N,n) similarities of the N patches with the n words, before any min-max.
    """
    features, text, redundant = as_tensor(features), as_tensor(text), as_tensor(redundant)
    return redundant_similarity(normalise_features(features, dim=normalize_dim), text, redundant)[:, 1:]


def similarity_map(similarity: Tensor, size: tuple[int, int]) -> Tensor:
    """Min-max over the patches, then bilinear to `size` = (h,w): (B,N,n) -> (B,h,w,n)."""
    side = square_side(similarity.shape[1])
    maps = min_max(similarity, dim=1).transpose(1, 2).unflatten(-1, (side, side))
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False).permute(0, 2, 3, 1)


def _difference(foreground: Tensor, background: Tensor) -> Tensor:
    return min_max(foreground - background, dim=1)


def _clamped(foreground: Tensor, background: Tensor) -> Tensor:
    return min_max((foreground - background).clamp(0, 1), dim=1)


def _foreground_only(foreground: Tensor, background: Tensor) -> Tensor:
    return foreground


CONSENSUS = {"difference": _difference, "clamped": _clamped, "foreground_only": _foreground_only}


def consensus_heatmap(foreground: Tensor, background: Tensor, mode: str = "difference") -> Tensor:
    """Agreement of all chains of thought.

    Args:
        foreground: (B,N,n) similarities with the foreground words, background: (B,N,m) with the background words
            (m may be 0: no background evidence).
        mode: "difference" min-max of mean foreground minus mean background (published default), "clamped" the same
            with negative differences set to 0, "foreground_only" the mean foreground as it is.

    Returns:
        (B,N) in [0,1].
    """
    check_consensus(mode)
    return CONSENSUS[mode](_mean_map(foreground), _mean_map(background))


def check_consensus(mode: str) -> None:
    """Raise UserError unless `mode` is a way to combine foreground and background."""
    if mode not in CONSENSUS:
        raise UserError(
            f"Unknown consensus '{mode}': expected one of {', '.join(CONSENSUS)}.{did_you_mean(mode, CONSENSUS)}"
        )


def _mean_map(similarity: Tensor) -> Tensor:
    if similarity.shape[-1] == 0:
        return similarity.new_zeros(similarity.shape[:-1])
    return min_max(similarity, dim=1).mean(dim=-1)


def upsample_heatmap(heatmap: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear to an image's (H,W), then min-max: (N,) or (N,1) -> (H,W) in [0,1]."""
    side = square_side(heatmap.numel())
    grid = heatmap.reshape(1, 1, side, side)
    return min_max(F.interpolate(grid, size=size, mode="bilinear", align_corners=False)[0, 0])


def square_side(count: int) -> int:
    """Side of a square of `count` patches.

    Raises:
        UserError: `count` is no square.
    """
    side = round(count**0.5)
    if count == 0 or side * side != count:
        raise UserError(f"A heatmap needs the patches of a square grid (196 for 14 x 14), got {count} values.")
    return side
