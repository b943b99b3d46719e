"""The five types: what they refuse, how they say it, what they cover, and that a prefix is a smaller budget."""

import dataclasses
import itertools
import pickle

import numpy as np
import pytest
import torch
from annotation_examples import SIZE, annotations, one_of_each
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsevision.annotation import AnnotationError, Boxes, Clicks, PointLabels, Scribbles, Tracks
from sparsevision.utils import UserError

POINT = {"xy": [[1, 2]], "labels": [1], "size": (4, 5)}
CLICK = {"xy": [[1, 2]], "positive": [True], "size": (4, 5)}
STROKE = {"polylines": [[[1, 2], [3, 2]]], "labels": [1], "size": (4, 5)}
BOX = {"xyxy": [[0, 0, 5, 4]], "labels": [1], "size": (4, 5)}
TRACK = {"paths": [[[1, 2], [3, 2]]], "frames": [[0, 2]], "num_frames": 3, "size": (4, 5)}

REFUSED = [
    (
        PointLabels,
        POINT,
        {"xy": [[5, 2]]},
        r"PointLabels.xy: entry 0 lies at \(x, y\) = \(5, 2\), outside the image 5 wide",
    ),
    (PointLabels, POINT, {"xy": [[1, -1]]}, "outside"),
    (PointLabels, POINT, {"xy": [[1.0, 2.0]]}, "whole numbers"),
    (PointLabels, POINT, {"xy": [1, 2]}, r"shape \(N, 2\), got shape \(2,\)"),
    (PointLabels, POINT, {"xy": [["1", "2"]]}, "expected whole numbers"),
    (PointLabels, POINT, {"xy": [[1, 2], [3]]}, "PointLabels.xy"),
    (PointLabels, POINT, {"xy": [[10**30, 2]]}, "PointLabels.xy"),
    (PointLabels, POINT, {"xy": np.array([[2**64 - 1, 2]], dtype=np.uint64)}, "64 bits"),
    (PointLabels, POINT, {"labels": [-1]}, "PointLabels.labels: entry 0 is -1"),
    (PointLabels, POINT, {"labels": [1, 2]}, "PointLabels.xy has 1, PointLabels.labels has 2"),
    (PointLabels, POINT, {"size": (4,)}, r"PointLabels.size: expected \(height, width\)"),
    (PointLabels, POINT, {"size": (4, 0)}, "PointLabels.size"),
    (PointLabels, POINT, {"size": (4, True)}, "PointLabels.size"),
    (PointLabels, POINT, {"size": (2**40, 2**40)}, "PointLabels.size"),
    (PointLabels, POINT, {"size": "45"}, "PointLabels.size"),
    (PointLabels, POINT, {"indices": [1]}, "exactly one of xy"),
    (PointLabels, POINT, {"xy": None, "indices": [20], "size": (20,)}, "the cloud has 20 points"),
    (
        PointLabels,
        POINT,
        {"xy": [[1, 2], [1, 2]], "labels": [0, 1]},
        r"\(x, y\) = \(1, 2\) is given two different labels",
    ),
    (PointLabels, POINT, {"meta": {"a": object()}}, r"PointLabels.meta.a: expected plain JSON"),
    (PointLabels, POINT, {"meta": {1: 2}}, "PointLabels.meta"),
    (PointLabels, POINT, {"meta": {"a": float("nan")}}, "PointLabels.meta.a"),
    (PointLabels, POINT, {"meta": [1]}, "expected a dict"),
    (Clicks, CLICK, {"xy": [[float("nan"), 1]]}, "Clicks.xy: entry 0 is .* finite"),
    (Clicks, CLICK, {"xy": [[4.5, 1]]}, "outside the image 5 wide, 4 high"),
    (Clicks, CLICK, {"positive": [2]}, "true/false"),
    (Clicks, CLICK, {"positive": ["yes"]}, "true/false"),
    (Scribbles, STROKE, {"polylines": [[]]}, r"Scribbles.polylines\[0\]: expected at least one location"),
    (Scribbles, STROKE, {"polylines": 3}, "Scribbles.polylines: expected a list"),
    (Scribbles, STROKE, {"polylines": [[[1, 9]]]}, r"Scribbles.polylines\[0\]: entry 0 lies"),
    (Scribbles, STROKE, {"widths": 0.5}, "Scribbles.widths: entry 0 is 0.5"),
    (Scribbles, STROKE, {"widths": [[1], [2, 3]]}, "Scribbles.widths"),
    (Scribbles, STROKE, {"widths": "thick"}, "Scribbles.widths"),
    (Scribbles, STROKE, {"widths": [1, 2]}, "Scribbles.widths has 2"),
    (Boxes, BOX, {"xyxy": [[0, 0, 5.01, 4]]}, r"Boxes.xyxy: entry 0 .* x1 <= 5"),
    (Boxes, BOX, {"xyxy": [[2, 0, 2, 4]]}, "x0 < x1"),
    (Boxes, BOX, {"xyxy": [[2, 0, 2]]}, "Boxes.xyxy"),
    (Tracks, TRACK, {"frames": [[2, 0]]}, r"Tracks.frames\[0\]: expected strictly increasing"),
    (Tracks, TRACK, {"frames": [[0, 3]]}, "from 0 to 2"),
    (Tracks, TRACK, {"frames": [[0]]}, r"Tracks.paths\[0\] has 2, Tracks.frames\[0\] has 1"),
    (Tracks, TRACK, {"frames": []}, "Tracks.frames has 0"),
    (Tracks, TRACK, {"num_frames": 2.5}, "Tracks.num_frames"),
]


