"""What all selectors promise; random, k-center and uncertainty; the prototype of the spec; names and options."""

import resource
import time

import numpy as np
import pytest
from slow_selectors import blobs, hostile, slow_k_center

from sparsevision.annotation import AnnotationError
from sparsevision.apis.selectors import NAMES, build_selector
from sparsevision.registry import SELECTORS
from sparsevision.selection import (
    IDEAL,
    KCenter,
    Random,
    Selector,
    Uncertainty,
    VoteK,
    entropy,
    least_confidence,
    margin,
)
from sparsevision.utils import UserError

RANDOM_OF_SEED_1 = [825, 304, 914, 314]
ALL = (Random(), KCenter(), VoteK(k=5), IDEAL(k=5, graphs=8), Uncertainty())


def table(rng: np.random.Generator, count: int = 40) -> np.ndarray:
    """Numbers that serve as features and as probabilities, with repeated rows."""
    rows = rng.dirichlet(np.ones(4), count)
    rows[5] = rows[6] = rows[7]
    return rows


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("selector", ALL, ids=lambda each: type(each).__name__)
def test_choices_are_different_unlabelled_nested_and_repeatable(selector, rng):
    rows, labelled = table(rng), [0, 3, 3, 39]
    assert isinstance(selector, Selector)
    most = selector.select(rows, 37, labelled=labelled, rng=seeded())
    assert most.dtype == np.int64
    assert sorted(most.tolist()) == sorted(set(range(40)) - set(labelled))
    for budget in (1, 9):
        assert selector.select(rows, budget, labelled=labelled, rng=seeded()).tolist() == most[:budget].tolist()
    assert selector.select(rows.astype(np.float32), 9, rng=seeded()).shape == (9,)
    assert selector.select(np.ones((1, 1)), 1, rng=seeded()).tolist() == [0]


@pytest.mark.parametrize("selector", ALL, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": 41}, "budget: expected a whole number from 1 to 40"),
        ({"budget": 40, "labelled": [1]}, r"from 1 to 39 \(there are 40 rows without the 1 labelled ones\), got 40"),
        ({"budget": 0}, "from 1 to 40"),
        ({"budget": True}, "got True"),
        ({"budget": 2.0}, "got 2.0"),
        ({"labelled": [40]}, "labelled: there is no row 40; the rows are 0 to 39"),
        ({"labelled": [-1]}, "labelled: there is no row -1"),
        ({"labelled": [0.5]}, "labelled: expected indices"),
        ({"labelled": np.ones(40, dtype=bool)}, "turn a mask into indices with numpy.flatnonzero"),
        ({"rows": np.ones(40)}, r"expected numbers of shape \(N, D\).*got float64 of shape \(40,\)"),
        ({"rows": np.ones((0, 3))}, "expected numbers of shape"),
        ({"rows": np.ones((3, 0))}, "expected numbers of shape"),
        ({"rows": np.array([["a", "b"]])}, "expected numbers of shape"),
        ({"rows": np.array([[1.0, 0], [np.nan, 1], [np.inf, 0]])}, "2 of 3 rows hold NaN or infinity.*row 1; leave"),
    ],
)
def test_wrong_arguments_are_named(selector, change, message, rng):
    arguments = {"rows": table(rng), "budget": 3, "labelled": None, **change}
    with pytest.raises(AnnotationError, match=message):
        selector.select(arguments.pop("rows"), **arguments, rng=seeded())


@pytest.mark.parametrize("selector", [Random(), IDEAL(), Uncertainty()], ids=lambda each: type(each).__name__)
def test_what_draws_needs_a_generator(selector, rng):
    with pytest.raises(AnnotationError, match=r"rng: expected numpy.random.default_rng\(seed\)"):
        selector.select(table(rng), 3)


def test_random_is_uniform():
    counts = np.zeros(6)
    for seed in range(3000):
        counts[Random().select(np.ones((6, 1)), 2, rng=seeded(seed))] += 1
    assert np.abs(counts / 3000 - 2 / 6).max() < 4 * (2 / 9 / 3000) ** 0.5


def test_random_is_the_same_on_every_platform():
    assert Random().select(np.ones((1000, 1)), 4, rng=seeded(1)).tolist() == RANDOM_OF_SEED_1


def test_k_center_by_hand():
    # On a line: 0, 1, 4, 9, 10. The mean is 4.8: start at 4. Farthest are 10 (6 away), then 0 (4), then 1 and 9 (1).
    points = np.array([[0.0], [1], [4], [9], [10]])
    assert KCenter().select(points, 5).tolist() == [2, 4, 0, 1, 3]
    # From 9 and 10 on: 0 is 9 away, then 4 is 4 away (5 from 9).
    assert KCenter().select(points, 3, labelled=[3, 4]).tolist() == [0, 2, 1]


@pytest.mark.parametrize("labelled", [(), (2, 30)])
def test_k_center_is_the_plain_formula(labelled, rng, monkeypatch):
    monkeypatch.setattr("sparsevision.selection.k_center.BLOCK_VALUES", 50)
    points = hostile(rng, 60, 5)
    assert KCenter().select(points, 40, labelled=list(labelled)).tolist() == slow_k_center(points, 40, labelled)


