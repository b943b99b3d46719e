"""Loss on pairs of pixels near an outline: what the network itself tells apart should be predicted apart."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.layers.reduce import global_count
from sparsevision.methods.sparse_seg.losses import full_precision


def feature_guided_loss(
    probability: Tensor,
    features: Tensor,
    *,
    scale: float = 0.5,
    window: int = 8,
    stride: int = 4,
    confident: float = 0.8,
    share: float = 0.3,
    channels: int = 16,
    sigma_xy: float = 6.0,
    train_features: bool = False,
) -> Tensor:
    """Mean over windows on an outline, and over their pairs of pixels, of K_ij (p_i (1 - p_j) + p_j (1 - p_i)).

    K_ij = exp(-|f_i - f_j|^2 / 2 - |xy_i - xy_j|^2 / 2 sigma_xy^2) for i != j, K_ii = 0; f holds the `channels`
    channels whose covariance with p over the window is largest in size. A window counts if more than `share` of its
    pixels have p > confident and more than `share` have p < 1 - confident. No such window: zero.

    Source: CRNet (He et al., AAAI 2023). Its features are the 64 terms that the last convolution adds up to
    the logit; it writes the scribbles into p first (such pixels get no gradient) and doubles the loss.

    Args:
        probability: (B, 1, H, W).
        features: (B, D, h, w) of any size; resized to the scaled size of the probability.
        scale, window, stride: windows are cut out of maps of `scale` times H and W, in pixels of these.
        confident, share, channels, sigma_xy: see the formula; fewer channels are taken where D is smaller.
        train_features: let the gradient through K as well. False as released.

    Returns:
        Scalar.

    Raises:
        ValueError: the batch sizes differ, or the probability has more than one channel.
    """
    if probability.ndim != 4 or probability.shape[1] != 1 or features.ndim != 4 or len(features) != len(probability):
        raise ValueError(
            f"expected probability (B, 1, H, W) and features (B, D, h, w), got {tuple(probability.shape)} and "
            f"{tuple(features.shape)}"
        )
    size = tuple(max(window, int(side * scale)) for side in probability.shape[2:])
    values = _windows(_resized_inside(full_precision(probability), size), window, stride)
    features = features if train_features else features.detach()
    described = _windows(_resized_inside(features.to(values.dtype), size), window, stride)
    kept = _on_outline(values, confident=confident, share=share)
    p = values[kept].flatten(1)
    kernel = _window_kernel(described[kept].flatten(2), p.detach(), channels=channels, sigma_xy=sigma_xy)
    unlike = p[:, :, None] * (1 - p[:, None]) + p[:, None] * (1 - p[:, :, None])
    count = global_count(kept.sum().to(p.dtype)).clamp(min=torch.finfo(p.dtype).tiny)
    return (kernel * unlike).sum() / (count * window**4)


def _resized_inside(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """maps (B, C, H, W) bilinearly to (B, C, *size), pixel centres on pixel centres."""
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def _windows(maps: Tensor, window: int, stride: int) -> Tensor:
    """All windows that fit, as a view: (B, C, H, W) to (B, rows, columns, C, window, window)."""
    return maps.unfold(2, window, stride).unfold(3, window, stride).permute(0, 2, 3, 1, 4, 5)


def _on_outline(values: Tensor, *, confident: float, share: float) -> Tensor:
    """values (B, rows, columns, 1, k, k), probabilities in windows; returns bool (B, rows, columns)."""
    pixels = values.detach().flatten(3)
    needed = share * pixels.shape[3]
    return ((pixels > confident).sum(3) > needed) & ((1 - pixels > confident).sum(3) > needed)


def _window_kernel(features: Tensor, p: Tensor, *, channels: int, sigma_xy: float) -> Tensor:
    """K of n windows of side k: features (n, D, k k), p (n, k k) without gradient; returns (n, k k, k k)."""
    covariance = ((features - features.mean(2, keepdim=True)) * (p - p.mean(1, keepdim=True))[:, None]).sum(2)
    chosen = covariance.abs().topk(min(channels, features.shape[1]), dim=1).indices
    chosen = features.gather(1, chosen[:, :, None].expand(-1, -1, p.shape[1])).transpose(1, 2)
    side = math.isqrt(p.shape[1])
    place = torch.arange(side, device=p.device, dtype=p.dtype)
    place = torch.cartesian_prod(place, place) / sigma_xy
    kernel = (-0.5 * (_squared_distances(chosen) + _squared_distances(place))).exp()
    return kernel * (1 - torch.eye(p.shape[1], device=p.device, dtype=p.dtype))


def _squared_distances(points: Tensor) -> Tensor:
    """Between all points (..., n, D) of a set; returns (..., n, n)."""
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").square()