@pytest.mark.parametrize(("cls", "good", "change", "message"), REFUSED)
def test_refuses_what_is_wrong_and_names_the_field(cls, good, change, message):
    cls(**good)
    with pytest.raises(AnnotationError, match=message):
        cls(**(good | change))


def test_errors_are_user_errors():
    assert issubclass(AnnotationError, UserError)


def test_frozen_and_read_only():
    source = np.array([[1.0, 2.0]])
    clicks = Clicks(xy=source, positive=[1], size=(4, 5))
    source[0, 0] = 3
    assert clicks.xy[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        clicks.xy[0, 0] = 9
    with pytest.raises(dataclasses.FrozenInstanceError):
        clicks.size = (9, 9)


def test_takes_tensors_and_arrays():
    expected = PointLabels(**POINT)
    assert PointLabels(xy=torch.tensor([[1, 2]]), labels=torch.tensor([1]), size=torch.Size([4, 5])) == expected
    assert PointLabels(xy=np.array([[1, 2]], dtype=np.uint8), labels=(1,), size=np.array([4, 5])) == expected


def test_empty_annotations_are_fine():
    empty = [
        PointLabels(xy=[], labels=[], size=(4, 5)),
        Clicks(xy=np.zeros((0, 2)), positive=[], size=(4, 5)),
        Scribbles(polylines=[], labels=[], size=(4, 5)),
        Boxes(xyxy=[], labels=[], size=(4, 5)),
    ]
    assert all(len(a) == 0 and (a.densify(255) == 255).all() and a.densify(255).shape == (4, 5) for a in empty)
    assert len(Tracks(paths=[], frames=[], num_frames=1, size=(4, 5))) == 0


@settings(max_examples=60, deadline=None)
@given(annotations(), st.integers(0, 7), st.integers(0, 7))
def test_take_is_a_prefix_and_nested(annotation, k, n):
    part = annotation.take(n)
    assert len(part) == part.budget == min(n, len(annotation))
    assert part.take(k) == annotation.take(min(k, n))
    assert annotation.take(len(annotation)) == annotation == pickle.loads(pickle.dumps(annotation))
    if not isinstance(annotation, Tracks | Boxes | Clicks):
        known = part.densify(255) != 255
        assert np.array_equal(part.densify(255)[known], annotation.densify(255)[known])


def test_equality_ignores_meta_only():
    for name, annotation in one_of_each().items():
        assert annotation == dataclasses.replace(annotation, meta={}), name
        assert annotation != annotation.take(1), name
        assert repr(annotation).startswith(type(annotation).__name__)
    assert PointLabels(**POINT) != PointLabels(**(POINT | {"labels": [2]}))
    assert PointLabels(**POINT) != "points"
    assert PointLabels(xy=None, indices=[1], labels=[1], size=(20,)) != PointLabels(**POINT)


def test_meta_is_a_plain_copy():
    meta = {"seed": np.int64(3), "list": (1, 2)}
    assert PointLabels(**POINT, meta=meta).meta == {"seed": 3, "list": [1, 2]}
    assert type(PointLabels(**POINT, meta=meta).meta["seed"]) is int


def test_points_densify():
    image = PointLabels(xy=[[1, 0], [4, 3]], labels=[2, 0], size=(4, 5)).densify(255)
    assert image.shape == (4, 5)
    assert image[0, 1] == 2
    assert image[3, 4] == 0
    assert (image != 255).sum() == 2
    cloud = PointLabels(indices=[3, 1], labels=[0, 7], size=(5,)).densify(-1)
    assert cloud.tolist() == [-1, 7, -1, 0, -1]


def test_points_as_squares_are_clipped_and_the_earlier_point_wins():
    points = PointLabels(xy=[[0, 0], [2, 1]], labels=[1, 0], size=(4, 5))
    expected = [[1, 1, 0, 0, 9], [1, 1, 0, 0, 9], [9, 0, 0, 0, 9], [9, 9, 9, 9, 9]]
    assert points.densify(9, side=3).tolist() == expected
    with pytest.raises(AnnotationError, match="odd"):
        points.densify(9, side=2)


def test_fill_must_not_be_a_class():
    with pytest.raises(AnnotationError, match="fill=1 is also a class"):
        PointLabels(**POINT).densify(1)


def test_clicks_densify_and_labels():
    clicks = Clicks(xy=[[0.49, -0.5], [0.5, 0], [1, 0]], positive=[True, True, False], size=(1, 3))
    assert clicks.labels.tolist() == [1, 1, 0]
    assert clicks.densify(-1).tolist() == [[1, 0, -1]]


def test_box_edges():
    boxes = Boxes(xyxy=[[1, 0, 3, 2], [0, 0, 5, 4], [3.5, 3.4, 4.51, 4]], labels=[1, 2, 3], size=(4, 5))
    expected = np.full((4, 5), 2)
    expected[0:2, 1:3] = 1
    expected[3, 3:5] = 3
    assert np.array_equal(boxes.densify(255), expected)


def test_tracks_at():
    tracks = one_of_each()["tracks"]
    xy, known = tracks.at(3)
    assert known.tolist() == [True, False]
    assert xy[0].tolist() == [3, 4]
    assert np.isnan(xy[1]).all()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_strokes_cover_what_the_plain_formula_says(data):
    """A pixel is covered exactly if its centre lies within width / 2 of a segment (here: whole and half numbers)."""
    half = st.integers(0, 2 * (SIZE[0] - 1)).map(lambda i: i / 2)
    line = np.array(data.draw(st.lists(st.tuples(half, half), min_size=2, max_size=4)))
    width = data.draw(st.integers(1, 6))
    covered = Scribbles(polylines=[line], labels=[1], widths=width, size=SIZE).densify(0) == 1
    for (row, column), value in np.ndenumerate(covered):
        p = np.array([column, row], dtype=float)
        distances = []
        for a, b in itertools.pairwise(line):
            length2 = ((b - a) ** 2).sum()
            t = np.clip((p - a) @ (b - a) / length2, 0, 1) if length2 else 0
            distances.append(np.linalg.norm(p - a - t * (b - a)))
        corner = (np.floor(line + 0.5) == p).all(axis=1).any()
        if abs(min(distances) - width / 2) > 1e-9:
            assert value == (corner or min(distances) < width / 2)


def test_long_stroke_over_a_tall_image():
    covered = Scribbles(polylines=[[[3, 2], [250, 390]]], labels=[1], widths=3, size=(400, 260)).densify(0)
    assert 388 * 3 < covered.sum() < 388 * 5
    assert covered.any(axis=1).sum() == 391
