"""What an annotation file says of an image: every kind read into one map, contradictions settled, nonsense refused."""

import json

import numpy as np
import pytest
from PIL import Image

from sparsevision.annotation import Boxes, Clicks, PointLabels, Scribbles, Tracks, save_annotations
from sparsevision.datasets.sparse_labels import draw_maps, read_sparse_labels, read_sparse_maps, within_memory
from sparsevision.datasets.transforms import LoadImage, LoadSparseLabels
from sparsevision.utils import UserError

IGNORE = 255
SIZE = (12, 16)


def points(xy, labels, **meta):
    return PointLabels(xy=xy, labels=labels, size=SIZE, meta=meta)


def clicks(xy, positive, label=1):
    return Clicks(xy=xy, positive=positive, size=SIZE, meta={} if label is None else {"label": label})


def stroke(polyline, label, width=1):
    return Scribbles(polylines=[polyline], labels=[label], widths=width, size=SIZE)


def boxes(xyxy, labels):
    return Boxes(xyxy=xyxy, labels=labels, size=SIZE)


PAGE = {
    "points": points([[5, 5]], [2]),
    "scribbles": stroke([[3, 5], [8, 5]], 1),
    "boxes": boxes([[2, 3, 10, 9]], [1]),
    "tracks": Tracks(paths=[[[1, 1]]], frames=[[0]], num_frames=2, size=SIZE),
    "object_1": clicks([[4, 7], [6.4, 7]], [True, False], label=2),
}


@pytest.fixture
def read(tmp_path):
    """read(annotations, **options) through a file."""

    def through_a_file(annotations, **options):
        save_annotations(tmp_path / "a.json", annotations)
        return read_sparse_maps(tmp_path / "a.json", ignore_index=IGNORE, **options)

    return through_a_file


def test_what_the_page_writes_becomes_one_map(read):
    maps = read(PAGE)
    expected = np.zeros(SIZE, int)
    expected[3:9, 2:10] = IGNORE
    expected[5, 3:9] = 1
    expected[5, 5] = 2
    expected[7, 4], expected[7, 6] = 2, 0
    assert np.array_equal(maps.labels, expected)
    inside = np.zeros(SIZE, int)
    inside[3:9, 2:10] = 1
    assert np.array_equal(maps.boxes, inside)


def test_the_order_in_the_file_decides_nothing_between_kinds(read):
    forth, back = read(PAGE), read(list(PAGE.values())[::-1])
    assert np.array_equal(forth.labels, back.labels)
    assert np.array_equal(forth.boxes, back.boxes)


def test_within_a_kind_the_earlier_keeps_its_pixels(read):
    across, down = stroke([[0, 5], [15, 5]], 1), stroke([[5, 0], [5, 11]], 0)
    assert read([across, down]).labels[5, 5] == 1
    assert read([down, across]).labels[5, 5] == 0
    assert read([points([[5, 5]], [1]), clicks([[5, 5]], [False])]).labels[5, 5] == 1


def test_boxes_may_be_incomplete(read):
    maps = read(boxes([[2, 3, 10, 9]], [1]), boxes_complete=False)
    assert (maps.labels == IGNORE).all()
    assert set(np.unique(maps.boxes)) == {0, 1}


def test_small_boxes_lie_on_large_ones_across_the_file(read):
    maps = read([boxes([[4, 4, 6, 6]], [2]), boxes([[2, 2, 12, 10]], [1])])
    assert maps.boxes[5, 5] == 2
    assert maps.boxes[8, 8] == 1
    assert maps.labels[0, 0] == 0
    assert maps.labels[5, 5] == IGNORE


def test_without_a_box_nothing_is_said_about_the_rest(read):
    maps = read(points([[3, 2]], [1]))
    assert (maps.labels != IGNORE).sum() == 1
    assert (maps.boxes == IGNORE).all()
    assert maps.boxes.strides == (0, 0), "a map that says nothing takes no memory"
    assert (read({"boxes": boxes(np.zeros((0, 4)), []), "points": points([[3, 2]], [1])}).boxes == IGNORE).all()


def test_points_and_clicks_become_squares(read):
    labels = read([points([[3, 3]], [1]), clicks([[10.2, 6]], [True], label=2)], point_side=3).labels
    assert (labels[2:5, 2:5] == 1).all()
    assert (labels[5:8, 9:12] == 2).all()
    assert (labels != IGNORE).sum() == 18


def test_a_later_click_corrects_an_earlier_one(read):
    assert read(clicks([[4, 4], [4.2, 4]], [True, False])).labels[4, 4] == 0


