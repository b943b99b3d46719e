"""Transforms of the DETR recipe that move pixels, boxes and points: flip, resize by the short side, crop.

Draws come from numpy's global generator, which SeededDataset seeds. Sizes, draws and interpolation are those of
detectron2's `RandomFlip`, `ResizeShortestEdge` and `RandomCrop(absolute_range)`, which detrex uses.
"""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from sparsevision.datasets.detection.boxes import clip_boxes, has_area
from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

BOXES = (("gt_bboxes", "gt_labels"), ("ignored_bboxes", "ignored_labels"))
POINTS = (("gt_points", "gt_point_labels"),)


@TRANSFORMS.register_module()
class RandomFlipBoxes(BaseTransform):
    """Mirror image, boxes and points left to right with probability `prob`; `flip` says whether it was done."""

    def __init__(self, *, prob: float = 0.5) -> None:
        if not 0 <= prob <= 1:
            raise UserError(f"RandomFlipBoxes: prob={prob!r}; expected a probability from 0 to 1.")
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """See the class."""
        if np.random.random() >= self.prob:  # noqa: NPY002 (SeededDataset seeds the global generator)
            return {**results, "flip": False}
        size = results["img"].shape[:2]
        image = np.ascontiguousarray(results["img"][:, ::-1])
        return {**moved(results, size, scale=(-1, 1), shift=(size[1], 0)), "img": image, "flip": True}


@TRANSFORMS.register_module()
class ResizeShortSide(BaseTransform):
    """Resize so that the short side has a length of `short`, or less if the long side would exceed `longest`.

    Adds `scale_factor`, (width, height) by which the image was resized in all. Bilinear, smoothed where it shrinks.

    Args:
        short: pixels, or several numbers of which one is drawn.
        longest: pixels; None for no limit.

    Raises:
        UserError: from the constructor, a length below 1.
    """

    def __init__(self, *, short: int | Sequence[int], longest: int | None = None) -> None:
        self.short = (short,) if isinstance(short, int) else tuple(short)
        self.longest = longest
        if not self.short or min(*self.short, longest or 1, 1) < 1:
            raise UserError(f"ResizeShortSide: short={short!r}, longest={longest!r}; expected pixels, 1 or more.")

    def transform(self, results: dict) -> dict:
        """See the class."""
        short = self.short[0] if len(self.short) == 1 else int(np.random.choice(self.short))  # noqa: NPY002
        old = results["img"].shape[:2]
        new = short_side_size(old, short=short, longest=self.longest)
        scale = (new[1] / old[1], new[0] / old[0])
        before = results.get("scale_factor", (1.0, 1.0))
        return {
            **moved(results, new, scale=scale),
            "img": resize_smoothly(results["img"], new),
            "scale_factor": (before[0] * scale[0], before[1] * scale[1]),
        }


@TRANSFORMS.register_module()
class RandomCropBoxes(BaseTransform):
    """Cut out a window whose height and width are drawn from `low` to `high` pixels, or as much as the image has.

    Boxes are clipped to the window, and dropped where nothing of them is left; points outside are dropped. An image may
    lose all of its boxes.

    Raises:
        UserError: from the constructor, unless 1 <= low <= high.
    """

    def __init__(self, *, low: int = 384, high: int = 600) -> None:
        if not 1 <= low <= high:
            raise UserError(f"RandomCropBoxes: low={low!r}, high={high!r}; expected 1 <= low <= high, in pixels.")
        self.low = low
        self.high = high

    def transform(self, results: dict) -> dict:
        """See the class."""
        size = results["img"].shape[:2]
        height, width = (np.random.randint(min(side, self.low), min(side, self.high) + 1) for side in size)  # noqa: NPY002
        top, left = np.random.randint(size[0] - height + 1), np.random.randint(size[1] - width + 1)  # noqa: NPY002
        window = results["img"][top : top + height, left : left + width]
        return {**moved(results, (height, width), shift=(-left, -top)), "img": np.ascontiguousarray(window)}


def short_side_size(size: tuple[int, int], *, short: int, longest: int | None = None) -> tuple[int, int]:
    """(height, width) of an image of `size` (height, width) after `ResizeShortSide`."""
    scale = short / min(size)
    if longest is not None and scale * max(size) > longest:
        scale = longest / max(size)
    return tuple(max(1, int(scale * side + 0.5)) for side in size)


def resize_smoothly(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 RGB (H,W,3) to size = (height, width): bilinear with a filter as wide as the step where it shrinks."""
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def moved(
    results: dict, size: tuple[int, int], *, scale: Sequence[float] = (1, 1), shift: Sequence[float] = (0, 0)
) -> dict:
    """Results with boxes and points at scale * (x, y) + shift, in an image of the new size (height, width).

    What lies outside is cut off, and dropped where nothing is left.
    """
    scale, shift = np.array(scale, dtype=np.float64), np.array(shift, dtype=np.float64)
    changed = {"img_shape": tuple(map(int, size))}
    for places, labels in BOXES:
        if places in results:
            corners = results[places].reshape(-1, 2, 2) * scale + shift
            boxes = clip_boxes(np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1), size)
            kept = has_area(boxes)
            changed |= {places: boxes[kept].astype(np.float32), labels: results[labels][kept]}
    for places, labels in POINTS:
        if places in results:
            points = results[places] * scale + shift
            kept = ((points >= 0) & (points <= np.array(size[::-1]))).all(axis=1)
            changed |= {places: points[kept].astype(np.float32), labels: results[labels][kept]}
    return {**results, **changed}
