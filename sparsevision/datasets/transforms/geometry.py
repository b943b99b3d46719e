"""Transforms that move pixels: resize and flip. Images are interpolated, labels never."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

PIXEL_KEYS = ("img", "sparse_sem_seg", "gt_sem_seg", "gt_mask")


@TRANSFORMS.register_module()
class Resize(BaseTransform):
    """Resize `img` bilinearly (by area when it shrinks) and `sparse_sem_seg` by nearest neighbour, to one size.

    The dense truth stays at its native size, because metrics are computed there; `resize_truth=True` takes
    `gt_sem_seg` along for dense training (`gt_mask` never changes).

    Args:
        size: (height, width) of the result.
        ignore_index: value of unlabelled pixels in `sparse_sem_seg`.
        resize_truth: also resize `gt_sem_seg`.
    """

    def __init__(self, *, size: tuple[int, int], ignore_index: int = 255, resize_truth: bool = False) -> None:
        if len(size) != 2 or min(size) < 1:
            raise UserError(f"Resize: size={size!r}; expected (height, width), both at least 1.")
        self.size = tuple(size)
        self.ignore_index = ignore_index
        self.resize_truth = resize_truth

    def transform(self, results: dict) -> dict:
        changed = {"img": resize_image(results["img"], self.size), "img_shape": self.size}
        if "sparse_sem_seg" in results:
            changed["sparse_sem_seg"] = resize_sparse_labels(
                results["sparse_sem_seg"], self.size, ignore_index=self.ignore_index
            )
        if self.resize_truth and "gt_sem_seg" in results:
            changed["gt_sem_seg"] = resize_labels(results["gt_sem_seg"], self.size)
        return {**results, **changed}


@TRANSFORMS.register_module()
class RandomFlip(BaseTransform):
    """Mirror image and labels left to right with probability `prob`; draws from numpy's global generator."""

    def __init__(self, *, prob: float = 0.5) -> None:
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """See the class; `flip` says whether it was mirrored."""
        if np.random.random() >= self.prob:  # noqa: NPY002 (SeededDataset seeds the global generator)
            return {**results, "flip": False}
        mirrored = {key: np.ascontiguousarray(results[key][:, ::-1]) for key in PIXEL_KEYS if key in results}
        return {**results, **mirrored, "flip": True}


@TRANSFORMS.register_module()
class RandomCrop(BaseTransform):
    """Cut a window out of image and labels; draws from numpy's global generator.

    Args:
        share: smallest and largest share of the height, and independently of the width, that the window keeps.
    """

    def __init__(self, *, share: tuple[float, float] = (0.6, 1.0)) -> None:
        if not 0 < share[0] <= share[1] <= 1:
            raise UserError(
                f"RandomCrop: share={share!r}; expected (smallest, largest) with 0 < smallest <= largest <= 1."
            )
        self.share = tuple(share)

    def transform(self, results: dict) -> dict:
        """See the class."""
        window = tuple(self._stretch(length) for length in results["img"].shape[:2])
        cut = {key: np.ascontiguousarray(results[key][window]) for key in PIXEL_KEYS if key in results}
        return {**results, **cut, "img_shape": cut["img"].shape[:2]}

    def _stretch(self, length: int) -> slice:
        kept = max(1, round(length * np.random.uniform(*self.share)))  # noqa: NPY002 (see RandomFlip)
        start = np.random.randint(length - kept + 1)  # noqa: NPY002
        return slice(start, start + kept)


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize uint8 (H, W, 3) to size = (height, width): by area if both sides shrink, else bilinear."""
    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Nearest neighbour at pixel centres. labels (H, W) of any type; returns (height, width)."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp) for new, old in zip(size, labels.shape, strict=True)
    )
    return labels[rows[:, None], columns]


def resize_sparse_labels(labels: np.ndarray, size: tuple[int, int], *, ignore_index: int) -> np.ndarray:
    """Nearest neighbour that loses no label: one that falls between the samples goes to the cell that covers it.

    Plain nearest neighbour would drop most single-pixel points when an image shrinks. Where a cell covers several
    labels, the nearest to its centre by `resize_labels` stands, else the last in reading order.

    labels (H, W) holding `ignore_index` where nothing is labelled; returns (height, width).
    """
    resized = resize_labels(labels, size)
    rows, columns = np.nonzero(labels != ignore_index)
    new_rows = rows * size[0] // labels.shape[0]
    new_columns = columns * size[1] // labels.shape[1]
    free = resized[new_rows, new_columns] == ignore_index
    resized[new_rows[free], new_columns[free]] = labels[rows[free], columns[free]]
    return resized
