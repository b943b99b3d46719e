"""Polygons that other programs can draw for our items. Corner coordinates, (K, 2)."""

import itertools
from collections.abc import Iterable

import numpy as np

from sparsevision.annotation.formats.frame import to_corners
from sparsevision.annotation.formats.items import POINT, Item

UNNAMED = "object"


def rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """The four corners of a box."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float64)


def painted(item: Item, size: tuple[int, int]) -> list[np.ndarray]:
    """What a point (its pixel) or a stroke (a rectangle a segment, as wide as the brush) covers, inside the image."""
    corners = to_corners(item.xy)
    if item.form == POINT:
        x, y = np.minimum(np.floor(corners[0]), np.array(size[::-1]) - 1).tolist()
        return [rectangle(x, y, x + 1, y + 1)]
    reach = item.extra.get("width", 1.0) / 2
    segments = itertools.pairwise(corners) if len(corners) > 1 else [(corners[0], corners[0])]
    return [np.clip(_thick(start, end, reach), 0, size[::-1]) for start, end in segments]


def hull(polygons: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest x and y."""
    corners = np.concatenate(list(polygons))
    return corners.min(axis=0), corners.max(axis=0)


def area(polygon: np.ndarray) -> float:
    """Area of a polygon, by the shoelace formula."""
    x, y = (polygon - polygon[0]).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def ellipse(centre: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """64 points of an ellipse."""
    angles = np.arange(64) * (2 * np.pi / 64)
    return centre + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def unnamed(taken: Iterable[str]) -> str:
    """A class name for items that have none (clicks without a class, tracks), different from those taken."""
    name, taken = UNNAMED, set(taken)
    while name in taken:
        name += "_"
    return name


def _thick(start: np.ndarray, end: np.ndarray, reach: float) -> np.ndarray:
    length = float(np.hypot(*(end - start)))
    along = (end - start) / length if length > 0 else np.array([1.0, 0.0])
    across = np.array([-along[1], along[0]]) * reach
    start, end = start - along * reach, end + along * reach
    return np.stack([start + across, end + across, end - across, start - across])
