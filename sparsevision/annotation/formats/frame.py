"""Between our frame and that of COCO, LabelMe and CVAT.

Theirs has (0, 0) at the top left **corner** of the top left pixel and the image reaches from 0 to width. Ours has whole
numbers at pixel **centres**, so theirs is ours plus a half. Boxes are given by their edges on both sides, no shift.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from sparsevision.annotation.errors import AnnotationError

ROUNDING = 1e-6
REACH = 1.0


def to_corners(xy: np.ndarray) -> np.ndarray:
    """Locations (N, 2) of our frame in theirs."""
    return xy + 0.5


def from_corners(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Locations (N, 2) of theirs, within [0, width] x [0, height], in ours.

    The right and the lower border belong to the last pixel.
    """
    height, width = size
    last = np.nextafter(np.array([width, height]) - 0.5, -np.inf)
    return np.minimum(points - 0.5, last)


@dataclass(frozen=True, kw_only=True)
class Border:
    """What to do with coordinates outside of an image.

    Beyond the border by up to 1e-6 is rounding, and moved onto it. By up to 1 pixel is what tools write at borders:
    moved and counted with `clip`, else an error. Further outside is an error always.

    Args:
        size: (height, width).
        clip: accept coordinates up to 1 pixel outside.
        report: counts them.
    """

    size: tuple[int, int]
    clip: bool
    report: Counter

    def fit(self, points: np.ndarray, *, field: str) -> np.ndarray:
        """Points (N, 2) of their frame, inside [0, width] x [0, height]."""
        high = np.array(self.size[::-1], dtype=np.float64)
        beyond = np.maximum(-points, points - high).max(axis=1, initial=0.0)
        worst = float(beyond.max(initial=0.0))
        if worst > (REACH if self.clip else ROUNDING):
            x, y = points[int(beyond.argmax())].tolist()
            remedy = "clip=True moves it onto the border" if worst <= REACH else "is it the right image?"
            raise AnnotationError(
                f"{field}: ({x}, {y}) lies outside the image, {self.size[1]} wide and {self.size[0]} high; {remedy}."
            )
        outside = int((beyond > ROUNDING).sum())
        if outside:
            self.report["locations outside moved onto the border (clip)"] += outside
        return np.clip(points, 0.0, high)
