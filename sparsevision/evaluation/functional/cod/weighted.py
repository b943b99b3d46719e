"""Weighted F-measure (Margolin et al., "How to evaluate foreground maps?", CVPR 2014)."""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt

from sparsevision.evaluation.functional.cod.inputs import check_pair
from sparsevision.utils import UserError

EPS = np.spacing(1.0)
RADIUS, SIGMA = 3, 5.0
HALF_LIFE = 5.0


def weighted_f_measure(pred: ArrayLike, gt: ArrayLike, *, beta2: float = 1.0) -> float:
    """F of precision and recall that weigh errors by their neighbours and distance from the object; 0 for an empty gt.

    The scales (a 7x7 Gaussian of sigma 5 pixels, a decay that halves every 5 pixels) are fixed, so the value depends on
    the image size.

    Args:
        pred: (H,W) in [0, 1].
        gt: (H,W) bool.
        beta2: beta squared. 1 in Margolin et al. and in the camouflage literature; 0.3 in GenSAM's released evaluation.

    Raises:
        UserError: beta2 not positive, or a bad pair (see `check_pair`).
    """
    if not beta2 > 0:
        raise UserError(f"beta2 must be positive, got {beta2}.")
    pred, gt = check_pair(pred, gt)
    positives = np.count_nonzero(gt)
    if positives == 0:
        return 0.0
    error = np.abs(pred.astype(np.float64, copy=False) - gt)
    missed = _dependent_error(error, gt).sum()
    false_alarms = (error * _importance(gt)).sum()
    recall = 1 - missed / positives
    hits = positives - missed
    precision = hits / (hits + false_alarms + EPS)
    return float((1 + beta2) * recall * precision / (recall + beta2 * precision + EPS))


def _dependent_error(error: NDArray, gt: NDArray) -> NDArray:
    """Error of the foreground pixels, (n,): the lesser of their own and of the Gaussian mean around them.

    In the mean a background pixel counts with the error of the nearest foreground pixel. Only the kernel's reach around
    the object matters.
    """
    window = _bounding_window(gt, margin=RADIUS)
    error, gt = error[window], gt[window]
    nearest = distance_transform_edt(~gt, return_distances=False, return_indices=True)
    kernel = cv2.getGaussianKernel(2 * RADIUS + 1, SIGMA, cv2.CV_64F)
    spread = cv2.sepFilter2D(error[tuple(nearest)], cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.minimum(error[gt], spread[gt])


def _bounding_window(gt: NDArray, *, margin: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(gt.any(axis=1)), np.flatnonzero(gt.any(axis=0))
    return (
        slice(max(rows[0] - margin, 0), rows[-1] + margin + 1),
        slice(max(columns[0] - margin, 0), columns[-1] + margin + 1),
    )


def _importance(gt: NDArray) -> NDArray:
    """Weight of a false alarm (H,W): from 1 at the object to 2 far from it; 0 inside the object."""
    distance = cv2.distanceTransform((~gt).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    squared = np.rint(distance * distance)  # an integer: this undoes the rounding of the single-precision root
    return np.where(gt, 0.0, 2 - np.exp(np.log(0.5) / HALF_LIFE * np.sqrt(squared, dtype=np.float64)))
