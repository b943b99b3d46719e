"""Simulated scribbles: inside their class with every brush, nested, pinned for a seed, quick on large images."""

import time

import numpy as np
import pytest
from annotation_examples import blobs, class_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sparsevision.annotation import AnnotationError, simulate_scribbles

PINNED = [
    [[8, 4], [23, 4], [24, 5], [45, 5]],
    [[19, 19], [15, 15], [13, 15]],
    [[38, 11], [38, 12], [39, 13], [39, 23], [38, 24]],
]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=60, deadline=None)
@given(class_maps(), st.integers(0, 2**32), st.integers(0, 3), st.integers(0, 2), st.integers(1, 4))
def test_scribbles_are_a_nested_subset_of_the_truth(truth, seed, few, more, width):
    width = min(width, max(truth.shape))
    many = simulate_scribbles(truth, rng=rng(seed), per_class=few + more, ignore_index=255, width=width)
    some = simulate_scribbles(truth, rng=rng(seed), per_class=few, ignore_index=255, width=width)
    labels = many.densify(255)
    assert np.array_equal(labels[labels != 255], truth[labels != 255])
    assert some == many.take(len(some))
    assert len(many) == (few + more) * len(np.unique(truth[truth != 255]))


def test_scribbles_are_pinned_for_a_seed():
    scribbles = simulate_scribbles(blobs(), rng=rng(7), ignore_index=255, width=3)
    assert [line.astype(int).tolist() for line in scribbles.polylines] == PINNED
    assert scribbles.labels.tolist() == [0, 1, 2]


def test_a_stroke_is_one_connected_line_along_the_middle():
    truth = np.zeros((60, 200), dtype=int)
    truth[20:41, 10:190] = 1
    labels = simulate_scribbles(truth, rng=rng(), shrink=0.0).densify(255)
    rows, columns = np.nonzero(labels == 1)
    assert ndimage.label(labels == 1, structure=np.ones((3, 3)))[1] == 1
    assert np.ptp(columns) > 60
    assert np.mean(abs(rows - 30) <= 4) > 0.7


def test_strokes_go_round_the_large_components():
    truth = np.zeros((60, 60), dtype=int)
    truth[5:25, 5:25] = truth[35:50, 30:50] = 1
    truth[55, 55] = 1
    strokes = simulate_scribbles(truth, rng=rng(), per_class=3)
    upper = [line[:, 1].max() < 30 for line, label in zip(strokes.polylines, strokes.labels, strict=True) if label == 1]
    assert upper == [True, False, True]


def test_a_brush_too_wide_for_the_class_is_made_thinner():
    truth = np.zeros((90, 60), dtype=int)
    truth[30:33] = 1
    strokes = simulate_scribbles(truth, rng=rng(), width=9)
    assert strokes.widths[0] == 9
    assert strokes.widths[1] <= 3


def test_single_pixels_get_a_dot():
    truth = np.zeros((9, 9), dtype=bool)
    truth[4, 5] = True
    assert simulate_scribbles(truth, rng=rng()).polylines[1].tolist() == [[5, 4]]


def test_a_large_image_takes_moments():
    truth = np.kron(blobs(), np.ones((30, 30), dtype=np.uint8))
    start = time.process_time()
    labels = simulate_scribbles(truth, rng=rng(), ignore_index=255, width=9).densify(255)
    assert time.process_time() - start < 10
    assert np.array_equal(labels[labels != 255], truth[labels != 255])


@pytest.mark.parametrize("option", [{"width": 0}, {"shrink": 0.5}, {"per_class": -1}, {"rng": None}])
def test_scribbles_refuse(option):
    with pytest.raises(AnnotationError, match=next(iter(option))):
        simulate_scribbles(blobs(), **({"rng": rng(), "ignore_index": 255} | option))
