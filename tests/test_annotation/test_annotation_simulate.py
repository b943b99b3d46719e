"""Simulated points and clicks: a subset of the truth, nested in the budget, the same for a seed everywhere."""

import numpy as np
import pytest
import torch
from annotation_examples import blobs, class_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sparsevision.annotation import AnnotationError, Clicks, simulate_clicks, simulate_points
from sparsevision.annotation.random_keys import keys
from sparsevision.annotation.regions import depth_squared

PINNED_POINTS = [[33, 10], [20, 14], [35, 16], [10, 24], [18, 9], [43, 27]]
PINNED_CLICKS = [[20.0, 14.0], [5.0, 28.0], [16.0, 11.0]]
PINNED_KEYS = [4280259475049965103, 7071444353603511792]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def known_places_agree(labels: np.ndarray, truth: np.ndarray, ignore_index: int) -> bool:
    known = labels != ignore_index
    return np.array_equal(labels[known], truth[known])


options = st.fixed_dictionaries(
    {"per_component": st.sampled_from([False, True, (1,)]), "centre_bias": st.sampled_from([0.0, 0.3, 0.9, 1.0])}
)


@settings(max_examples=60, deadline=None)
@given(class_maps(), st.integers(0, 2**32), st.integers(0, 4), st.integers(0, 4), options)
def test_points_are_a_nested_subset_of_the_truth(truth, seed, few, more, option):
    many = simulate_points(truth, rng=rng(seed), per_class=few + more, ignore_index=255, **option)
    some = simulate_points(truth, rng=rng(seed), per_class=few, ignore_index=255, **option)
    assert known_places_agree(many.densify(255), truth, 255)
    assert some == many.take(len(some))
    assert len(np.unique(many.xy, axis=0)) == len(many)
    if not option["per_component"]:
        ids, sizes = np.unique(truth[truth != 255], return_counts=True)
        expected = {i: min(few + more, n) for i, n in zip(ids.tolist(), sizes.tolist(), strict=True) if few + more}
        assert dict(zip(*map(np.ndarray.tolist, np.unique(many.labels, return_counts=True)), strict=True)) == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 5, -1]), min_size=1, max_size=60), st.integers(0, 2**32), st.integers(0, 70))
def test_points_of_a_cloud_in_total(labels, seed, total):
    everything = simulate_points(labels, rng=rng(seed), total=2**40, ignore_index=-1)
    some = simulate_points(labels, rng=rng(seed), total=total, ignore_index=-1)
    assert some == everything.take(total)
    assert np.array_equal(everything.densify(-1), labels)
    assert some.xy is None
    assert some.size == (len(labels),)


def test_points_are_pinned_for_a_seed():
    points = simulate_points(blobs(), rng=rng(7), per_class=2, ignore_index=255)
    assert points.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert points.xy.tolist() == PINNED_POINTS
    assert keys(7, 1, 2, count=2).tolist() == PINNED_KEYS


def test_one_number_is_drawn_whatever_the_budget():
    for per_class in (0, 1, 5):
        generator, reference = rng(3), rng(3)
        simulate_points(blobs(), rng=generator, per_class=per_class, ignore_index=255)
        reference.bit_generator.random_raw()
        assert generator.bit_generator.state == reference.bit_generator.state


def test_points_are_spread_evenly():
    truth = np.zeros((20, 30), dtype=bool)
    truth[5:15, 10:20] = True
    hits = np.zeros(truth.shape, dtype=int)
    for seed in range(400):
        hits += simulate_points(truth, rng=rng(seed), per_class=10).densify(-1) == 1
    assert hits[~truth].sum() == 0
    assert hits[truth].min() > 10
    assert hits[truth].max() < 80
    assert hits[truth].mean() == 40


def test_points_per_component():
    points = simulate_points(blobs(), rng=rng(), per_component=(1,), ignore_index=255)
    assert points.labels.tolist() == [0, 1, 1, 2]
    assert points.xy[1, 1] < 24 < points.xy[2, 1], "the larger component comes first"


