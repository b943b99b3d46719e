"""All measures of one image at once, and of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.evaluation.functional.cod import threshold
from sparsevision.evaluation.functional.cod.inputs import check_pair
from sparsevision.evaluation.functional.cod.structure import s_measure
from sparsevision.evaluation.functional.cod.weighted import weighted_f_measure
from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class ImageScores:
    """Measures of one image. f_curve and e_curve are (256,) over the thresholds 0/255..255/255."""

    mae: float
    s: float
    weighted_f: float
    adaptive_f: float
    adaptive_e: float
    f_curve: NDArray
    e_curve: NDArray


def score_image(
    pred: ArrayLike, gt: ArrayLike, *, alpha: float = 0.5, weighted_beta2: float = 1.0, beta2: float = 0.3
) -> ImageScores:
    """Every measure of pred (H,W) in [0, 1] against gt (H,W) bool.

    beta2 belongs to the thresholded F, weighted_beta2 to the weighted one, alpha to the S-measure.
    """
    pred, gt = check_pair(pred, gt)
    positives = int(gt.sum())
    hits, selected = threshold.threshold_counts(pred, gt)
    adaptive = [np.array(count) for count in threshold.adaptive_counts(pred, gt)]
    return ImageScores(
        mae=threshold.mae(pred, gt),
        s=s_measure(pred, gt, alpha=alpha),
        weighted_f=weighted_f_measure(pred, gt, beta2=weighted_beta2),
        adaptive_f=float(threshold.f_from_counts(*adaptive, positives, beta2=beta2)),
        adaptive_e=float(threshold.e_from_counts(*adaptive, positives, gt.size)),
        f_curve=threshold.f_from_counts(hits, selected, positives, beta2=beta2),
        e_curve=threshold.e_from_counts(hits, selected, positives, gt.size),
    )


def summarise(scores: Sequence[ImageScores]) -> dict[str, float]:
    """Means over images; mean and max of F and E are taken on the mean curve: one threshold for the whole set.

    Keys: MAE, Sm, Em (mean E), wF, adpEm, maxEm, adpF, meanF, maxF.

    Raises:
        UserError: no scores.
    """
    if not scores:
        raise UserError("There are no scores to summarise: not a single image was evaluated.")
    f_curve = np.mean([score.f_curve for score in scores], axis=0)
    e_curve = np.mean([score.e_curve for score in scores], axis=0)
    return {
        "MAE": _mean(score.mae for score in scores),
        "Sm": _mean(score.s for score in scores),
        "Em": float(e_curve.mean()),
        "wF": _mean(score.weighted_f for score in scores),
        "adpEm": _mean(score.adaptive_e for score in scores),
        "maxEm": float(e_curve.max()),
        "adpF": _mean(score.adaptive_f for score in scores),
        "meanF": float(f_curve.mean()),
        "maxF": float(f_curve.max()),
    }


def _mean(values) -> float:
    return float(np.mean(list(values)))
