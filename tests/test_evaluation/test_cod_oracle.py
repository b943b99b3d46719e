"""Our metrics against pysodmetrics (if installed) and against the recorded anchors (if the shared data are at hand)."""

import json
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from cod_cases import grey_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sparsevision.evaluation.functional import cod

MATLAB_KEYS = {
    "MAE": "mae",
    "Sm": "Sm",
    "Em": "meanEm",
    "wF": "wFm",
    "adpEm": "adpEm",
    "maxEm": "maxEm",
    "adpF": "adpFm",
    "meanF": "meanFm",
    "maxF": "maxFm",
}
PYSOD_KEYS = {key: {"Em": "meanE", "adpEm": "adpE", "maxEm": "maxE"}.get(key, key) for key in MATLAB_KEYS}


@pytest.fixture(scope="module")
def oracle():
    """oracle(pred, gt) -> dict of pysodmetrics' raw results for one pair."""
    pysod = pytest.importorskip("py_sod_metrics", reason="pysodmetrics is not installed (pip install --no-deps)")
    classes = (pysod.MAE, pysod.Smeasure, pysod.Emeasure, pysod.WeightedFmeasure, pysod.Fmeasure)

    def measure(pred, gt):
        found = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for make in classes:
                metric = make()
                metric.step(pred, gt, normalize=False)
                found |= metric.get_results()
        return found

    return measure


@pytest.fixture(scope="module")
def anchor(shared_data):
    """The folder of recorded results; skips without the shared data."""
    return shared_data / "cod" / "metric_anchor"


@pytest.fixture(scope="module")
def expected(anchor):
    return json.loads((anchor / "expected.json").read_text())


def assert_same(pred, gt, theirs):
    ours = cod.score_image(pred, gt)
    assert ours.mae == pytest.approx(theirs["mae"], abs=1e-9)
    assert ours.weighted_f == pytest.approx(theirs["wfm"], abs=1e-9)
    assert ours.adaptive_f == pytest.approx(theirs["fm"]["adp"], abs=1e-9)
    assert ours.adaptive_e == pytest.approx(theirs["em"]["adp"], abs=1e-9)
    np.testing.assert_allclose(ours.f_curve, theirs["fm"]["curve"][::-1], atol=1e-9)
    np.testing.assert_allclose(ours.e_curve, theirs["em"]["curve"][::-1], atol=1e-9)
    if not np.isnan(theirs["sm"]):
        assert ours.s == pytest.approx(theirs["sm"], abs=1e-9)


@pytest.mark.parametrize("name", grey_cases())
def test_every_case_equals_pysodmetrics(oracle, name):
    pred, gt = cod.prepare(*grey_cases()[name])
    assert_same(pred, gt, oracle(pred, gt))


@settings(max_examples=60, deadline=None)
@given(
    st.data(),
    npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14).filter(lambda shape: shape[0] * shape[1] > 1),
)
def test_random_pairs_equal_pysodmetrics(oracle, data, shape):
    pred = data.draw(npst.arrays(np.float64, shape, elements=st.floats(0, 1)))
    gt = data.draw(npst.arrays(bool, shape))
    assert_same(pred, gt, oracle(pred, gt))


def load_pairs(truths: Path, predictions: Path):
    """(grey, mask) of every truth with a prediction of the same name, sorted."""
    for path in sorted(truths.glob("*.png")):
        grey = cv2.imread(str(predictions / path.name), cv2.IMREAD_GRAYSCALE)
        yield grey, cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def dataset_scores(pairs, **options):
    return cod.summarise([cod.score_image(*cod.prepare(*pair), **options) for pair in pairs])


def test_recorded_matlab_results(anchor, expected):
    root = anchor / "codtoolbox"
    ours = dataset_scores(load_pairs(root / "GT", root / "SINet"))
    for key, name in MATLAB_KEYS.items():
        assert ours[key] == pytest.approx(expected["codtoolbox"]["matlab"][name], abs=2e-5), key
    for key in ("MAE", "Sm", "wF", "adpEm", "maxEm", "adpF"):
        assert ours[key] == pytest.approx(expected["codtoolbox"]["matlab"][MATLAB_KEYS[key]], abs=1e-9), key
    for key, name in PYSOD_KEYS.items():
        assert ours[key] == pytest.approx(expected["codtoolbox"]["pysodmetrics_1.6.2"][name], abs=1e-9), key


def test_gensam_defaults_are_the_two_betas_swapped(anchor, expected):
    root = anchor / "codtoolbox"
    ours = dataset_scores(load_pairs(root / "GT", root / "SINet"), beta2=1.0, weighted_beta2=0.3)
    recorded = expected["codtoolbox"]["gensam_sod_metric_defaults(F beta2=1, wF beta2=0.3)"]
    for key, name in PYSOD_KEYS.items():
        assert ours[key] == pytest.approx(recorded[name], abs=1e-9), key


def test_recorded_salient_object_samples(anchor, expected):
    root = anchor / "pysodmetrics"
    ours = dataset_scores(load_pairs(root / "masks", root / "preds"))
    for key, name in PYSOD_KEYS.items():
        assert ours[key] == pytest.approx(expected["pysod_testdata"][name], abs=1e-9), key


def gensam_scores(pred, gt):
    pred, gt = cod.prepare(pred, gt, normalize=False, resize=cod.resize_both)
    score = cod.score_image(pred, gt, weighted_beta2=0.3)
    return [score.s, score.e_curve.mean(), score.weighted_f, score.mae]


def test_recorded_gensam_protocol(anchor, expected):
    root = anchor / "codtoolbox"
    recorded = expected["gensam_protocol_1024(sm,em,wfm b2=.3,mae)_codtoolbox_bin127"]
    found = [gensam_scores(grey > 127, gt) for grey, gt in load_pairs(root / "GT", root / "SINet")]
    np.testing.assert_allclose(found, recorded, atol=1e-6)


def test_recorded_gensam_values_of_empty_and_full_masks(expected):
    """An all-ones mask reaches GenSAM's metrics as 1/255: fed that, ours agree; fed the mask itself, they do not."""
    recorded = expected["degenerate_64x64_gt20:40"]
    gt = np.zeros((64, 64), bool)
    gt[20:40, 20:40] = True
    np.testing.assert_allclose(gensam_scores(np.zeros((64, 64)), gt), recorded["empty"], atol=1e-6)
    np.testing.assert_allclose(gensam_scores(np.full((64, 64), 1 / 255), gt), recorded["full"], atol=1e-6)
    assert gensam_scores(np.ones((64, 64)), gt)[3] == pytest.approx(1 - 400 / 4096)