def test_centre_bias():
    truth = np.pad(np.ones((21, 21), dtype=int), 10)
    centre = simulate_points(truth, rng=rng(), centre_bias=1.0)
    assert centre.xy[1].tolist() == [20, 20]
    depth = depth_squared(truth == 1)
    for seed in range(20):
        x, y = simulate_points(truth, rng=rng(seed), centre_bias=0.8).xy[1]
        assert depth[y, x] >= np.quantile(depth[truth == 1], 0.75)


def test_truth_may_be_bool_or_a_tensor():
    truth = blobs() == 1
    expected = simulate_points(truth, rng=rng())
    assert simulate_points(torch.from_numpy(truth), rng=rng()) == expected
    assert simulate_points(truth.astype(np.int64), rng=rng()) == expected


@pytest.mark.parametrize(
    ("mask", "option", "message"),
    [
        (np.zeros((3, 4)), {}, r"mask: expected class ids .* got float64"),
        (np.zeros((3, 4, 3), int), {}, r"shape \(3, 4, 3\)"),
        (np.zeros((0, 4), int), {}, "mask"),
        (np.full((3, 4), -1), {}, "holds -1"),
        (np.zeros((3, 4), int), {"rng": 3}, "rng: expected numpy.random.default_rng"),
        (np.zeros((3, 4), int), {"per_class": -1}, "per_class"),
        (np.zeros((3, 4), int), {"centre_bias": 1.5}, "centre_bias"),
        (np.zeros((3, 4), int), {"total": 3, "per_class": 2}, "total"),
        (np.zeros(3, int), {"per_component": True}, "for images"),
    ],
)
def test_points_refuse(mask, option, message):
    with pytest.raises(AnnotationError, match=message):
        simulate_points(mask, **({"rng": rng()} | option))


def plain_next_click(gt, pred):
    """The rule in plain words, by brute force: (x, y, positive) of the deepest pixel of the deeper error region."""
    best = (0, None)
    for region, positive in ((gt & ~pred, True), (pred & ~gt, False)):
        distance = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
        if distance.max() > best[0] + 1e-9:
            row, column = np.argwhere(distance >= distance.max() - 1e-9)[0]
            best = (distance.max(), (float(column), float(row), positive))
    return best[1]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_clicks_follow_the_rule(data):
    gt = data.draw(class_maps(classes=2, ignore_index=None)) == 1
    pred = np.array(data.draw(st.lists(st.booleans(), min_size=gt.size, max_size=gt.size))).reshape(gt.shape)
    clicks = simulate_clicks(gt, pred)
    expected = plain_next_click(gt, pred)
    assert [(*xy, s) for xy, s in zip(clicks.xy.tolist(), clicks.positive.tolist(), strict=True)] == (
        [expected] if expected else []
    )


@settings(max_examples=40, deadline=None)
@given(class_maps(classes=2), class_maps(classes=2, ignore_index=None), st.integers(0, 3), st.integers(0, 3))
def test_clicks_are_nested_and_true(gt, pred, few, more):
    pred = np.resize(pred, gt.shape)
    n = min(few + more, gt.size)
    clicks = simulate_clicks(gt, pred, n=n, ignore_index=255)
    assert simulate_clicks(gt, pred, n=min(few, n), ignore_index=255) == clicks.take(min(few, n))
    assert known_places_agree(clicks.densify(255), gt, 255)
    assert len(clicks) == min(n, int(((gt != pred) & (gt != 255)).sum()))


def test_clicks_drive_a_segmenter_one_at_a_time():
    """A segmenter that believes the nearest click gets better and better."""
    gt, (rows, columns) = blobs() == 1, np.mgrid[:40, :56]
    clicks, pred, agreement = None, None, []
    for _ in range(40):
        clicks = simulate_clicks(gt, pred, previous=clicks)
        distance2 = [(rows - y) ** 2 + (columns - x) ** 2 for x, y in clicks.xy]
        pred = clicks.positive[np.argmin(distance2, axis=0)]
        agreement.append((pred & gt).sum() / (pred | gt).sum())
    assert clicks.xy[0].tolist() == [14, 14]
    assert clicks.positive[0]
    assert agreement[0] < 0.5 < 0.8 < agreement[-1]
    assert len(np.unique(clicks.xy, axis=0)) == len(clicks)


