"""Confusion matrix of class maps, and what is read off it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError


def confusion_matrix(pred: ArrayLike, gt: ArrayLike, *, num_classes: int, ignore_index: int | None) -> NDArray:
    """Count (truth, prediction) pairs. Add the matrices of several images to get that of a data set.

    Args:
        pred: class ids in [0, num_classes), any shape, integers.
        gt: class ids of the same shape; `ignore_index` where there is no truth.
        num_classes: C.
        ignore_index: value of gt to leave out; None if every position counts.

    Returns:
        (C,C) int64; entry [t, p] counts positions of class t predicted as p.

    Raises:
        UserError: unequal shapes, not integers, or ids outside [0, C).
    """
    pred, gt = np.asarray(pred), np.asarray(gt)
    if pred.shape != gt.shape:
        raise UserError(f"pred has shape {pred.shape} but gt {gt.shape}.")
    for name, labels in (("pred", pred), ("gt", gt)):
        if labels.dtype != bool and not np.issubdtype(labels.dtype, np.integer):
            raise UserError(f"{name} must hold integer class ids, got {labels.dtype}.")
    counted = np.ones(gt.shape, bool) if ignore_index is None else gt != ignore_index
    pred, gt = pred[counted].astype(np.int64), gt[counted].astype(np.int64)
    _check_range("pred", pred, num_classes, "")
    _check_range("gt", gt, num_classes, f"; ignore_index is {ignore_index}")
    return np.bincount(gt * num_classes + pred, minlength=num_classes**2).reshape(num_classes, num_classes)


def _check_range(name: str, labels: NDArray, num_classes: int, note: str) -> None:
    stray = np.unique(labels[(labels < 0) | (labels >= num_classes)])
    if stray.size:
        raise UserError(f"{name} holds class ids {stray[:5].tolist()} outside 0..{num_classes - 1}{note}.")


def iou_from_confusion(matrix: NDArray) -> NDArray:
    """Intersection over union of each class: (C,C) -> (C,); NaN for a class that occurs in neither map."""
    hits = np.diag(matrix)
    return _ratio(hits, matrix.sum(axis=0) + matrix.sum(axis=1) - hits)


def accuracy_from_confusion(matrix: NDArray) -> NDArray:
    """Recall of each class: (C,C) -> (C,); NaN for a class that the truth lacks. `np.nanmean` of it is mAcc."""
    return _ratio(np.diag(matrix), matrix.sum(axis=1))


def overall_accuracy(matrix: NDArray) -> float:
    """Share of positions with the right class; NaN for an empty matrix."""
    return float(_ratio(np.trace(matrix), matrix.sum()))


def _ratio(part: NDArray, whole: NDArray) -> NDArray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
