"""Rasterised labels become strokes and points that draw the same pixels again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from sparsevision.annotation import PointLabels, load_annotations, write_label_png
from sparsevision.datasets.converters import convert_folder, count_labels, point_format, scribble_format, verify_folder
from sparsevision.datasets.vectorise import covering_walk, points_of_labels, strokes_of_labels
from sparsevision.utils import UserError

UNLABELLED = -1
EIGHT = np.ones((3, 3))


@given(st.integers(0, 10**6), st.floats(0.1, 0.95))
def test_strokes_cover_exactly_what_was_drawn(seed, density):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((13, 17)) < density, rng.integers(0, 2, (13, 17)), UNLABELLED)
    strokes = strokes_of_labels(labels, ignore_index=UNLABELLED)
    assert np.array_equal(strokes.densify(UNLABELLED), labels)
    assert len(strokes) == sum(ndimage.label(labels == label, EIGHT)[1] for label in (0, 1))


def test_a_line_is_two_corners():
    mask = np.zeros((5, 9), bool)
    mask[2, 1:8] = True
    assert covering_walk(mask).tolist() == [[1, 2], [7, 2]]
    assert covering_walk(mask.T)[[0, -1]].tolist() == [[2, 1], [2, 7]]


def test_one_pixel():
    assert covering_walk(np.ones((1, 1), bool)).tolist() == [[0, 0]]


def test_squares_become_their_middles_even_at_the_border():
    points = PointLabels(xy=[[20, 10], [1, 30], [39, 39]], labels=[1, 0, 0], size=(40, 40))
    labels = points.densify(UNLABELLED, side=5)
    found = points_of_labels(labels, ignore_index=UNLABELLED)
    assert {(*xy, label) for xy, label in zip(found.xy.tolist(), found.labels.tolist(), strict=True)} == {
        (20, 10, 1),
        (1, 30, 0),
        (39, 39, 0),
    }
    assert found.meta["square_side"] == 5
    assert np.array_equal(found.densify(UNLABELLED, side=5), labels)


def test_no_label_at_all():
    labels = np.full((4, 4), UNLABELLED)
    assert len(points_of_labels(labels, ignore_index=UNLABELLED)) == 0
    assert len(strokes_of_labels(labels, ignore_index=UNLABELLED)) == 0


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ((slice(2, 7), slice(2, 10)), "no 5x5 square"),
        ((slice(2, 5), slice(2, 7)), "no 5x5 square"),
    ],
)
def test_what_is_no_square(where, message):
    labels = np.full((20, 20), UNLABELLED)
    labels[where] = 1
    with pytest.raises(UserError, match=message):
        points_of_labels(labels, ignore_index=UNLABELLED, side=5)
    labels[:] = UNLABELLED
    labels[2:6, 2:6] = 1
    with pytest.raises(UserError, match="even side"):
        points_of_labels(labels, ignore_index=UNLABELLED)


@pytest.fixture
def folder(tmp_path):
    for index in range(3):
        points = PointLabels(xy=[[6 + index, 8], [20, 12]], labels=[1, 0], size=(24, 32))
        write_label_png(tmp_path / "in" / f"{index}.png", points.densify(UNLABELLED, side=3), ignore_index=UNLABELLED)
    return tmp_path / "in"


@pytest.mark.parametrize("form", [scribble_format(), point_format(), point_format(3)])
def test_folder_is_converted_once(folder, tmp_path, form):
    assert count_labels(folder) == 3
    assert next(verify_folder(folder, tmp_path / "out", form)).endswith("0.json is missing")
    assert list(convert_folder(folder, tmp_path / "out", form)) == ["written"] * 3
    (tmp_path / "out" / "1.json").write_text("{")
    assert list(convert_folder(folder, tmp_path / "out", form)) == ["kept", "written", "kept"]
    assert list(verify_folder(folder, tmp_path / "out", form)) == [None] * 3


def test_points_read_back(folder, tmp_path):
    list(convert_folder(folder, tmp_path / "out", point_format()))
    assert load_annotations(tmp_path / "out" / "2.json").xy.tolist() == [[8, 8], [20, 12]]


def test_differences_are_found(folder, tmp_path):
    list(convert_folder(folder, tmp_path / "out", point_format()))
    (tmp_path / "out" / "0.json").write_bytes((tmp_path / "out" / "2.json").read_bytes())
    problems = list(verify_folder(folder, tmp_path / "out", point_format()))
    assert "does not show the labels" in problems[0]
    assert problems[1:] == [None, None]


def test_bad_folders_and_files(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        count_labels(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no PNG"):
        count_labels(tmp_path)
    labels = np.full((20, 20), UNLABELLED)
    labels[2:9, 3:6] = 1
    write_label_png(tmp_path / "tall.png", labels, ignore_index=UNLABELLED)
    with pytest.raises(UserError, match=r"tall\.png: the group of pixels at x=3, y=2 \(3x7"):
        list(convert_folder(tmp_path, tmp_path / "out", point_format(3)))
