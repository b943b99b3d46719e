"""What the metrics accept, and how a saved grey map and its mask become that."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError

Pair = tuple[NDArray, NDArray]


def check_pair(pred: ArrayLike, gt: ArrayLike) -> Pair:
    """Validate one image's pair. Returns pred (H,W) floating in [0, 1] and gt (H,W) bool.

    A boolean prediction counts as 0.0 / 1.0; float32 is kept, so that its 255 bins are those of its own precision.

    Raises:
        UserError: wrong type, number of dimensions, unequal or empty shape, NaN, or values outside [0, 1].
    """
    pred, gt = np.asarray(pred), np.asarray(gt)
    if pred.dtype == bool:
        pred = pred.astype(np.float64)
    if pred.dtype not in (np.float32, np.float64):
        raise UserError(
            f"pred must be float32, float64 or bool in [0, 1], got {pred.dtype}; use prepare(pred, gt) for grey maps."
        )
    if gt.dtype != bool:
        raise UserError(
            f"gt must be bool, got {gt.dtype}; use prepare(pred, gt) for 0/255 masks or gt.astype(bool) for 0/1 masks."
        )
    _check_shapes(pred, gt)
    low, high = pred.min(), pred.max()
    if np.isnan(low):
        raise UserError(
            f"pred has {int(np.isnan(pred).sum())} NaN of {pred.size} values; a metric of it would be meaningless."
        )
    if low < 0 or high > 1:
        raise UserError(
            f"pred must lie in [0, 1], got [{low:g}, {high:g}]; apply a sigmoid to logits, prepare() to grey maps."
        )
    return pred, gt


def _check_shapes(pred: NDArray, gt: NDArray) -> None:
    if pred.ndim != 2 or gt.ndim != 2:
        raise UserError(f"pred and gt must be (H,W), got {pred.shape} and {gt.shape}.")
    if pred.shape != gt.shape:
        raise UserError(
            f"pred is {pred.shape} but gt is {gt.shape} (height, width); resize one of them explicitly, e.g. "
            "prepare(pred, gt, resize=resize_to_truth)."
        )
    if pred.size == 0:
        raise UserError(f"pred and gt are empty: shape {pred.shape}.")


def prepare(
    pred: ArrayLike,
    gt: ArrayLike,
    *,
    normalize: bool = True,
    resize: Callable[[NDArray, NDArray], Pair] | None = None,
) -> Pair:
    """From a grey map and a mask as they lie in files to what the metrics take.

    Args:
        pred: (h,w) uint8 grey map, or float / bool in [0, 1].
        gt: (H,W) bool, or uint8 mask of 0 and 255 (foreground is > 128).
        normalize: stretch the prediction to [0, 1] by its own minimum and maximum, unless it is constant. The usual
            toolboxes do so; a map whose values all lie close together then scores differently from what it says.
        resize: called with (pred, gt) before the normalisation, returns both at one size: `resize_to_truth`,
            `resize_both`. None requires equal shapes.

    Returns:
        pred (H,W) float in [0, 1]; gt (H,W) bool.

    Raises:
        UserError: as `check_pair`; a uint8 gt of zeros and ones only.
    """
    pred, gt = np.asarray(pred), _as_mask(np.asarray(gt))
    if pred.dtype == bool:
        pred = pred.astype(np.float64)
    if resize is not None:
        pred, gt = resize(pred, gt)
    if pred.dtype == np.uint8:
        pred = pred / 255.0
    pred, gt = check_pair(pred, gt)
    return (min_max(pred) if normalize else pred), gt


def _as_mask(gt: NDArray) -> NDArray:
    if gt.dtype == bool:
        return gt
    if gt.dtype != np.uint8:
        raise UserError(f"gt must be bool or uint8, got {gt.dtype}.")
    if gt.size and gt.max() == 1:
        raise UserError(
            "gt is uint8 with no value above 1: a 0/1 mask, which '> 128' would empty; pass gt.astype(bool)."
        )
    return gt > 128


def min_max(pred: NDArray) -> NDArray:
    """Stretch (H,W) to [0, 1]; a constant map stays as it is."""
    low, high = pred.min(), pred.max()
    return pred if low == high else (pred - low) / (high - low)


def resize_to_truth(pred: NDArray, gt: NDArray) -> Pair:
    """The prediction (h,w) at the size of the truth (H,W), bilinear; both unchanged when the sizes agree."""
    if pred.shape == gt.shape:
        return pred, gt
    return cv2.resize(pred, gt.shape[::-1], interpolation=cv2.INTER_LINEAR), gt


def resize_both(pred: NDArray, gt: NDArray, *, size: int = 1024) -> Pair:
    """Both to a square of `size` pixels, nearest neighbour: GenSAM's evaluation, which deforms what is not square."""
    return _nearest(pred, size), _nearest(gt.astype(np.uint8), size).astype(bool)


def _nearest(image: NDArray, size: int) -> NDArray:
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
