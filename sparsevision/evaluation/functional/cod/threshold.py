"""MAE, and the measures of a thresholded prediction: F-measure and E-measure, all 256 thresholds from one histogram."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.evaluation.functional.cod.inputs import check_pair
from sparsevision.utils import UserError, did_you_mean

EPS = np.spacing(1.0)
KINDS = ("adaptive", "mean", "max")


def mae(pred: ArrayLike, gt: ArrayLike) -> float:
    """Mean absolute error of pred (H,W) in [0, 1] against gt (H,W) bool."""
    pred, gt = check_pair(pred, gt)
    return float(np.abs(pred.astype(np.float64, copy=False) - gt).mean())


def f_measure(pred: ArrayLike, gt: ArrayLike, *, beta2: float = 0.3, kind: str = "adaptive") -> float:
    """F = (1 + beta2) P R / (beta2 P + R) of the thresholded prediction (Achanta et al., CVPR 2009); 0 for an empty gt.

    Args:
        pred: (H,W) in [0, 1].
        gt: (H,W) bool.
        beta2: beta squared; 0.3 throughout the salient- and camouflaged-object literature.
        kind: "adaptive" thresholds at twice the mean prediction; "mean" and "max" run over 256 thresholds.

    Raises:
        UserError: unknown kind, beta2 not positive, or a bad pair (see `check_pair`).
    """
    _check_kind(kind)
    pred, gt = check_pair(pred, gt)
    if kind != "adaptive":
        return float(getattr(f_measure_curve(pred, gt, beta2=beta2), kind)())
    hits, selected = adaptive_counts(pred, gt)
    return float(f_from_counts(np.array(hits), np.array(selected), int(gt.sum()), beta2=beta2))


def e_measure(pred: ArrayLike, gt: ArrayLike, *, kind: str = "mean") -> float:
    """Enhanced-alignment measure (Fan et al., IJCAI 2018), kinds as in `f_measure`; E_phi of papers is "mean".

    An empty gt scores the share of background, a full gt the share of foreground, over H W - 1 pixels as published
    (hence up to HW / (HW - 1) there). For an image of a single pixel the divisor is 1; the usual toolboxes divide by
    machine epsilon.

    Raises:
        UserError: unknown kind, or a bad pair (see `check_pair`).
    """
    _check_kind(kind)
    pred, gt = check_pair(pred, gt)
    if kind != "adaptive":
        return float(getattr(e_measure_curve(pred, gt), kind)())
    hits, selected = adaptive_counts(pred, gt)
    return float(e_from_counts(np.array(hits), np.array(selected), int(gt.sum()), gt.size))


def f_measure_curve(pred: ArrayLike, gt: ArrayLike, *, beta2: float = 0.3) -> NDArray:
    """F at the thresholds t/255, t = 0..255: (256,)."""
    pred, gt = check_pair(pred, gt)
    return f_from_counts(*threshold_counts(pred, gt), int(gt.sum()), beta2=beta2)


def e_measure_curve(pred: ArrayLike, gt: ArrayLike) -> NDArray:
    """E at the thresholds t/255, t = 0..255: (256,)."""
    pred, gt = check_pair(pred, gt)
    return e_from_counts(*threshold_counts(pred, gt), int(gt.sum()), gt.size)


def precision_recall_curve(pred: ArrayLike, gt: ArrayLike) -> tuple[NDArray, NDArray]:
    """Precision and recall at the thresholds t/255, t = 0..255: two (256,). A ratio 0/0 counts as 0."""
    pred, gt = check_pair(pred, gt)
    return _precision_recall(*threshold_counts(pred, gt), int(gt.sum()))


def threshold_counts(pred: NDArray, gt: NDArray) -> tuple[NDArray, NDArray]:
    """Pixels with floor(255 pred) >= t for t = 0..255: those inside gt (256,), and all of them (256,)."""
    bins = (pred * 255).astype(np.uint8)
    inside = np.bincount(bins[gt], minlength=256)
    everywhere = np.bincount(bins.ravel(), minlength=256)
    return inside[::-1].cumsum()[::-1], everywhere[::-1].cumsum()[::-1]


def adaptive_counts(pred: NDArray, gt: NDArray) -> tuple[int, int]:
    """Pixels with pred >= min(2 mean(pred), 1): those inside gt, and all of them."""
    selected = pred >= min(2 * pred.mean(), 1)
    return int(np.count_nonzero(selected & gt)), int(np.count_nonzero(selected))


def f_from_counts(hits: NDArray, selected: NDArray, positives: int, *, beta2: float) -> NDArray:
    """F from the numbers of selected foreground pixels, selected pixels and foreground pixels."""
    if not beta2 > 0:
        raise UserError(f"beta2 must be positive, got {beta2}.")
    precision, recall = _precision_recall(hits, selected, positives)
    numerator = (1 + beta2) * precision * recall
    return numerator / np.where(numerator == 0, 1, beta2 * precision + recall)


def _precision_recall(hits: NDArray, selected: NDArray, positives: int) -> tuple[NDArray, NDArray]:
    return hits / np.maximum(selected, 1), hits / max(positives, 1)


def e_from_counts(hits: NDArray, selected: NDArray, positives: int, pixels: int) -> NDArray:
    """E from the same counts and the number of pixels.

    Binary maps have four kinds of pixels (selected or not, foreground or not), so the mean of the enhanced alignment
    matrix is a sum of four terms: no map is formed.
    """
    if positives == 0:
        total = pixels - selected
    elif positives == pixels:
        total = selected
    else:
        total = _alignment_sum(hits, selected, positives, pixels)
    return total / max(pixels - 1, 1)


def _alignment_sum(hits: NDArray, selected: NDArray, positives: int, pixels: int) -> NDArray:
    """Sum over pixels of (phi + 1)^2 / 4 with phi = 2ab / (a^2 + b^2), a and b the maps minus their means."""
    pred_mean, gt_mean = selected / pixels, positives / pixels
    false_alarms, misses = selected - hits, positives - hits
    rest = pixels - hits - false_alarms - misses
    total = np.zeros(np.shape(hits))
    for count, a, b in (
        (hits, 1 - pred_mean, 1 - gt_mean),
        (false_alarms, 1 - pred_mean, -gt_mean),
        (misses, -pred_mean, 1 - gt_mean),
        (rest, -pred_mean, -gt_mean),
    ):
        phi = 2 * a * b / (a**2 + b**2 + EPS)
        total += count * (phi + 1) ** 2 / 4
    return total


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise UserError(f"kind must be one of {KINDS}, got {kind!r}.{did_you_mean(str(kind), KINDS)}")
