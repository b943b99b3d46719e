"""Which tokens are foreground, from boxes: what the selector learns (Focus-DETR Eq. 1, Salience DETR Sec. 3.3)."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from sparsevision.evaluation.functional.tokens import token_centres
from sparsevision.utils import UserError

Shapes = Sequence[tuple[int, int]]
Ranges = Sequence[tuple[float, float]]
Distance = Callable[[Tensor], Tensor]

FIRST_RANGE = 64.0  # pixels, of images whose short side is 800


def level_ranges(levels: int, *, disjoint: bool, first: float = FIRST_RANGE) -> list[tuple[float, float]]:
    """Distances in pixels that each level is responsible for, as (low, high], finest level first.

    Args:
        levels: number L.
        disjoint: as released, (-1, 64], (64, 128], (128, 256], ...; otherwise a level begins where the one before it
            is halfway, (-1, 64], (32, 128], (64, 256], ..., so that neighbours share half of their range.
        first: up to here the finest level is responsible; each coarser one reaches twice as far. It scales with the
            images: with 64 pixels in a small one, coarse levels learn that nothing is theirs.
    """
    limits = [-1.0, *(first * 2**level for level in range(levels - 1)), float("inf")]
    ranges = list(pairwise(limits))
    return ranges if disjoint else ranges[:1] + [(low / 2, high) for low, high in ranges[1:]]


def farthest_side(sides: Tensor) -> Tensor:
    """Distance (...) to the farthest of the four sides of a box; sides (...,4): left, top, right, bottom."""
    return sides.amax(-1)


def centre_distance(sides: Tensor) -> Tensor:
    """Distance (...) to the centre of a box, the larger of both axes; sides (...,4): left, top, right, bottom."""
    return ((sides[..., :2] - sides[..., 2:]) / 2).abs().amax(-1)


def foreground_targets(
    boxes: Tensor, *, feature_shapes: Shapes, strides: Sequence[int], ranges: Ranges, distance: Distance = farthest_side
) -> Tensor:
    """Eq. 1: a token is foreground if it lies in a box whose distance is in the range of the token's level.

    Args:
        boxes: (M,4) xyxy in pixels of one image; M may be 0.
        feature_shapes: [(h, w), ...] of the levels.
        strides: pixels between two tokens of each level; a token stands at column * stride + stride // 2.
        ranges: [(low, high), ...] in pixels, low < distance <= high.
        distance: from the sides of a box; the released one by default.

    Returns:
        (N,) float32 of 0 and 1, N = sum of h*w.

    Raises:
        UserError: shapes, strides and ranges are not equally many.
    """
    if not len(feature_shapes) == len(strides) == len(ranges):
        raise UserError(
            f"foreground_targets: {len(feature_shapes)} feature_shapes, {len(strides)} strides and {len(ranges)} "
            "ranges; expected one of each for every level."
        )
    places = token_centres(feature_shapes, strides, device=boxes.device)
    sides = _sides(places, boxes)
    low, high = _per_token(torch.tensor(ranges, dtype=torch.float32), feature_shapes).to(boxes.device).unbind(-1)
    measured = distance(sides)
    responsible = (measured > low[:, None]) & (measured <= high[:, None])
    return (responsible & (sides.amin(-1) > 0)).any(1).float()


def salience_targets(boxes: Tensor, *, feature_shapes: Shapes, strides: Sequence[int], ranges: Ranges) -> Tensor:
    """Graded foreground (Hou et al., Salience DETR, CVPR 2024, Sec. 3.3), highest in the middle of a box of any size.

    A token in a box counts 1 - sqrt(dx^2 + dy^2) / 2, dx and dy being its distance from the centre in half widths and
    heights; the highest box counts, and only where `foreground_targets` is 1. Tokens stand at (column + 0.5) * stride.

    Args and returns as `foreground_targets`; values in [0,1].
    """
    places = token_centres(feature_shapes, strides, device=boxes.device)
    sides = _sides(places, boxes)
    offset = (sides[..., :2] - sides[..., 2:]) / (sides[..., :2] + sides[..., 2:])
    grade = (1 - offset.norm(dim=-1) / 2).masked_fill(sides.amin(-1) <= 0, 0.0)
    highest = torch.cat([grade, grade.new_zeros(len(grade), 1)], 1).amax(1)
    return highest * foreground_targets(boxes, feature_shapes=feature_shapes, strides=strides, ranges=ranges)


def token_strides(
    feature_shapes: Shapes, strides: Sequence[int], *, device: torch.device | str | None = None
) -> Tensor:
    """(N,) float32: the stride of each token's level."""
    return _per_token(torch.tensor(strides, dtype=torch.float32), feature_shapes).to(device)


def _per_token(values: Tensor, feature_shapes: Shapes) -> Tensor:
    return values.repeat_interleave(torch.tensor([height * width for height, width in feature_shapes]), 0)


def _sides(places: Tensor, boxes: Tensor) -> Tensor:
    """(N,M,4): how far left, top, right and bottom are, positive inside of the box."""
    places = places[:, None].to(boxes.dtype)
    return torch.cat([places - boxes[:, :2], boxes[:, 2:] - places], -1)
