"""The five point protocols: what each draws, seeded, nested, the same for every integer type; bad requests refused."""

import numpy as np
import pytest

from sparsevision.annotation import POINT_PROTOCOLS, AnnotationError, simulate_point_labels

SIZES = {0: 5000, 3: 2500, 7: 1200, 9: 30, 40: 1}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scene() -> np.ndarray:
    """Class ids of a cloud whose classes come one after the other, the largest last."""
    return np.repeat(sorted(SIZES, reverse=True), [SIZES[label] for label in sorted(SIZES, reverse=True)])


def instances() -> np.ndarray:
    """Two instances of class 7, one each of 9 and 40; the rest belongs to none."""
    ids = np.where(np.isin(scene(), (7, 9, 40)), scene(), 0)
    ids[np.flatnonzero(scene() == 7)[:500]] = 100
    return ids


def draw(protocol: str, budget: float, seed: int = 0, **options):
    labels = options.pop("labels", scene())
    if protocol == "otoc":
        options.setdefault("instances", instances())
    return simulate_point_labels(labels, protocol=protocol, budget=budget, rng=rng(seed), **options)


BUDGETS = [
    ("official", 0.001, 0.01),
    ("class_even", 0.001, 0.01),
    ("uniform", 0.001, 0.01),
    ("uniform", 7, 50),
    ("points_k", 20, 200),
    ("otoc", 1, 3),
]


def test_these_are_the_protocols():
    assert {protocol for protocol, _, _ in BUDGETS} == set(POINT_PROTOCOLS)


@pytest.mark.parametrize(("protocol", "few", "many"), BUDGETS)
def test_true_seeded_and_nested(protocol, few, many):
    points, larger = draw(protocol, few), draw(protocol, many)
    assert np.array_equal(points.labels, scene()[points.indices])
    assert points == larger.take(len(points))
    assert 0 < len(points) < len(larger)
    assert points == draw(protocol, few)
    assert not np.array_equal(points.indices, draw(protocol, few, seed=1).indices)
    assert points.size == (len(scene()),)
    assert points.meta["protocol"] == protocol


@pytest.mark.parametrize(("protocol", "budget"), [(protocol, budget) for protocol, budget, _ in BUDGETS])
def test_the_integer_type_of_the_labels_does_not_matter(protocol, budget):
    expected = draw(protocol, budget)
    for dtype in (np.uint8, np.int16, np.uint16, np.int32, np.uint64):
        assert draw(protocol, budget, labels=scene().astype(dtype)) == expected


@pytest.mark.parametrize("share", [0.0001, 0.001, 0.0123, 0.5, 1.0])
def test_class_even_draws_its_share_of_every_class_without_replacement(share):
    points = draw("class_even", share)
    expected = {label: max(int(count * share), 1) for label, count in SIZES.items()}
    found = dict(zip(*map(np.ndarray.tolist, np.unique(points.labels, return_counts=True)), strict=True))
    assert found == expected
    assert len(np.unique(points.indices)) == len(points)


def test_official_uses_places_in_the_class_as_places_in_the_cloud():
    official, even = draw("official", 0.01), draw("class_even", 0.01)
    assert len(official) == len(even) == sum(max(int(count * 0.01), 1) for count in SIZES.values())
    for place, index, label in zip(official.indices, even.indices, even.labels, strict=True):
        assert np.flatnonzero(scene() == label)[place] == index


def test_official_keeps_to_the_first_points_of_the_file_and_class_even_does_not():
    largest = max(SIZES.values())
    official = np.concatenate([draw("official", 0.01, seed).indices for seed in range(20)])
    even = np.concatenate([draw("class_even", 0.01, seed).indices for seed in range(20)])
    assert official.max() < largest
    assert (even >= largest).mean() > 0.4
    assert np.median(official) < 0.25 * len(scene()) < 0.4 * len(scene()) < np.median(even)
    mirrored = [set(draw("official", 0.01, seed, labels=scene()[::-1]).labels.tolist()) for seed in range(20)]
    assert set.union(*mirrored) == {0}, "with the largest class first, no other class is ever labelled"


def test_official_labels_void_only_without_ignore_index():
    labels = np.where(scene() == 3, 255, scene())
    with_void = draw("official", 0.01, labels=labels)
    assert 255 in with_void.labels
    without = draw("official", 0.01, labels=labels, ignore_index=255)
    assert 255 not in without.labels
    others = sum(max(int(count * 0.01), 1) for label, count in SIZES.items() if label != 3)
    assert len(without) < others, "draws that land on void are lost"


def test_only_the_named_classes_are_drawn_for():
    assert set(draw("class_even", 0.01, classes=(7, 9)).labels.tolist()) == {7, 9}
    assert len(draw("official", 0.01, classes=range(8))) == 50 + 25 + 12


@pytest.mark.parametrize(("budget", "count"), [(0.001, 8), (0.00001, 1), (3, 3), (10**6, sum(SIZES.values()))])
def test_uniform_takes_a_share_or_a_count(budget, count):
    assert len(draw("uniform", budget)) == count


