"""Losses on pairs of pixels: what looks alike and lies near should be predicted alike. They need no label."""

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.methods.sparse_seg.losses import full_precision
from sparsevision.methods.sparse_seg.losses_consistency import downsampled, resized


def local_saliency_coherence(
    probability: Tensor,
    image: Tensor,
    *,
    radius: int = 5,
    sigma_xy: float = 6.0,
    sigma_rgb: float = 0.1,
    weight: float = 1.0,
    scale: float = 0.25,
    padding: str = "zero",
) -> Tensor:
    """weight / N * sum_i sum_j K_ij D_ij, over N pixels i and the pixels j up to `radius` rows and columns away.

    K_ij = exp(-|xy_i - xy_j|^2 / 2 sigma_xy^2 - |rgb_i - rgb_j|^2 / 2 sigma_rgb^2), xy in pixels of the scaled map.
    D_ij = |p_i - p_j|; with C > 1 classes half the sum of it over classes, which is the same for two of them.

    Source: local saliency coherence of SCWSSOD (Yu et al., AAAI 2021), after the gated CRF loss (Obukhov et al.,
    2019). Reference bug: the release divides the shared image by sigma_rgb in place, so that its k-th call
    (k = 1, 2, ...) on one image sees .1^k and all but the first are void. The image is never changed here: pass
    sigma_rgb=.1**k for the numbers of the release.

    Args:
        probability: (B, C, H, W) or, of the foreground alone, (B, 1, H, W).
        image: (B, 3, h, w) of any size, as normalised for the network (sigma_rgb is in its units). It gets no gradient.
        radius, sigma_xy, sigma_rgb, weight: see the formula.
        scale: both are first brought to `scale` times H and W (`downsampled`).
        padding: "zero" as published: a pixel also has the neighbours outside the image, of colour, position and
            probability zero. "valid": only those inside. N stays the number of pixels, so that pixels at the rim,
            which have fewer neighbours, weigh less.

    Returns:
        Scalar.

    Raises:
        ValueError: the batch sizes differ or `padding` is neither of the two.
    """
    if probability.ndim != 4 or image.ndim != 4 or len(probability) != len(image):
        raise ValueError(
            f"expected probability (B, C, H, W) and image (B, 3, h, w), got {tuple(probability.shape)} and "
            f"{tuple(image.shape)}"
        )
    if padding not in ("zero", "valid"):
        raise ValueError(f"padding={padding!r}; expected 'zero' or 'valid'")
    values = downsampled(full_precision(probability), scale)
    colour = resized(image.detach().to(values.dtype), tuple(values.shape[2:])) / sigma_rgb
    pairs = 2 * _sum_over_pairs(values, colour, radius=radius, sigma_xy=sigma_xy)
    if padding == "zero":
        pairs = pairs + _sum_over_outside(values, colour, radius=radius, sigma_xy=sigma_xy)
    return weight * pairs / values[:, 0].numel()


def _sum_over_pairs(values: Tensor, colour: Tensor, *, radius: int, sigma_xy: float) -> Tensor:
    """Sum of K_ij D_ij over unordered pairs of pixels; values (B, C, H, W), colour (B, 3, H, W) over sigma_rgb.

    Each step takes all pixels with all their neighbours one number of rows below. Infinite colour left and right of
    the image makes K zero there.
    """
    height, size = values.shape[2], 2 * radius + 1
    columns = (torch.arange(-radius, radius + 1, device=values.device, dtype=values.dtype) / sigma_xy) ** 2
    wide_values, wide_colour = F.pad(values, (radius, radius)), F.pad(colour, (radius, radius), value=torch.inf)
    total = values.new_zeros(())
    for below in range(min(radius + 1, height)):
        here = (..., slice(0, height - below), slice(None), None)
        right = slice(0 if below else radius + 1, None)  # in the pixel's own row each pair is met once, from its left
        there = [wide[:, :, below:].unfold(3, size, 1)[..., right] for wide in (wide_values, wide_colour)]
        exponent = (there[1] - colour[here]).square_().sum(1).add_(columns[right] + (below / sigma_xy) ** 2)
        total = total + (exponent.mul_(-0.5).exp_() * _difference(there[0] - values[here])).sum()
    return total


def _sum_over_outside(values: Tensor, colour: Tensor, *, radius: int, sigma_xy: float) -> Tensor:
    """Sum of K_ij D_ij over pixels i and their neighbours j outside, which are all alike: everything is zero there."""
    inside, squares = [], []
    for side in values.shape[2:]:
        place = torch.arange(side, device=values.device)
        inside.append((place + radius).clamp(max=side - 1) - (place - radius).clamp(min=0) + 1)
        squares.append((place.to(values.dtype) / sigma_xy) ** 2)
    outside = (2 * radius + 1) ** 2 - inside[0][:, None] * inside[1]
    kernel = (-0.5 * (squares[0][:, None] + squares[1] + colour.square().sum(1))).exp()
    return (outside * kernel * _difference(values)).sum()


def _difference(values: Tensor) -> Tensor:
    """values (B, C, ...), differences of probabilities; returns (B, ...)."""
    return values[:, 0].abs() if values.shape[1] == 1 else values.abs().sum(1) / 2
