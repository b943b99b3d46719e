"""The small parts beneath the types: rasters, archives, checks."""

import itertools
import struct
import tracemalloc

import cv2
import numpy as np
import pytest

from sparsevision.annotation import AnnotationError
from sparsevision.annotation.checks import frame_size, plain_json
from sparsevision.annotation.files import read_bytes
from sparsevision.annotation.formats.data_set import image_size
from sparsevision.annotation.npz import pack_arrays, unpack_arrays
from sparsevision.annotation.raster import box_mask, pixel_of, square_mask, stroke_mask, stroke_patch
from sparsevision.annotation.regions import components, depth_squared


def test_locations_belong_to_the_nearest_pixel_halves_up():
    xy = np.array([[0.49, 0.5], [-0.5, 3.49], [np.nextafter(0.5, 0), 1.5]])
    rows, columns = pixel_of(xy, (4, 5))
    assert rows.tolist() == [1, 3, 2]
    assert columns.tolist()[:2] == [0, 0]
    assert pixel_of(np.array([[np.nextafter(0.5, 0), 0]]), (1, 1))[1].tolist() == [0], "rounding never leaves the image"


def test_squares_and_boxes_index_pixels():
    image = np.zeros((6, 7), dtype=int)
    image[square_mask(0, 6, 3, image.shape)] += 1
    image[box_mask(np.array([1, 2, 4, 5]), image.shape)] += 2
    assert image.sum() == 4 + 2 * 9
    assert (image[2:5, 1:4] == 2).all()


def test_a_dot_and_a_brush():
    dot = np.array([[2.0, 2.0]])
    assert stroke_mask(dot, 1, (5, 5)).sum() == 1
    assert stroke_mask(dot, 2, (5, 5)).sum() == 5
    assert stroke_mask(dot, 3, (5, 5)).sum() == 9


@pytest.mark.parametrize("shape", [(1, 1), (30, 20), (200, 90)])
def test_a_stroke_is_drawn_in_a_window_as_large_as_needed(shape):
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    for width in (1, 2, 3.7, 9):
        line = rng.uniform(-0.5, np.array(shape[::-1]) - 0.5, (3, 2))
        line[0] = -0.5
        (down, across), patch = stroke_patch(line, width, shape)
        expected = np.zeros(shape, dtype=bool)
        expected[pixel_of(line, shape)] = True
        for start, end in itertools.pairwise(line):
            way = end - start
            share = ((columns - start[0]) * way[0] + (rows - start[1]) * way[1]) / (way @ way)
            x, y = (start[axis] + np.clip(share, 0, 1) * way[axis] for axis in (0, 1))
            expected |= np.hypot(columns - x, rows - y) <= width / 2
        assert np.array_equal(expected[down, across], patch)
        assert expected.sum() == patch.sum()
    (down, across), patch = stroke_patch(np.array([[70.0, 5.0]]), 3, (200, 90))
    assert (patch.shape, patch.sum()) == ((5, 5), 9)


def test_archives_come_back():
    arrays = {"a": np.arange(6).reshape(2, 3), "b": np.array([0.5]), "c": np.asfortranarray(np.ones((2, 2)))}
    back = unpack_arrays(pack_arrays(arrays), max_bytes=10_000)
    assert set(back) == set(arrays)
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)


def test_checks_make_plain_values():
    assert frame_size(np.array([4, 5]), field="size") == (4, 5)
    assert plain_json((np.float32(0.5), {"a": None}), field="meta") == [0.5, {"a": None}]
    with pytest.raises(AnnotationError, match=r"meta.a: expected plain JSON"):
        plain_json({"a": {1, 2}}, field="meta")


def test_components_largest_first_and_depth():
    mask = np.zeros((6, 8), dtype=bool)
    mask[0, 0] = mask[1, 1] = True
    mask[3:6, 3:8] = True
    first, second = components(np.flatnonzero(mask), mask.shape)
    assert (len(first), len(second)) == (15, 2)
    assert depth_squared(mask)[4, 3:8].tolist() == [1, 4, 4, 4, 1]


def test_a_small_file_takes_little_memory_whatever_is_allowed(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    tracemalloc.start()
    assert read_bytes(tmp_path / "a", max_bytes=2**32) == b"abc"
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    with pytest.raises(AnnotationError, match="too large for annotations"):
        read_bytes(tmp_path / "a", max_bytes=2)


def test_the_size_of_an_image_is_found_without_unpacking_a_png(tmp_path):
    head = struct.pack(">I4sIIBBBBB", 13, b"IHDR", 30_000, 20_000, 8, 0, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head)
    assert image_size(tmp_path / "bomb.png") == (20_000, 30_000)
    for suffix in ("png", "jpg", "bmp"):
        cv2.imwrite(str(tmp_path / f"a.{suffix}"), np.zeros((5, 9, 3), np.uint8))
        assert image_size(tmp_path / f"a.{suffix}") == (5, 9)
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    with pytest.raises(AnnotationError, match=r"bad\.jpg: not an image"):
        image_size(tmp_path / "bad.jpg")
