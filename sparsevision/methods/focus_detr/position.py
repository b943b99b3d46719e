"""Sine embeddings of places: of the pixels of a feature map, and of boxes."""

import math

import torch
from torch import Tensor

EPS = 1e-6  # keeps the last valid row or column just below 2 pi


def sine_position(mask: Tensor, *, temperature: float = 10000, offset: float = -0.5, channels: int = 256) -> Tensor:
    """Where each pixel lies in the valid part of its map (DETR, with the valid part scaled to 2 pi).

    Args:
        mask: (B,h,w) bool, True where the batch is padded.
        temperature: of the frequencies: 10000, or 20 in the longer ResNet schedules.
        offset: in pixels, added to the running count 1, 2, ... of valid pixels: -0.5 (centres), or 0.
        channels: C, half of them for y, then half for x.

    Returns:
        (B,C,h,w) float32.
    """
    valid = (~mask).float()
    axes = []
    for dim in (1, 2):
        count = valid.cumsum(dim)
        last = count.narrow(dim, count.shape[dim] - 1, 1)
        axes.append(sine_embedding((count + offset) / (last + EPS) * (2 * math.pi), channels // 2, temperature))
    return torch.cat(axes, -1).permute(0, 3, 1, 2)


def box_position(boxes: Tensor, *, temperature: float = 10000, channels: int = 128) -> Tensor:
    """Embedding of boxes (DAB-DETR, Liu et al., ICLR 2022, Sec. 4.3).

    Args:
        boxes: (...,2) as (cx, cy), or (...,4) as (cx, cy, w, h), in [0,1].
        temperature: of the frequencies.
        channels: for each number.

    Returns:
        (...,2*channels) or (...,4*channels), in the order y, x, w, h.
    """
    order = [1, 0, *range(2, boxes.shape[-1])]
    return sine_embedding(boxes[..., order] * (2 * math.pi), channels, temperature).flatten(-2)


def sine_embedding(angles: Tensor, channels: int, temperature: float) -> Tensor:
    """(...,) -> (...,channels): sine and cosine of falling frequencies in turn."""
    powers = torch.arange(0, channels, 2, dtype=torch.float32, device=angles.device) / channels
    waves = angles[..., None] / temperature**powers
    return torch.stack([waves.sin(), waves.cos()], -1).flatten(-2)
