"""Loss between two predictions of one image: the structure that both see should be the same."""

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.methods.sparse_seg.losses import full_precision


def structure_consistency(
    first: Tensor,
    second: Tensor,
    *,
    weights: tuple[float, float] | None = None,
    ssim_weight: float = 0.85,
    window: int = 3,
    c1: float = 0.01**2,
    c2: float = 0.03**2,
) -> Tensor:
    """a * mean(clamp((1 - SSIM) / 2, 0, 1)) + (1 - a) * mean(|first - second|), with a = `ssim_weight`.

    SSIM = (2 mx my + c1) (2 sxy + c2) / ((mx^2 + my^2 + c1) (sx + sy + c2)); the means m, variances s and covariance
    sxy are taken over `window` x `window` pixels. Outside the image everything is zero (counted), as published.

    Source: self-consistency of SCWSSOD (Yu et al., AAAI 2021), between the prediction of a .3x image and the
    .3x prediction of the image (`downsampled`); `weights` of CRNet (He et al., AAAI 2023), which learns more where the
    small image is seen.

    Args:
        first: (B, C, H, W) probabilities, of the changed image.
        second: (B, C, H, W) probabilities, of the image itself, brought to the same place and size.
        weights: of the gradient to `first` and of the one to `second`: the loss is w1 * L(first, second without
            gradient) + w2 * L(first without gradient, second). CRNet: (1.3, .7), twice the value of None. None: both
            learn alike.
        ssim_weight, window, c1, c2: see the formula; window is odd.

    Returns:
        Scalar.

    Raises:
        ValueError: the shapes differ, or the window is even.
    """
    if first.shape != second.shape or first.ndim != 4:
        raise ValueError(f"expected two maps (B, C, H, W), got {tuple(first.shape)} and {tuple(second.shape)}")
    if window % 2 == 0:
        raise ValueError(f"window must be odd, got {window}")

    def loss(x: Tensor, y: Tensor) -> Tensor:
        dissimilarity = ((1 - _ssim(x, y, window=window, c1=c1, c2=c2)) / 2).clamp(0, 1)
        return ssim_weight * dissimilarity.mean() + (1 - ssim_weight) * (x - y).abs().mean()

    first, second = full_precision(first), full_precision(second)
    if weights is None:
        return loss(first, second)
    return weights[0] * loss(first, second.detach()) + weights[1] * loss(first.detach(), second)


def _ssim(x: Tensor, y: Tensor, *, window: int, c1: float, c2: float) -> Tensor:
    """Structural similarity at every pixel; x, y and the answer (B, C, H, W)."""
    moments = torch.cat([x, y, x * x, y * y, x * y], 1)
    mean_x, mean_y, square_x, square_y, product = F.avg_pool2d(moments, window, 1, window // 2).chunk(5, 1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    covariance = product - mean_x * mean_y
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return above / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))


def downsampled(maps: Tensor, scale: float) -> Tensor:
    """maps (B, C, H, W) bilinearly to (B, C, floor(scale H), floor(scale W)), corner pixels kept, as SCWSSOD does."""
    height, width = (max(1, int(side * scale)) for side in maps.shape[2:])
    return resized(maps, (height, width))


def resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """maps (B, C, H, W) bilinearly to (B, C, *size), corner pixels on corner pixels."""
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=True)
