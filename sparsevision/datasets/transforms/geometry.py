"""Transforms that move pixels: resize, flip and crop. Images and probabilities are interpolated, classes never."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

PIXEL_KEYS = ("img", "sparse_sem_seg", "box_sem_seg", "pseudo_mask", "gt_sem_seg", "gt_mask")


@TRANSFORMS.register_module()
class Resize(BaseTransform):
    """Resize to one size: `img` and `pseudo_mask` bilinearly (by area when they shrink), class maps by nearest pixel.

    The dense truth stays at its native size, because metrics are computed there; `resize_truth=True` takes
    `gt_sem_seg` along for dense training (`gt_mask` never changes).

    Args:
        size: (height, width) of the result.
        ignore_index: value of unlabelled pixels in `sparse_sem_seg`.
        resize_truth: also resize `gt_sem_seg`.
        sparse_interpolation: of `sparse_sem_seg`. "nearest" loses no label and invents none (`resize_sparse_labels`).
            "bilinear_truncated" is what the released code of SCWSSOD and CRNet does (`resize_codes_truncated`): a fifth
            of the labelled pixels and more end up in the wrong class. Only configs of published settings use it.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        ignore_index: int = 255,
        resize_truth: bool = False,
        sparse_interpolation: str = "nearest",
    ) -> None:
        if len(size) != 2 or min(size) < 1:
            raise UserError(f"Resize: size={size!r}; expected (height, width), both at least 1.")
        if sparse_interpolation not in ("nearest", "bilinear_truncated"):
            raise UserError(
                f"Resize: sparse_interpolation={sparse_interpolation!r}; expected 'nearest' or 'bilinear_truncated'."
            )
        self.size = tuple(size)
        self.ignore_index = ignore_index
        self.resize_truth = resize_truth
        self.sparse_interpolation = sparse_interpolation

    def transform(self, results: dict) -> dict:
        changed = {"img": resize_image(results["img"], self.size), "img_shape": self.size}
        if "sparse_sem_seg" in results:
            changed["sparse_sem_seg"] = self._sparse(results["sparse_sem_seg"], results.get("box_sem_seg"))
        if "box_sem_seg" in results:
            changed["box_sem_seg"] = resize_labels(results["box_sem_seg"], self.size)
        if "pseudo_mask" in results:
            changed["pseudo_mask"] = np.clip(resize_image(results["pseudo_mask"], self.size), 0, 1)
        if self.resize_truth and "gt_sem_seg" in results:
            changed["gt_sem_seg"] = resize_labels(results["gt_sem_seg"], self.size)
        return {**results, **changed}

    def _sparse(self, labels: np.ndarray, boxes: np.ndarray | None) -> np.ndarray:
        if self.sparse_interpolation == "bilinear_truncated":
            return resize_codes_truncated(labels, self.size, ignore_index=self.ignore_index)
        return resize_sparse_labels(labels, self.size, ignore_index=self.ignore_index, regions=boxes)


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
    """Resize (H, W) or (H, W, 3) to size = (height, width): by area if both sides shrink, else bilinear."""
    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Nearest neighbour at pixel centres. labels (H, W) of any type; returns (height, width)."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp) for new, old in zip(size, labels.shape, strict=True)
    )
    return labels[rows[:, None], columns]


def resize_sparse_labels(
    labels: np.ndarray, size: tuple[int, int], *, ignore_index: int, regions: np.ndarray | None = None
) -> np.ndarray:
    """Nearest neighbour that loses no label: one that falls between the samples goes to the cell that covers it.

    Plain nearest neighbour would drop most single-pixel points when an image shrinks. Where a cell covers several
    labels, the nearest to its centre by `resize_labels` stands, else the last in reading order.

    labels (H, W) holding `ignore_index` where nothing is labelled; returns (height, width). regions (H, W), such as the
    map of boxes: no label moves from one region into a cell of another, so that the background around a box does not
    creep over its edge, where the object touches it.
    """
    resized = resize_labels(labels, size)
    rows, columns = np.nonzero(labels != ignore_index)
    new_rows = rows * size[0] // labels.shape[0]
    new_columns = columns * size[1] // labels.shape[1]
    free = resized[new_rows, new_columns] == ignore_index
    if regions is not None:
        free &= regions[rows, columns] == resize_labels(regions, size)[new_rows, new_columns]
    resized[new_rows[free], new_columns[free]] = labels[rows[free], columns[free]]
    return resized


def resize_codes_truncated(labels: np.ndarray, size: tuple[int, int], *, ignore_index: int) -> np.ndarray:
    """How SCWSSOD's and CRNet's released code resizes scribbles: a fault, kept to compare with it.

    The codes 0 unlabelled, 1 foreground, 2 background of the file are interpolated bilinearly, as if they were grey
    levels. Then exactly 0 counts as unlabelled and exactly 2 as background, and what remains is truncated to a class:
    the rim of a foreground stroke (0 to 1) turns to background, that of a background stroke (1 to 2) to foreground.

    labels (H, W) of 0, 1 and `ignore_index`; returns int64 (height, width).

    Raises:
        UserError: there are other classes than foreground and background.
    """
    strange = np.setdiff1d(labels, (0, 1, ignore_index))
    if strange.size:
        raise UserError(
            f"bilinear_truncated knows only background 0 and foreground 1, not class {strange[0]}; take 'nearest'."
        )
    codes = np.select([labels == 1, labels == 0], [1.0, 2.0], 0.0).astype(np.float32)
    codes = cv2.resize(codes, size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.select([codes == 0, codes == 2], [ignore_index, 0], codes.astype(np.int64))
