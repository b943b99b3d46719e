"""Metrics of camouflaged and salient object detection on (pred in [0, 1], gt bool) arrays of equal shape (H,W).

Own implementation of the definitions that D.-P. Fan's MATLAB toolbox and PySODMetrics share: thresholds are `>=`,
predictions are binned by floor(255 p), curves hold one value for each of the thresholds 0/255 ... 255/255 in ascending
order. The per-image functions return a float; `score_image` and `summarise` give data-set values, where max and mean
are taken on the data-set-mean curve.

Two F-measures carry the same letter in papers and differ in beta^2 as well: the thresholded one (0.3, Achanta et al.
2009) and the weighted one (1.0, Margolin et al. 2014). Always say which one is reported.
"""

from sparsevision.evaluation.functional.cod.inputs import check_pair, min_max, prepare, resize_both, resize_to_truth
from sparsevision.evaluation.functional.cod.structure import s_measure
from sparsevision.evaluation.functional.cod.summary import ImageScores, score_image, summarise
from sparsevision.evaluation.functional.cod.threshold import (
    e_measure,
    e_measure_curve,
    f_measure,
    f_measure_curve,
    mae,
    precision_recall_curve,
)
from sparsevision.evaluation.functional.cod.weighted import weighted_f_measure

__all__ = [
    "ImageScores",
    "check_pair",
    "e_measure",
    "e_measure_curve",
    "f_measure",
    "f_measure_curve",
    "mae",
    "min_max",
    "precision_recall_curve",
    "prepare",
    "resize_both",
    "resize_to_truth",
    "s_measure",
    "score_image",
    "summarise",
    "weighted_f_measure",
]
