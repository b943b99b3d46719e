"""S-measure (Fan et al., "Structure-measure: a new way to evaluate foreground maps", ICCV 2017)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.evaluation.functional.cod.inputs import check_pair
from sparsevision.utils import UserError

EPS = np.spacing(1.0)


def s_measure(pred: ArrayLike, gt: ArrayLike, *, alpha: float = 0.5) -> float:
    """alpha * object similarity + (1 - alpha) * region similarity, at least 0.

    An empty gt scores 1 - mean(pred), a full one mean(pred). A quadrant without pixels (the centroid lies on the last
    row or column, as in every image one pixel wide or high) has weight 0; the usual toolboxes yield NaN there.

    Args:
        pred: (H,W) in [0, 1].
        gt: (H,W) bool.
        alpha: weight of the object term, in [0, 1].

    Raises:
        UserError: alpha outside [0, 1], or a bad pair (see `check_pair`).
    """
    if not 0 <= alpha <= 1:
        raise UserError(f"alpha must lie in [0, 1], got {alpha}.")
    pred, gt = check_pair(pred, gt)
    pred = pred.astype(np.float64, copy=False)
    positives = np.count_nonzero(gt)
    if positives == 0:
        return float(1 - pred.mean())
    if positives == gt.size:
        return float(pred.mean())
    return max(0.0, float(alpha * _object_similarity(pred, gt) + (1 - alpha) * _region_similarity(pred, gt)))


def _object_similarity(pred: NDArray, gt: NDArray) -> float:
    """Foreground and background, each by mean and spread, weighted by their area."""
    share = gt.mean()
    return share * _uniformity(pred[gt]) + (1 - share) * _uniformity(1 - pred[~gt])


def _uniformity(values: NDArray) -> float:
    mean = values.mean()
    spread = values.std(ddof=1) if values.size > 1 else 0.0
    return 2 * mean / (mean**2 + 1 + spread + EPS)


def _region_similarity(pred: NDArray, gt: NDArray) -> float:
    """Structural similarity of the four parts around the centroid of gt, weighted by their area."""
    row, column = _centroid(gt)
    parts = [
        (rows, columns)
        for rows in (slice(None, row), slice(row, None))
        for columns in (slice(None, column), slice(column, None))
    ]
    return sum(gt[part].size / gt.size * _similarity(pred[part], gt[part]) for part in parts if gt[part].size)


def _centroid(gt: NDArray) -> tuple[int, int]:
    """One past the rounded centroid of the foreground, as (row, column): where the quadrants meet."""
    height, width = gt.shape
    area = np.count_nonzero(gt)
    row = gt.sum(axis=1) @ np.arange(height) / area
    column = gt.sum(axis=0) @ np.arange(width) / area
    return int(np.round(row)) + 1, int(np.round(column)) + 1


def _similarity(pred: NDArray, gt: NDArray) -> float:
    """Structural similarity without stabilising constants: 1 where neither part varies, 0 where only one does."""
    pred_mean, gt_mean = pred.mean(), gt.mean()
    pred_off, gt_off = pred - pred_mean, gt - gt_mean
    pixels = max(pred.size - 1, 1)
    variances = ((pred_off**2).sum() + (gt_off**2).sum()) / pixels
    covariance = (pred_off * gt_off).sum() / pixels
    numerator = 4 * pred_mean * gt_mean * covariance
    denominator = (pred_mean**2 + gt_mean**2) * variances
    if numerator != 0:
        return numerator / (denominator + EPS)
    return 1.0 if denominator == 0 else 0.0
