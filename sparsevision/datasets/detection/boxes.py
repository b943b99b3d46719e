"""Boxes as arrays: (x0, y0, x1, y1), edges in pixels."""

import numpy as np
from numpy.typing import NDArray

MIN_SIDE = 1e-3  # pixels; a box with a shorter side is none


def clip_boxes(boxes: NDArray, size: tuple[int, int]) -> NDArray:
    """The parts of boxes (M,4) within an image of size (height, width); outside of it both edges meet."""
    height, width = size
    return np.clip(boxes, 0, np.array([width, height, width, height], dtype=boxes.dtype))


def has_area(boxes: NDArray) -> NDArray[np.bool_]:
    """Which of boxes (M,4) have two sides of more than `MIN_SIDE` pixels."""
    return ((boxes[:, 2:] - boxes[:, :2]) > MIN_SIDE).all(axis=1)