def test_an_object_of_class_background_is_background(read):
    assert read(clicks([[4, 4]], [True], label=0)).labels[4, 4] == 0


def test_pngs_have_no_boxes(tmp_path):
    codes = np.zeros(SIZE, np.uint8)
    codes[1, 2] = 2
    Image.fromarray(codes).save(tmp_path / "a.png")
    maps = read_sparse_maps(tmp_path / "a.png", ignore_index=IGNORE)
    assert maps.labels[1, 2] == 0
    assert (maps.boxes == IGNORE).all()
    assert np.array_equal(read_sparse_labels(tmp_path / "a.png", ignore_index=IGNORE), maps.labels)


def test_drawing_equals_reading(read):
    drawn = draw_maps([item for item in PAGE.values() if not isinstance(item, Tracks)], ignore_index=IGNORE)
    assert np.array_equal(drawn.labels, read(PAGE).labels)


SMALL = PointLabels(xy=[[1, 1]], labels=[1], size=(4, 4))


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        (
            {"object_1": clicks([[1, 1]], [True], label=None)},
            r"a\.json: items\['object_1'\]: meta.label: .*nothing",
        ),
        ({"object_1": clicks([[1, 1]], [True], label="cat")}, r"meta.label: expected the class id.*got 'cat'"),
        (clicks([[1, 1]], [True], label=-1), r"a\.json: meta.label: .*got -1"),
        ({"boxes": boxes([[1, 1, 3, 3]], [0])}, r"items\['boxes'\]: Boxes.labels: entry 0 is 0, background"),
        ([points([[1, 1]], [1]), SMALL], r"items\[1\]: size is \(4, 4\), .* before it \(12, 16\)"),
        ({"tracks": PAGE["tracks"]}, r"a\.json: holds nothing that labels an image"),
        ({}, r"a\.json: holds nothing that labels an image"),
        (points([[1, 1]], [IGNORE]), r"a\.json: fill=255 is also a class of this PointLabels"),
        ({"boxes": boxes([[1, 1, 3, 3]], [IGNORE])}, r"a\.json: fill=255 is also a class of this Boxes"),
    ],
)
def test_what_makes_no_sense_is_refused_by_file_and_entry(read, annotations, message):
    with pytest.raises(UserError, match=message):
        read(annotations)


def test_a_giant_size_is_refused_before_memory_is_taken(tmp_path):
    record = {"format": "sparsevision-annotation", "version": 1, "type": "point_labels", "labels": [1], "xy": [[1, 1]]}
    (tmp_path / "a.json").write_text(json.dumps({**record, "size": [2**20, 2**20]}))
    with pytest.raises(UserError, match=r"a\.json: size: 1048576 x 1048576 pixels or points"):
        read_sparse_labels(tmp_path / "a.json", ignore_index=IGNORE)
    within_memory((2**13, 2**13))


@pytest.fixture
def sample(tmp_path):
    """An image and the path where its annotation file would lie."""
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / "photo.png")
    return LoadImage()({"img_path": str(tmp_path / "photo.png"), "sparse_path": str(tmp_path / "a.json")})


def test_the_transform_gives_both_maps(sample):
    save_annotations(sample["sparse_path"], PAGE)
    results = LoadSparseLabels(point_side=3, num_classes=3)(sample)
    maps = read_sparse_maps(sample["sparse_path"], ignore_index=IGNORE, point_side=3)
    assert np.array_equal(results["sparse_sem_seg"], maps.labels)
    assert np.array_equal(results["box_sem_seg"], maps.boxes)
    partial = LoadSparseLabels(boxes_complete=False)(sample)
    assert partial["sparse_sem_seg"][0, 0] == IGNORE


@pytest.mark.parametrize("item", [points([[1, 1]], [5]), boxes([[1, 1, 3, 3]], [5])])
def test_an_unknown_class_is_named_where_it_is_read(sample, item):
    save_annotations(sample["sparse_path"], item)
    with pytest.raises(UserError, match=r"a\.json: holds class 5, but the model knows the classes 0 to 1"):
        LoadSparseLabels(num_classes=2)(sample)


def test_labels_of_another_image_are_refused_before_they_are_drawn(sample):
    save_annotations(sample["sparse_path"], PointLabels(xy=[[1, 1]], labels=[1], size=(2**20, 2**20)))
    with pytest.raises(UserError, match=r"a\.json: 1048576x1048576 pixels.*photo\.png has 16x12"):
        LoadSparseLabels()(sample)


def test_even_squares_are_refused_at_once():
    with pytest.raises(UserError, match="point_side=4; expected an odd number"):
        LoadSparseLabels(point_side=4)