def test_uniform_and_points_k_spread_over_all_that_has_a_truth():
    counts = np.zeros(len(scene()), dtype=int)
    for seed in range(200):
        counts[draw("points_k", 200, seed, ignore_index=0).indices] += 1
    assert counts[scene() == 0].sum() == 0
    for label in (3, 7):
        assert counts[scene() == label].mean() == pytest.approx(200 * 200 / (len(scene()) - SIZES[0]), rel=0.05)


@pytest.mark.parametrize("k", [1, 20, 50, 100, 200, 333])
def test_points_k_gives_k_different_points(k):
    assert len(np.unique(draw("points_k", k).indices)) == k


def test_otoc_clicks_once_on_every_instance():
    points = draw("otoc", 1)
    assert instances()[points.indices].tolist() == [7, 9, 40, 100]
    twice = draw("otoc", 2)
    assert instances()[twice.indices].tolist() == [7, 9, 40, 100, 7, 9, 100], "instance 40 has one point"


def test_otoc_spreads_a_click_over_its_superpoint():
    superpoints = scene() * 1000 + np.arange(len(scene())) // 10
    clicks, spread = draw("otoc", 1), draw("otoc", 1, superpoints=superpoints)
    assert set(spread.indices.tolist()) == set(
        np.flatnonzero(np.isin(superpoints, superpoints[clicks.indices])).tolist()
    )
    assert spread.densify(-1)[clicks.indices].tolist() == clicks.labels.tolist()
    assert len(np.unique(spread.indices)) == len(spread)


def test_otoc_lets_the_first_click_on_a_superpoint_decide():
    labels, ids = np.array([1, 1, 2, 2]), np.array([5, 5, 6, 6])
    spread = draw("otoc", 1, labels=labels, instances=ids, superpoints=[0, 0, 0, 0])
    assert spread.densify(-1).tolist() == [1, 1, 1, 1]


def test_a_scene_without_truth_has_no_labels():
    for protocol, budget, _ in BUDGETS:
        assert len(draw(protocol, budget, labels=np.full(len(scene()), 255), ignore_index=255)) == 0


def test_one_number_is_drawn():
    for protocol, budget, _ in BUDGETS:
        generator, reference = rng(3), rng(3)
        extra = {"instances": instances()} if protocol == "otoc" else {}
        simulate_point_labels(scene(), protocol=protocol, budget=budget, rng=generator, **extra)
        reference.bit_generator.random_raw()
        assert generator.bit_generator.state == reference.bit_generator.state


@pytest.mark.parametrize(
    ("protocol", "budget", "indices"),
    [
        ("official", 0.0001, [3127, 814, 448, 7, 0]),
        ("class_even", 0.0001, [6858, 2045, 479, 8, 0]),
        ("uniform", 0.0003, [479, 2045]),
        ("points_k", 3, [479, 2045, 6858]),
        ("otoc", 1, [610, 8, 0, 479]),
    ],
)
def test_drawn_points_are_pinned_for_a_seed(protocol, budget, indices):
    assert draw(protocol, budget).indices.tolist() == indices


@pytest.mark.parametrize(
    ("protocol", "budget", "option", "message"),
    [
        ("evenclass", 0.1, {}, "protocol: 'evenclass' is none of official, class_even"),
        ("class_evn", 0.1, {}, "Did you mean"),
        ("official", 20, {}, "budget of 'official': expected a share"),
        ("class_even", 1.5, {}, "budget of 'class_even': expected a share"),
        ("class_even", float("nan"), {}, "expected a share"),
        ("uniform", 0.0, {}, "expected a share"),
        ("uniform", True, {}, "expected a whole number"),
        ("points_k", 0.001, {}, "budget of 'points_k': expected a whole number of 1 or more, got 0.001"),
        ("points_k", 10**19, {}, "budget of 'points_k': 10000000000000000000 is too large a number"),
        ("points_k", 0, {}, "expected a whole number"),
        ("otoc", 0.5, {}, "budget of 'otoc': expected a whole number"),
        ("otoc", 1, {"instances": None}, "instances: otoc clicks on every instance"),
        ("otoc", 1, {"instances": [1, 2]}, "instances: has 2 entries, labels has"),
        ("otoc", 1, {"superpoints": [1.5]}, "superpoints: expected whole numbers"),
        ("otoc", 1, {"classes": (1,)}, "classes: 'otoc' does not draw by class"),
        ("uniform", 3, {"instances": [1]}, "instances and superpoints are for otoc"),
        ("uniform", 3, {"labels": np.zeros(4)}, "labels: expected class ids"),
        ("uniform", 3, {"labels": np.zeros((2, 2), int)}, "labels: expected class ids"),
        ("uniform", 3, {"labels": np.array([0, -1])}, "labels: holds -1"),
    ],
)
def test_bad_requests_are_refused(protocol, budget, option, message):
    with pytest.raises(AnnotationError, match=message):
        draw(protocol, budget, **option)
