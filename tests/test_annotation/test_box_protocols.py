"""Protocols of sparse boxes: what each keeps, and that nothing but the seed and the ids decides."""

import numpy as np
import pytest

from sparsevision.annotation import BOX_PROTOCOLS, AnnotationError, kept_boxes, points_in_boxes
from sparsevision.annotation.random_keys import keys, keys_at

LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 2])
IDS = np.array([901, 17, 4, 88, 23, 5, 6, 7000])


def kept(protocol: str, *, labels=LABELS, ids=IDS, seed=0, image_id=3, **options) -> np.ndarray:
    """The ids that stay."""
    return np.asarray(ids)[kept_boxes(labels, ids, protocol=protocol, seed=seed, image_id=image_id, **options)]


def counts(protocol: str) -> list[int]:
    """Boxes of the three classes that stay."""
    mask = kept_boxes(LABELS, IDS, protocol=protocol, seed=0, image_id=3)
    return np.bincount(LABELS[mask], minlength=3).tolist()


def test_each_protocol_keeps_what_it_says():
    assert counts("one_per_category") == [1, 1, 1]
    assert counts("hard") == [3, 1, 1]
    assert sum(counts("easy")) == 7
    assert sum(counts("extreme")) == 1


@pytest.mark.parametrize("protocol", [name for name in BOX_PROTOCOLS if name != "random"])
def test_an_image_with_one_box_keeps_it_and_one_without_stays_empty(protocol):
    assert kept(protocol, labels=[4], ids=[9]).tolist() == [9]
    assert kept(protocol, labels=[], ids=[]).tolist() == []


def test_random_keeps_its_share_of_many_boxes_and_is_nested():
    labels, ids = np.zeros(20_000, dtype=int), np.arange(20_000)
    few, many = (set(kept("random", labels=labels, ids=ids, keep=share).tolist()) for share in (0.3, 0.7))
    assert len(few) / 20_000 == pytest.approx(0.3, abs=0.01)
    assert len(many) / 20_000 == pytest.approx(0.7, abs=0.01)
    assert few < many
    assert len(kept("random", keep=1)) == len(IDS)


@pytest.mark.parametrize("protocol", BOX_PROTOCOLS)
def test_the_order_of_boxes_does_not_matter(protocol):
    order = np.random.default_rng(0).permutation(len(IDS))
    shuffled = kept(protocol, labels=LABELS[order], ids=IDS[order])
    assert set(shuffled.tolist()) == set(kept(protocol).tolist())


@pytest.mark.parametrize("protocol", BOX_PROTOCOLS)
def test_seed_and_image_change_the_choice(protocol):
    choices = {tuple(kept(protocol, seed=seed, image_id=image)) for seed in range(5) for image in range(5)}
    assert len(choices) > 3


def test_the_choice_is_the_same_on_every_machine():
    assert kept("random").tolist() == [901, 17, 5, 6, 7000]
    assert kept("one_per_category").tolist() == [901, 5, 7000]


def test_keys_at_places_are_those_of_the_stream():
    np.testing.assert_array_equal(keys_at(5, 1, places=np.array([3, 0])), keys(5, 1, count=4)[[3, 0]])


def test_points_are_centres_or_lie_anywhere_inside():
    boxes = np.tile([[10.0, 20, 30, 60]], (4000, 1))
    centres = points_in_boxes(boxes, np.arange(4000), spread=0, seed=0, image_id=1)
    np.testing.assert_array_equal(np.unique(centres, axis=0), [[20, 40]])
    inside = points_in_boxes(boxes, np.arange(4000), spread=1, seed=0, image_id=1)
    assert (inside >= [10, 20]).all()
    assert (inside <= [30, 60]).all()
    np.testing.assert_allclose(inside.mean(axis=0), [20, 40], atol=0.6)
    np.testing.assert_allclose(inside.std(axis=0), np.array([20, 40]) / np.sqrt(12), rtol=0.03)
    assert abs(np.corrcoef(inside.T)[0, 1]) < 0.05


def test_a_point_stays_where_it_is_when_boxes_are_reordered():
    boxes = np.array([[0.0, 0, 10, 10], [20, 20, 40, 30]])
    points = points_in_boxes(boxes, [7, 8], spread=1, seed=2, image_id=1)
    again = points_in_boxes(boxes[::-1], [8, 7], spread=1, seed=2, image_id=1)
    np.testing.assert_array_equal(points, again[::-1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"protocol": "extrem"}, "Did you mean 'extreme'"),
        ({"protocol": "random", "keep": 0}, "above 0 and up to 1"),
        ({"protocol": "random", "keep": 30}, "above 0 and up to 1"),
        ({"protocol": "random", "seed": -1}, "whole number from 0"),
    ],
)
def test_wrong_options_are_named(options, words):
    with pytest.raises(AnnotationError, match=words):
        kept(**options)


def test_a_spread_beyond_the_box_is_refused():
    with pytest.raises(AnnotationError, match="from 0"):
        points_in_boxes([[0, 0, 1, 1]], [1], spread=1.5, seed=0, image_id=0)
