"""Boxes in the two ways a DETR holds them, their overlap, and logits of coordinates."""

import torch
from torch import Tensor

SMALLEST_AREA = 1e-9  # a union of two points would divide by zero


def to_corners(boxes: Tensor) -> Tensor:
    """(..., 4) as centre x, centre y, width, height -> x1, y1, x2, y2."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def to_centres(boxes: Tensor) -> Tensor:
    """(..., 4) as x1, y1, x2, y2 -> centre x, centre y, width, height."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def normalised(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Corners (M,4) in pixels of an image of (height, width) -> centres and sizes as shares of that image."""
    height, width = size
    return to_centres(boxes / boxes.new_tensor([width, height, width, height]))


def in_pixels(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Centres and sizes (...,4) as shares of an image of (height, width) -> corners in its pixels."""
    height, width = size
    return to_corners(boxes) * boxes.new_tensor([width, height, width, height])


def inverse_sigmoid(values: Tensor, eps: float = 1e-3) -> Tensor:
    """Logits of values in [0,1], each side held `eps` away from 0; 1e-3 is what released DETRs were trained with."""
    values = values.clamp(0, 1)
    return torch.log(values.clamp(min=eps) / (1 - values).clamp(min=eps))


def area(boxes: Tensor) -> Tensor:
    """Areas (...) of corners (..., 4)."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def intersection(one: Tensor, other: Tensor) -> Tensor:
    """Common areas of corners (..., 4) and (..., 4), which broadcast."""
    low = torch.maximum(one[..., :2], other[..., :2])
    high = torch.minimum(one[..., 2:], other[..., 2:])
    return (high - low).clamp(min=0).prod(dim=-1)


def iou_and_giou(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al., CVPR 2019) of corners that broadcast; two points have IoU 0."""
    common = intersection(one, other)
    union = area(one) + area(other) - common
    iou = common / union.clamp(min=SMALLEST_AREA)
    low = torch.minimum(one[..., :2], other[..., :2])
    high = torch.maximum(one[..., 2:], other[..., 2:])
    hull = (high - low).clamp(min=0).prod(dim=-1)
    return iou, iou - (hull - union) / hull.clamp(min=SMALLEST_AREA)


def inside_zones(boxes: Tensor, zones: Tensor, *, share: float = 0.5) -> Tensor:
    """Which boxes (...,4) have their centre, or `share` of their area, in one of the zones (Z,4); corners, bool (...).

    What lies in a zone that is neither object nor background shall count as neither.
    """
    if not len(zones):
        return boxes.new_zeros(boxes.shape[:-1], dtype=torch.bool)
    centre = (boxes[..., None, :2] + boxes[..., None, 2:]) / 2
    covered = ((centre > zones[:, :2]) & (centre < zones[:, 2:])).all(dim=-1)
    common = intersection(boxes[..., None, :], zones)
    mostly = common >= share * area(boxes)[..., None].clamp(min=SMALLEST_AREA)
    return (covered | mostly).any(dim=-1)


def around_points(boxes: Tensor, points: Tensor) -> Tensor:
    """Which boxes (...,4) have one of the points (P,2) in the middle half of their width and height; bool (...)."""
    distance = (points - (boxes[..., None, :2] + boxes[..., None, 2:]) / 2).abs()
    return (distance <= (boxes[..., None, 2:] - boxes[..., None, :2]) / 4).all(dim=-1).any(dim=-1)
