"""Camouflage metrics: their plain formulas, recorded numbers, bounds and refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from cod_cases import grey_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.ndimage import convolve, distance_transform_edt

from sparsevision.evaluation.functional import cod
from sparsevision.utils import UserError

GOLDEN = Path(__file__).parents[1] / "golden" / "cod_metrics" / "pysodmetrics.json"
RECORDED = json.loads(GOLDEN.read_text())["cases"]
EPS = np.spacing(1.0)


@st.composite
def pairs(draw, *, least: int = 1):
    """(grey/255 prediction, bool truth) of up to 12x12 pixels, degenerate truths included."""
    shape = draw(st.tuples(st.integers(least, 12), st.integers(least, 12)))
    grey = draw(npst.arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 60, 127, 128, 200, 254, 255])))
    return grey / 255.0, draw(npst.arrays(bool, shape))


def alignment_by_map(selected: np.ndarray, gt: np.ndarray) -> float:
    """E-measure of a binary map as its authors write it."""
    if not gt.any():
        enhanced = 1.0 - selected
    elif gt.all():
        enhanced = selected.astype(float)
    else:
        a, b = selected - selected.mean(), gt - gt.mean()
        enhanced = (2 * a * b / (a**2 + b**2 + EPS) + 1) ** 2 / 4
    return enhanced.sum() / max(gt.size - 1, 1)


def weighted_f_by_map(pred: np.ndarray, gt: np.ndarray, beta2: float) -> float:
    """Weighted F on whole maps, with a dense two-dimensional convolution."""
    offsets = np.arange(-3, 4)
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 5.0**2))
    distance, nearest = distance_transform_edt(~gt, return_indices=True)
    error = np.abs(pred - gt)
    spread = convolve(error[tuple(nearest)], kernel / kernel.sum(), mode="constant")
    weighted = np.where(gt, np.minimum(error, spread), error * (2 - np.exp(np.log(0.5) / 5 * distance)))
    recall = 1 - weighted[gt].mean()
    hits = gt.sum() - weighted[gt].sum()
    precision = hits / (hits + weighted[~gt].sum() + EPS)
    return (1 + beta2) * recall * precision / (recall + beta2 * precision + EPS)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_numbers_of_pysodmetrics(name):
    grey, gt = grey_cases()[name]
    pred, gt = cod.prepare(grey, gt)
    recorded = RECORDED[name]
    found = {
        "mae": cod.mae(pred, gt),
        "weighted_f": cod.weighted_f_measure(pred, gt),
        "weighted_f_b0.3": cod.weighted_f_measure(pred, gt, beta2=0.3),
        "f_measure": {kind: cod.f_measure(pred, gt, kind=kind) for kind in ("adaptive", "mean", "max")},
        "e_measure": {kind: cod.e_measure(pred, gt, kind=kind) for kind in ("adaptive", "mean", "max")},
    }
    for key, value in found.items():
        assert value == pytest.approx(recorded[key], abs=1e-9), key
    if recorded["s_measure"] is None:
        assert np.isfinite(cod.s_measure(pred, gt))
    else:
        assert cod.s_measure(pred, gt) == pytest.approx(recorded["s_measure"], abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(pairs())
def test_e_curve_equals_the_plain_formula(pair):
    pred, gt = pair
    bins = (pred * 255).astype(np.uint8)
    expected = [alignment_by_map(bins >= threshold, gt) for threshold in range(256)]
    np.testing.assert_allclose(cod.e_measure_curve(pred, gt), expected, atol=1e-12)
    adaptive = alignment_by_map(pred >= min(2 * pred.mean(), 1), gt)
    assert cod.e_measure(pred, gt, kind="adaptive") == pytest.approx(adaptive, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(pairs(), st.sampled_from([0.3, 1.0]))
def test_weighted_f_equals_the_plain_formula(pair, beta2):
    pred, gt = pair
    expected = weighted_f_by_map(pred, gt, beta2) if gt.any() else 0.0
    assert cod.weighted_f_measure(pred, gt, beta2=beta2) == pytest.approx(expected, abs=1e-12)


def test_weighted_f_of_a_small_object_far_from_everything():
    pred = np.random.default_rng(0).random((300, 420))
    gt = np.zeros(pred.shape, bool)
    gt[3:9, 5:8] = True
    assert cod.weighted_f_measure(pred, gt) == pytest.approx(weighted_f_by_map(pred, gt, 1.0), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(pairs(least=2))
def test_values_are_finite_and_bounded(pair):
    scores = cod.summarise([cod.score_image(*pair)])
    assert all(np.isfinite(value) for value in scores.values())
    alignment_bound = pair[1].size / (pair[1].size - 1)
    for key, value in scores.items():
        assert -1e-12 <= value <= (alignment_bound if key.endswith("Em") else 1) + 1e-12, key


@settings(max_examples=40, deadline=None)
@given(npst.arrays(bool, npst.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12)))
def test_a_perfect_mask_scores_one(gt):
    if not gt.any():
        return
    assert cod.mae(gt, gt) == 0
    assert cod.s_measure(gt, gt) == pytest.approx(1, abs=1e-6)
    assert cod.weighted_f_measure(gt, gt) == pytest.approx(1)
    assert cod.f_measure(gt, gt) == pytest.approx(1)
    assert cod.e_measure(gt, gt, kind="max") == pytest.approx(gt.size / (gt.size - 1))


@settings(max_examples=30, deadline=None)
@given(pairs())
def test_pixelwise_measures_do_not_see_a_flip(pair):
    flipped = [array[:, ::-1] for array in pair]
    assert cod.mae(*pair) == pytest.approx(cod.mae(*flipped))
    np.testing.assert_allclose(cod.f_measure_curve(*pair), cod.f_measure_curve(*flipped))
    np.testing.assert_allclose(cod.e_measure_curve(*pair), cod.e_measure_curve(*flipped))


def test_curves_run_from_everything_to_the_brightest():
    pred, gt = np.array([[0.0, 0.5, 1.0]]), np.array([[False, True, True]])
    precision, recall = cod.precision_recall_curve(pred, gt)
    assert precision.shape == recall.shape == (256,)
    assert (precision[0], recall[0]) == (2 / 3, 1)
    assert (precision[127], recall[127]) == (1, 1)
    assert (precision[128], recall[128]) == (1, 1 / 2)


def test_an_image_of_one_pixel_stays_in_range():
    for truth in (True, False):
        gt = np.array([[truth]])
        assert cod.e_measure(gt.astype(float), gt, kind="max") == 1
        assert cod.s_measure(gt.astype(float), gt) == 1


def test_single_precision_keeps_its_own_bins():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    gt = grey % 3 == 0
    double, single = grey / 255.0, (grey / np.float32(255)).astype(np.float32)
    np.testing.assert_array_equal(cod.f_measure_curve(single, gt), cod.f_measure_curve(double, gt))
    assert cod.mae(single, gt) == pytest.approx(cod.mae(double, gt), abs=1e-7)


def test_data_set_values_take_the_maximum_of_the_mean_curve():
    gt = np.array([[True, True, False, False]])
    first, second = np.array([[0.9, 0.9, 0.5, 0.5]]), np.array([[0.4, 0.4, 0.1, 0.1]])
    scores = [cod.score_image(pred, gt) for pred in (first, second)]
    assert [score.f_curve.max() for score in scores] == [1, 1]
    summary = cod.summarise(scores)
    assert summary["maxF"] < 1
    assert summary["meanF"] == pytest.approx(np.mean([cod.f_measure(p, gt, kind="mean") for p in (first, second)]))
    assert summary["Em"] == pytest.approx(np.mean([cod.e_measure(p, gt) for p in (first, second)]))


@pytest.mark.parametrize(
    ("pred", "gt", "message"),
    [
        (np.zeros((2, 3), np.uint8), np.zeros((2, 3), bool), "prepare"),
        (np.zeros((2, 3)), np.zeros((2, 3), np.uint8), "astype"),
        (np.zeros((2, 3)), np.zeros((3, 2), bool), "resize"),
        (np.zeros((1, 2, 3)), np.zeros((1, 2, 3), bool), r"\(H,W\)"),
        (np.zeros((0, 3)), np.zeros((0, 3), bool), "empty"),
        (np.full((2, 3), np.nan), np.zeros((2, 3), bool), "6 NaN of 6"),
        (np.full((2, 3), 1.5), np.zeros((2, 3), bool), "sigmoid"),
        (np.full((2, 3), -np.inf), np.zeros((2, 3), bool), "sigmoid"),
    ],
)
def test_bad_pairs_are_refused_with_advice(pred, gt, message):
    for measure in (cod.mae, cod.s_measure, cod.e_measure, cod.f_measure, cod.weighted_f_measure):
        with pytest.raises(UserError, match=message):
            measure(pred, gt)


def test_bad_options_are_refused():
    pair = np.zeros((2, 2)), np.zeros((2, 2), bool)
    with pytest.raises(UserError, match="Did you mean 'adaptive'"):
        cod.f_measure(*pair, kind="adaptiv")
    with pytest.raises(UserError, match="beta2"):
        cod.weighted_f_measure(*pair, beta2=0)
    with pytest.raises(UserError, match="alpha"):
        cod.s_measure(*pair, alpha=2)
    with pytest.raises(UserError, match="not a single image"):
        cod.summarise([])


def test_prepare_normalises_only_if_asked_and_never_a_constant():
    grey = np.array([[51, 102], [102, 51]], np.uint8)
    gt = np.array([[0, 255], [129, 128]], np.uint8)
    pred, mask = cod.prepare(grey, gt)
    np.testing.assert_array_equal(pred, [[0, 1], [1, 0]])
    np.testing.assert_array_equal(mask, [[False, True], [True, False]])
    np.testing.assert_allclose(cod.prepare(grey, gt, normalize=False)[0], grey / 255)
    np.testing.assert_allclose(cod.prepare(grey * 0 + 51, gt)[0], 0.2)


def test_prepare_refuses_a_mask_of_zeros_and_ones():
    with pytest.raises(UserError, match="0/1 mask"):
        cod.prepare(np.zeros((2, 2), np.uint8), np.eye(2, dtype=np.uint8))
    with pytest.raises(UserError, match="int64"):
        cod.prepare(np.zeros((2, 2), np.uint8), np.eye(2, dtype=np.int64))


def test_resizing_is_a_choice():
    pred, gt = np.zeros((4, 6), np.uint8), np.ones((8, 12), bool)
    with pytest.raises(UserError, match="resize_to_truth"):
        cod.prepare(pred, gt)
    assert cod.prepare(pred, gt, resize=cod.resize_to_truth)[0].shape == (8, 12)
    square = cod.prepare(pred, gt, resize=cod.resize_both)
    assert [array.shape for array in square] == [(1024, 1024)] * 2


def test_resizing_both_takes_the_pixel_under_each_centre():
    row = np.random.default_rng(0).random((1, 377)) < 0.5
    centres = ((np.arange(1024) + 0.5) * 377 / 1024).astype(int)
    np.testing.assert_array_equal(cod.resize_both(row.astype(float), row)[1][0], row[0, centres])