def test_k_center_with_nothing_but_duplicates_and_with_huge_numbers():
    assert KCenter().select(np.ones((4, 2)), 4).tolist() == [0, 1, 2, 3]
    assert KCenter().select(np.array([[0.0], [1], [4], [9], [10]]) * 1e300, 3).tolist() == [2, 4, 0]


def test_measures_by_hand():
    rows = np.array([[0, 0, 1], [0.25, 0.25, 0.5], [0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    assert np.allclose(entropy(rows), [0, 1.5 * np.log(2), np.log(2), np.log(3)])
    assert np.allclose(margin(rows), [0, 0.75, 1, 1])
    assert np.allclose(least_confidence(rows), [0, 0.5, 0.5, 2 / 3])
    assert margin(np.ones((2, 1))).tolist() == [0, 0]


def test_measures_disagree_and_order_of_classes_does_not_matter():
    rows = np.array([[0.5, 0.5, 0, 0], [0.1, 0.4, 0.25, 0.25], [0.9, 0.1, 0, 0]])
    assert Uncertainty(measure=margin).select(rows, 2, rng=seeded()).tolist() == [0, 1]
    assert Uncertainty(measure=entropy).select(rows[:, ::-1], 2, rng=seeded()).tolist() == [1, 0]


def test_ties_are_broken_by_the_generator():
    rows = np.array([[0.1, 0.2, 0.7], [0.7, 0.1, 0.2], [0.2, 0.7, 0.1], [0, 0, 1]])
    firsts = {int(Uncertainty().select(rows, 1, rng=seeded(seed))[0]) for seed in range(40)}
    assert firsts == {0, 1, 2}


@pytest.mark.parametrize("rows", [[[2.0, 3.0]], [[-0.5, 1.5]], [[0.2, 0.2]]])
def test_logits_are_no_probabilities(rows):
    with pytest.raises(AnnotationError, match=r"probabilities: row 0 has sum .*take the softmax of logits"):
        Uncertainty().select(rows, 1, rng=seeded())


def test_the_prototype_of_the_spec():
    """Nearest-selected-label accuracy on unbalanced blobs: each selector beats random, on average over ten seeds."""
    selectors = {"k_center": KCenter(), "vote_k": VoteK(k=20), "ideal": IDEAL()}
    for budget in (10, 20):
        gains = {name: [] for name in selectors}
        for seed in range(10):
            points, labels = blobs(seed)
            chance = accuracy(points, labels, Random().select(points, budget, rng=seeded(seed)))
            for name, selector in selectors.items():
                chosen = selector.select(points, budget, rng=seeded(seed))
                gains[name].append(accuracy(points, labels, chosen) - chance)
        for name, gain in gains.items():
            assert np.mean(gain) > np.std(gain, ddof=1) / 10**0.5, f"{name} at {budget}: {np.round(gain, 2)}"


def accuracy(points: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> float:
    """Share of the points whose nearest chosen point is of their blob."""
    nearest = ((points[:, None] - points[chosen]) ** 2).sum(-1).argmin(1)
    return float((labels[chosen][nearest] == labels).mean())


def test_names_build_and_are_registered():
    for name, kind in NAMES.items():
        assert isinstance(build_selector(name), kind)
        assert SELECTORS.get(kind.__name__) is kind
    assert SELECTORS.build({"type": "VoteK", "k": 3}).k == 3
    assert build_selector("ideal", ["k=7", "graphs=9"]).graphs == 9
    assert build_selector("uncertainty", ["measure=margin"]).measure is margin


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("votek", [], "no selector 'votek'. Did you mean 'vote_k'"),
        ("vote_k", ["kk=3"], "has no option 'kk'; it takes k, rho.*Did you mean 'k'"),
        ("random", ["k=3"], "has no option 'k'; it takes none"),
        ("vote_k", ["k"], "takes key=value"),
        ("vote_k", ["k=__import__('os')"], "expected a number"),
        ("vote_k", ["k=True"], "expected a number"),
        ("vote_k", ["k=0"], "expected k of at least 1"),
        ("uncertainty", ["measure=entropi"], "expected one of entropy, margin, least_confidence"),
    ],
)
def test_wrong_names_and_options(name, options, message):
    with pytest.raises(UserError, match=message):
        build_selector(name, options)


@pytest.mark.slow
@pytest.mark.parametrize("selector", [VoteK(), IDEAL()], ids=lambda each: type(each).__name__)
def test_500_of_50_000_in_a_minute_on_two_cores(selector, rng):
    features = rng.standard_normal((50_000, 512)).astype(np.float32)
    start = time.perf_counter()
    chosen = selector.select(features, 500, rng=seeded())
    seconds = time.perf_counter() - start
    assert len(set(chosen.tolist())) == 500
    assert seconds < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4e6, "more than 4 GB"