def test_a_spot_is_never_clicked_twice_and_a_perfect_mask_gets_no_click():
    gt = np.zeros((5, 7), dtype=bool)
    gt[2, 3] = True
    clicks = simulate_clicks(gt)
    assert clicks.xy.tolist() == [[3, 2]]
    assert simulate_clicks(gt, previous=clicks) == clicks
    assert len(simulate_clicks(gt, gt)) == 0
    assert len(simulate_clicks(np.zeros_like(gt))) == 0


def test_the_border_counts_as_outside_and_missed_wins_a_tie():
    assert simulate_clicks(np.ones((5, 5), dtype=bool)).xy.tolist() == [[2, 2]]
    gt, pred = np.zeros((2, 7, 14), dtype=bool)
    gt[2:5, 8:11] = True
    pred[2:5, 2:5] = True
    clicks = simulate_clicks(gt, pred)
    assert clicks.xy.tolist() == [[9, 3]]
    assert clicks.positive.all()


def test_clicks_refuse():
    gt = np.zeros((5, 7), dtype=bool)
    with pytest.raises(AnnotationError, match=r"pred: expected class ids .* got float64"):
        simulate_clicks(gt, np.zeros((5, 7)))
    with pytest.raises(AnnotationError, match=r"pred: has shape \(7, 5\)"):
        simulate_clicks(gt, gt.T)
    with pytest.raises(AnnotationError, match=r"gt: expected one object.*\[2\]"):
        simulate_clicks(gt + 2)
    with pytest.raises(AnnotationError, match="previous"):
        simulate_clicks(gt, previous=Clicks(xy=[], positive=[], size=(7, 5)))


def test_first_clicks_go_round_the_components():
    gt = blobs() == 1
    clicks = simulate_clicks(gt, n=4, per_component=True)
    upper = (clicks.xy[:, 1] < 24).tolist()
    assert upper == [True, False, True, False]
    assert clicks.xy[0].tolist() == simulate_clicks(gt).xy[0].tolist() == [14, 14]
    assert clicks.positive.all()


@settings(max_examples=40, deadline=None)
@given(
    class_maps(classes=2), st.integers(0, 2**32), st.integers(0, 4), st.integers(0, 4), st.sampled_from([0.0, 0.7, 1])
)
def test_first_clicks_are_true_and_nested(gt, seed, few, more, bias):
    few, more = min(few, gt.size), min(more, max(gt.size - few, 0))
    for per_component in (False, True):
        many, some = (
            simulate_clicks(gt, n=n, ignore_index=255, per_component=per_component, centre_bias=bias, rng=rng(seed))
            for n in (few + more, few)
        )
        assert some == many.take(few)
        assert len(many) == min(few + more, int((gt == 1).sum()))
        assert known_places_agree(many.densify(255), gt, 255)
        assert len(np.unique(many.xy, axis=0)) == len(many)


def test_first_clicks_go_on_in_large_components_when_small_ones_are_used_up():
    gt = np.zeros((6, 9), dtype=bool)
    gt[0, 0] = gt[2:5, 3:8] = True
    clicks = simulate_clicks(gt, n=5, per_component=True)
    assert (clicks.xy == 0).all(axis=1).tolist() == [False, True, False, False, False]


def test_biased_first_clicks_lie_deep_and_are_pinned():
    gt = np.pad(np.ones((21, 21), dtype=int), 10)
    depth = depth_squared(gt == 1)
    for seed in range(20):
        (x, y), *_ = simulate_clicks(gt, centre_bias=0.8, rng=rng(seed)).xy.astype(int)
        assert depth[y, x] >= np.quantile(depth[gt == 1], 0.75)
    clicks = simulate_clicks(blobs() == 1, n=3, per_component=True, centre_bias=0.5, rng=rng(7))
    assert clicks.xy.tolist() == PINNED_CLICKS


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"centre_bias": 0.5}, "rng: expected"),
        ({"centre_bias": 1.5, "rng": rng()}, "centre_bias"),
        ({"per_component": True, "pred": np.zeros((5, 7), bool)}, "for first clicks"),
        ({"per_component": True, "n": -1}, "n: expected"),
    ],
)
def test_first_clicks_refuse(option, message):
    with pytest.raises(AnnotationError, match=message):
        simulate_clicks(np.ones((5, 7), dtype=bool), **option)
