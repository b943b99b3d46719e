"""tools/dataset_converters/transforms_json.py: to nerfstudio's list of views and back."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tool_runner import Finished, run_tool

from sparsevision.datasets.image_io import read_image, write_png
from sparsevision.datasets.views.colmap import read_model
from sparsevision.datasets.views.disparities import read_depths, read_disparities
from sparsevision.datasets.views.images import read_images
from sparsevision.datasets.views.keypoints import keypoint_depths
from sparsevision.datasets.views.labels import read_labels, read_test_labels
from sparsevision.datasets.views.layouts import load_scene
from sparsevision.datasets.views.prepare.listed import ListedScenes, cameras_only
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError


def convert(source: Path, out: Path, *more: object) -> Finished:
    return run_tool("dataset_converters/transforms_json.py", source, "--out", out, *more)


@pytest.fixture
def benchmark(scene_folder) -> Path:
    """The golden scene with two test views."""
    for index in (0, 1):
        (scene_folder / "images_4" / "label" / f"img_{index:02d}.png").unlink()
        mask = np.zeros((40, 56), np.uint8)
        mask[10:20, 20:30] = 255
        write_png(scene_folder / "images_4" / "test_label" / f"img_{index:02d}.png", mask)
    return scene_folder


def assert_same_scene(one: ViewScene, other: ViewScene) -> None:
    assert one.image_names == other.image_names
    assert one.num_test == other.num_test
    np.testing.assert_allclose(one.poses, other.poses, atol=1e-9)
    np.testing.assert_allclose(one.bounds, other.bounds, atol=1e-9)
    np.testing.assert_array_equal(read_images(one), read_images(other))
    np.testing.assert_array_equal(read_labels(one), read_labels(other))
    np.testing.assert_array_equal(read_test_labels(one), read_test_labels(other))
    np.testing.assert_allclose(keypoint_depths(one)[4].depth, keypoint_depths(other)[4].depth, atol=1e-9)
    for field in ("fx", "fy", "cx", "cy"):
        assert getattr(one.camera(3), field) == pytest.approx(getattr(other.camera(3), field))
    assert one.camera(3).distortion == other.camera(3).distortion


def test_there_and_back(benchmark, tmp_path):
    raw = load_scene(benchmark, factor=4, preset="fixed")
    finished = convert(benchmark, tmp_path / "studio", "--factor", 4, "--depth", "depth")
    assert finished.code == 0, finished.err
    listed = load_scene(tmp_path / "studio", factor=1)
    assert_same_scene(listed, raw)
    known = read_disparities(raw) > 0
    np.testing.assert_allclose((read_depths(listed) * read_disparities(raw))[known], 1, rtol=1e-5)
    assert (read_depths(listed)[~known] == 0).all()
    keep = read_image(tmp_path / "studio" / "masks" / "img_02.png")[:, :, 0]
    np.testing.assert_array_equal(keep == 0, read_labels(raw)[2] == 1)
    finished = convert(tmp_path / "studio", tmp_path / "back")
    assert finished.code == 0, finished.err
    back = load_scene(tmp_path / "back", factor=1, preset="fixed")
    assert_same_scene(back, replace(raw, factor=1))
    np.testing.assert_allclose(
        read_disparities(back, "sensor_disparity")[known], read_disparities(raw)[known], rtol=1e-5
    )


def test_verify_and_a_second_run(benchmark, tmp_path):
    convert(benchmark, tmp_path / "studio", "--factor", 4)
    assert "0 scenes written, 1 already there" in convert(benchmark, tmp_path / "studio", "--factor", 4).out
    assert convert(benchmark, tmp_path / "studio", "--factor", 4, "--verify").code == 0
    path = tmp_path / "studio" / "transforms.json"
    content = json.loads(path.read_text())
    content["frames"][0]["near"] *= 2
    path.write_text(json.dumps(content))
    finished = convert(benchmark, tmp_path / "studio", "--factor", 4, "--verify")
    assert finished.code == 1
    assert f"problem: scene: {path}: is not what the raw files give" in finished.out


def test_several_scenes(benchmark, tmp_path):
    shutil.copytree(benchmark, tmp_path / "scenes" / "one")
    shutil.copytree(benchmark, tmp_path / "scenes" / "two")
    finished = convert(tmp_path / "scenes", tmp_path / "out", "--factor", 4, "--scenes", "t*")
    assert finished.code == 0, finished.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["two"]


def test_without_a_model_the_lens_is_kept_as_cameras_only(benchmark, tmp_path):
    convert(benchmark, tmp_path / "studio", "--factor", 4)
    shutil.rmtree(tmp_path / "studio" / "colmap")
    finished = convert(tmp_path / "studio", tmp_path / "back")
    assert finished.code == 0, finished.err
    scene = load_scene(tmp_path / "back", factor=1, preset="fixed")
    assert scene.camera(2).distortion == (0.02, 0, 0, 0)
    assert [len(points.depth) for points in keypoint_depths(scene)] == [0] * 9
    model = cameras_only(scene)
    assert len(model.cameras) == len(read_model(tmp_path / "back").cameras) == 9


def test_a_split_that_names_cannot_tell_is_noted(benchmark, tmp_path):
    convert(benchmark, tmp_path / "studio", "--factor", 4)
    path = tmp_path / "studio" / "transforms.json"
    content = json.loads(path.read_text())
    shutil.rmtree(tmp_path / "studio" / "images" / "test_label")
    path.write_text(json.dumps(content))
    assert "nothing tells that 2 views are for testing" in convert(tmp_path / "studio", tmp_path / "back").out
    content["test_filenames"] = ["images/img_07.png"]
    path.write_text(json.dumps(content))
    finished = convert(tmp_path / "studio", tmp_path / "other")
    assert finished.code == 0, finished.err
    assert "test views are not the first by name" in finished.out
    assert load_scene(tmp_path / "other", factor=1).num_test == 0


def test_nothing_is_made_in_the_raw_scene(benchmark, tmp_path):
    finished = convert(benchmark, tmp_path / "studio", "--factor", 2, "--layout", "llff")
    assert finished.code == 2
    assert "has no images_2; take a --factor whose images are there" in finished.err
    assert not (benchmark / "images_2").exists()
    with pytest.raises(UserError, match="holds no scene"):
        ListedScenes(benchmark / "images_4", 1).folders(tmp_path)


def test_a_damaged_list(benchmark, tmp_path):
    (benchmark / "transforms.json").write_text("{")
    finished = convert(benchmark, tmp_path / "out")
    assert finished.code == 2
    assert "is no JSON" in finished.err
    assert not (tmp_path / "out").exists()
