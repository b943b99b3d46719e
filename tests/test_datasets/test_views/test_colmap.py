"""COLMAP models: both forms there and back, ids in any order, damaged files."""

import dataclasses

import numpy as np
import pytest
from colmap_model import small_model

from sparsevision.datasets.views.colmap import Camera, find_model, read_model, write_model
from sparsevision.utils import UserError


def assert_same(one, other) -> None:
    if dataclasses.is_dataclass(one):
        assert type(one) is type(other)
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key, value in one.items():
            assert_same(value, other[key])
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("as_text", [False, True])
def test_a_model_comes_back_as_it_was(tmp_path, as_text):
    write_model(small_model(), tmp_path / "sparse" / "0", as_text=as_text)
    assert find_model(tmp_path) == tmp_path / "sparse" / "0"
    assert_same(read_model(tmp_path), small_model())


def test_points_are_found_by_their_ids():
    points = small_model().points
    assert points.rows(np.array([70, 3, 2, 999])).tolist() == [2, -1, 0, -1]
    assert [image.id for image in small_model().by_name()] == [9, 2]


def test_a_pose_turns_the_world_into_the_camera_and_back():
    image = small_model().images[9]
    point = np.array([0.3, -0.2, 1.5])
    pose = image.pose
    seen = pose[:, :3].T @ (point - pose[:, 3])  # right, up, back
    np.testing.assert_allclose(seen * (1, -1, -1), image.rotation @ point + image.translation, atol=1e-12)
    np.testing.assert_allclose(image.depths(point[None])[0], -seen[2], atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(image.rotation), 1, atol=1e-12)


@pytest.mark.parametrize(
    ("lens", "params", "expected"),
    [
        ("SIMPLE_PINHOLE", (9, 1, 2), (9, 9, 1, 2, ())),
        ("PINHOLE", (9, 8, 1, 2), (9, 8, 1, 2, ())),
        ("SIMPLE_RADIAL", (9, 1, 2, 0.5), (9, 9, 1, 2, (0.5, 0, 0, 0))),
        ("RADIAL", (9, 1, 2, 0.5, 0.25), (9, 9, 1, 2, (0.5, 0.25, 0, 0))),
        ("OPENCV", (9, 8, 1, 2, 0.5, 0.25, 0.1, 0.2), (9, 8, 1, 2, (0.5, 0.25, 0.1, 0.2))),
    ],
)
def test_lens_models(lens, params, expected):
    camera = Camera(1, lens, 20, 10, params).intrinsics
    assert (camera.fx, camera.fy, camera.cx, camera.cy, camera.distortion) == expected


def test_an_unknown_lens_model_is_named(tmp_path):
    with pytest.raises(UserError, match="'FULL_OPENCV' is not known; expected SIMPLE_PINHOLE"):
        Camera(1, "FULL_OPENCV", 2, 2, ())
    write_model(small_model(), tmp_path)
    data = bytearray((tmp_path / "cameras.bin").read_bytes())
    data[12] = 6
    (tmp_path / "cameras.bin").write_bytes(data)
    with pytest.raises(UserError, match=r"cameras.bin: camera 3 has lens model 6"):
        read_model(tmp_path)


@pytest.mark.parametrize("part", ["cameras", "images", "points3D"])
@pytest.mark.parametrize("kept", [0, 7, 30, -3])
def test_a_cut_off_file_is_named(tmp_path, part, kept):
    write_model(small_model(), tmp_path)
    path = tmp_path / f"{part}.bin"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=f"{part}.bin: the file is cut off"):
        read_model(tmp_path)


def test_bytes_too_many_are_told(tmp_path):
    write_model(small_model(), tmp_path)
    path = tmp_path / "images.bin"
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(UserError, match="4 bytes too many"):
        read_model(tmp_path)


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("cameras", "1 PINHOLE 20 10 5.0 x 1 1\n", "cameras.txt: line 1: not as COLMAP writes it"),
        ("cameras", "1 PINHOLE 20 10 5.0\n", "line 1: camera 1: PINHOLE has 4 parameters, here are 1"),
        ("images", "1 1 0 0 0 0 0 0 1 a.jpg\n", "images.txt: line 1: the line with the image's key points is missing"),
        ("images", "1 1 0 0 0 0 0 0 1 a.jpg\n1 2\n", "line 1: not as COLMAP writes it"),
        ("images", "1 1 0 0 0 0 0 0 5 a.jpg\n\n", "of camera 5, which is not there"),
        ("points3D", "1 0 0 0 1 2 3\n", "points3D.txt: line 1"),
    ],
)
def test_a_damaged_text_file_is_named_with_its_line(tmp_path, part, content, message):
    write_model(small_model(), tmp_path, as_text=True)
    (tmp_path / f"{part}.txt").write_text(content)
    with pytest.raises(UserError, match=message):
        read_model(tmp_path)


def test_no_model(tmp_path):
    assert find_model(tmp_path) is None
    with pytest.raises(UserError, match="no COLMAP model; expected cameras, images and points3D"):
        read_model(tmp_path)
