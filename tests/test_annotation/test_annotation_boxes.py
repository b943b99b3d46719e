"""Simulated boxes: tight without jitter, one an object, nested, never empty, pinned for a seed."""

import numpy as np
import pytest
from annotation_examples import blobs, class_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sparsevision.annotation import AnnotationError, simulate_boxes

PINNED = [[6.7084, 3.0002, 26.2943, 23.1143], [33.6555, 9.8481, 44.8851, 33.7499], [4.4343, 25.6045, 11.1418, 30.8833]]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def plain_boxes(truth: np.ndarray, ignore_index: int) -> set[tuple]:
    """(class, x0, y0, x1, y1) of every component of every foreground class, the slow way."""
    found = set()
    for label in np.setdiff1d(truth, (0, ignore_index)):
        parts, count = ndimage.label(truth == label, structure=np.ones((3, 3)))
        for part in range(1, count + 1):
            rows, columns = np.nonzero(parts == part)
            found.add((int(label), columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return found


@settings(max_examples=60, deadline=None)
@given(class_maps(), st.integers(0, 2**32), st.integers(0, 3), st.integers(0, 3))
def test_tight_boxes_are_those_of_the_components_and_nested(truth, seed, few, more):
    boxes = simulate_boxes(truth, rng=rng(seed), ignore_index=255)
    listed = [(label, *edges) for label, edges in zip(boxes.labels.tolist(), boxes.xyxy.tolist(), strict=True)]
    assert set(listed) == plain_boxes(truth, 255)
    some = simulate_boxes(truth, rng=rng(seed), ignore_index=255, per_class=few, jitter=0.3)
    many = simulate_boxes(truth, rng=rng(seed), ignore_index=255, per_class=few + more, jitter=0.3)
    assert some == many.take(len(some))


@settings(max_examples=60, deadline=None)
@given(class_maps(), st.integers(0, 2**32), st.floats(0, 0.4))
def test_jitter_moves_each_edge_by_at_most_its_share(truth, seed, jitter):
    tight = simulate_boxes(truth, rng=rng(seed), ignore_index=255).xyxy
    moved = simulate_boxes(truth, rng=rng(seed), ignore_index=255, jitter=jitter).xyxy
    sides = np.tile(tight[:, 2:] - tight[:, :2], 2)
    assert (abs(moved - tight) <= jitter * sides + 1e-9).all()


def test_boxes_are_pinned_for_a_seed():
    boxes = simulate_boxes(blobs(), rng=rng(7), ignore_index=255, jitter=0.2)
    assert boxes.labels.tolist() == [1, 2, 1]
    assert boxes.xyxy.round(4).tolist() == PINNED


def test_the_jitter_of_edges_is_uniform():
    truth = np.pad(np.ones((50, 50), dtype=int), 50)
    tight = np.array([50, 50, 100, 100])
    shares = np.stack([simulate_boxes(truth, rng=rng(s), jitter=0.2).xyxy[0] - tight for s in range(300)]) / 50
    assert abs(shares.mean()) < 0.01
    assert abs(shares.std() - 0.4 / 12**0.5) < 0.005
    assert abs(shares).max() <= 0.2


def test_instances_tell_touching_objects_apart():
    truth, instances = np.zeros((10, 20), int), np.zeros((10, 20), int)
    truth[2:8, 2:18] = 1
    instances[:, 8:] = 5
    assert simulate_boxes(truth, rng=rng()).xyxy.tolist() == [[2, 2, 18, 8]]
    boxes = simulate_boxes(truth, rng=rng(), instances=instances)
    assert boxes.xyxy.tolist() == [[8, 2, 18, 8], [2, 2, 8, 8]]


def test_background_and_specks_get_no_box():
    truth = blobs()
    assert simulate_boxes(truth, rng=rng(), ignore_index=255, min_pixels=50).labels.tolist() == [1, 2]
    assert simulate_boxes(truth, rng=rng(), ignore_index=255, background=(0, 1)).labels.tolist() == [2]
    assert simulate_boxes(truth, rng=rng(), ignore_index=255, background=()).labels.tolist() == [0, 1, 2, 1]
    assert len(simulate_boxes(np.zeros((3, 4), int), rng=rng())) == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"jitter": 0.5}, "jitter: expected a share from 0"),
        ({"jitter": float("nan")}, "jitter"),
        ({"per_class": -1}, "per_class"),
        ({"min_pixels": 1.5}, "min_pixels"),
        ({"instances": np.zeros((3, 3), int)}, r"instances: has shape \(3, 3\)"),
        ({"instances": np.zeros((40, 56))}, "instances: expected class ids"),
        ({"rng": 7}, "rng"),
    ],
)
def test_boxes_refuse(option, message):
    with pytest.raises(AnnotationError, match=message):
        simulate_boxes(blobs(), **({"rng": rng(), "ignore_index": 255} | option))
