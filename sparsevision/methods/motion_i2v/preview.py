"""A preview of drags before any sampling: frame 0 pushed along the drawn flow."""

import torch
from torch import Tensor

EPSILON = 1e-6


def gaussian_forward_warp(image: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Push each pixel onto the four pixels around where it goes, weighted by exp(-squared distance).

    Args:
        image: (B,C,H,W).
        flow: (B,2,H,W) in pixels; what leaves the image is dropped.

    Returns:
        The weighted sum (B,C,H,W) and the sum of weights (B,C,H,W), the same in all channels; their quotient is the
        warped image.
    """
    batch, channels, height, width = image.shape
    rows, columns = torch.meshgrid(
        torch.arange(height, device=flow.device), torch.arange(width, device=flow.device), indexing="ij"
    )
    target_x, target_y = columns + flow[:, 0], rows + flow[:, 1]
    corners = [(dx, dy) for dy in (0, 1) for dx in (0, 1)]
    numerator, weight = image.new_zeros(batch, channels, height * width), image.new_zeros(batch, 1, height * width)
    for dx, dy in corners:
        x, y = target_x.floor() + dx, target_y.floor() + dy
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        share = torch.exp(-((target_x - x) ** 2) - (target_y - y) ** 2) * inside
        place = torch.where(inside, y * width + x, 0).long().flatten(1)[:, None]
        share = share.flatten(1)[:, None]
        numerator.scatter_add_(2, place.expand_as(numerator), image.flatten(2) * share)
        weight.scatter_add_(2, place, share)
    numerator, weight = numerator.view_as(image), weight.view(batch, 1, height, width)
    return numerator, weight.expand_as(image)


def preview_video(image: Tensor, flow: Tensor) -> Tensor:
    """image (C,H,W) and flow (F,2,H,W) -> (C,1+F,H,W): the image, then as each field moves it; holes are 0."""
    numerator, weight = gaussian_forward_warp(image.expand(len(flow), *image.shape), flow)
    moved = numerator / (weight + EPSILON)
    return torch.cat([image[None], moved]).transpose(0, 1)
