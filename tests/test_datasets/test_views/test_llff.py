"""Scenes in LLFF's layout: the golden scene, real ones where they are at hand, and what goes wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sparsevision.datasets.views import llff
from sparsevision.datasets.views.colmap import read_model, write_model
from sparsevision.datasets.views.files import find_by_name, list_images
from sparsevision.datasets.views.images import read_images, shrink_images
from sparsevision.datasets.views.llff import load_llff
from sparsevision.datasets.views.pose_bounds import pose_bounds_of_model, read_pose_bounds, write_pose_bounds
from sparsevision.utils import UserError

REAL = json.loads(
    (Path(__file__).resolve().parents[2] / "golden/spin_nerf/real_scenes.json").read_text(encoding="utf-8")
)


def test_the_golden_scene(scene_folder, golden_scene):
    scene = load_llff(scene_folder, factor=4)
    np.testing.assert_allclose(scene.hwf_poses, golden_scene["poses"], atol=1e-5)
    np.testing.assert_allclose(scene.bounds, golden_scene["bounds"], atol=1e-5)
    np.testing.assert_allclose(scene.render_poses[::10], golden_scene["render_poses"][:, :, :4], atol=1e-4)
    assert scene.reference == golden_scene["i_test"]
    assert scene.image_names == tuple(f"img_{index:02d}" for index in range(9))
    np.testing.assert_array_equal(read_images(scene), golden_scene["images_prepare"])
    np.testing.assert_array_equal(read_images(scene, "lama_images"), golden_scene["images_inpainted"])
    assert (scene.near, scene.far) == (pytest.approx(1.2), scene.bounds.max())


@pytest.mark.parametrize(("name", "factor"), [("statue", 2), ("statue", 8), ("fern", 8), ("spinnerf_1", 16)])
def test_real_scenes(shared_folder, name, factor):
    folder = shared_folder(f"nerf/{name}")
    expected = REAL[f"llff_{name.replace('_', '')}_f{factor}_prepare"]
    scene = load_llff(folder, factor=factor)
    images = read_images(scene)
    assert list(images.shape) == expected["images"]
    assert images.mean() / 255 == pytest.approx(expected["img_mean"], abs=1e-3)
    assert (scene.near, scene.far) == (
        pytest.approx(expected["near"], abs=1e-4),
        pytest.approx(expected["far"], abs=1e-4),
    )
    assert scene.reference == expected["i_test"]
    np.testing.assert_allclose(scene.hwf_poses[0, :, 4], expected["hwf"], atol=1e-4)
    np.testing.assert_allclose(scene.poses[[0, -1]], [expected["pose0"], expected["pose_last"]], atol=1e-4)
    paths = [np.array(expected[f"render_pose{index}"])[:, :4] for index in (0, 60)]
    np.testing.assert_allclose(scene.render_poses[[0, 60]], paths, atol=1e-4)
    assert list(scene.render_poses.shape[:1]) == expected["render_poses"][:1]


@pytest.mark.parametrize("name", ["statue", "fern"])
def test_bounds_from_colmap_are_those_of_the_pose_file(shared_folder, name):
    folder = shared_folder(f"nerf/{name}")
    found, expected = pose_bounds_of_model(read_model(folder)), read_pose_bounds(folder / "poses_bounds.npy")
    np.testing.assert_allclose(found.bounds, expected.bounds, rtol=1e-12)
    np.testing.assert_allclose(found.poses, expected.poses, atol=1e-9)


def test_the_fixed_preset_takes_the_lens_from_colmap(scene_folder):
    scene = load_llff(scene_folder, factor=4, preset="fixed")
    camera = scene.camera(0)
    assert (camera.fx, camera.cx, camera.cy) == (pytest.approx(46.48), 28, 20)
    assert camera.distortion == (0.02, 0, 0, 0)
    assert load_llff(scene_folder, factor=4).camera(0).distortion == ()


def test_the_fixed_preset_scales_the_focal_length_by_the_sizes(scene_folder):
    (scene_folder / "sparse" / "0" / "images.bin").unlink()
    small = scene_folder / "images_4"
    for path in list_images(small):
        Image.open(path).resize((55, 40)).save(path)
    published, fixed = (load_llff(scene_folder, factor=4, preset=preset).camera(0) for preset in ("published", "fixed"))
    assert published.fx == published.fy == fixed.fy
    assert fixed.fx == pytest.approx(published.fx * 55 / 56)


def test_images_of_the_factor_are_made(scene_folder):
    shrink_images(scene_folder / "images_4", scene_folder / "images_8", factor=2)
    scene = load_llff(scene_folder, factor=8)
    assert (scene.camera(0).height, scene.camera(0).width) == (20, 28)
    load_llff(scene_folder, factor=2.5)
    with Image.open(find_by_name(scene_folder / "images_2.5", "img_00")) as image:
        assert image.size == (22, 16)
    assert not list(scene_folder.glob(".*"))


def test_a_damaged_image_leaves_no_folder_of_small_ones(scene_folder):
    path = scene_folder / "images" / "img_08.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"img_08.png: the image is damaged or cut off"):
        load_llff(scene_folder, factor=2)
    assert not (scene_folder / "images_2").exists()
    assert not list(scene_folder.glob(".*"))


def test_cameras_come_from_colmap_without_a_pose_file(scene_folder, golden_scene):
    (scene_folder / "poses_bounds.npy").unlink()
    scene = load_llff(scene_folder, factor=4)
    assert scene.reference == golden_scene["i_test"]
    write_pose_bounds(scene_folder / "poses_bounds.npy", pose_bounds_of_model(read_model(scene_folder)))
    again = load_llff(scene_folder, factor=4)
    np.testing.assert_allclose(again.hwf_poses, scene.hwf_poses, atol=1e-12)


def test_a_pose_file_of_another_length(scene_folder, golden_scene):
    np.save(scene_folder / "poses_bounds.npy", golden_scene["poses_bounds"][:7])
    with pytest.raises(UserError, match=r"7 poses for the 9 images of .*images_4"):
        load_llff(scene_folder, factor=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table[:, :16], r"holds float64 \(9, 16\); expected 17"),
        (lambda table: np.where(np.arange(17) == 4, np.nan, table), "row 0 holds numbers that are not finite"),
        (lambda table: np.where(np.arange(17) == 15, -1, table), "row 0: the bounds are -1"),
        (lambda table: np.array([{}], dtype=object), "cannot be read as an array"),
    ],
)
def test_a_wrong_pose_file(scene_folder, golden_scene, change, message):
    np.save(scene_folder / "poses_bounds.npy", change(golden_scene["poses_bounds"]))
    with pytest.raises(UserError, match=message):
        load_llff(scene_folder, factor=4)


def test_a_cut_off_pose_file(scene_folder):
    path = scene_folder / "poses_bounds.npy"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match=r"poses_bounds.npy: cannot be read as an array"):
        load_llff(scene_folder, factor=4)


def test_no_poses_at_all(scene_folder):
    (scene_folder / "poses_bounds.npy").unlink()
    (scene_folder / "sparse/0/points3D.bin").unlink()
    with pytest.raises(UserError, match="no such file, and no COLMAP model"):
        load_llff(scene_folder, factor=4)


def test_colmap_lacks_a_view(scene_folder):
    (scene_folder / "poses_bounds.npy").unlink()
    model = read_model(scene_folder)
    del model.images[3]
    write_model(model, scene_folder / "sparse" / "0")
    with pytest.raises(UserError, match=r"has no image called 'img_02' \(1 of 9"):
        load_llff(scene_folder, factor=4)


def test_images_of_several_sizes(scene_folder):
    path = scene_folder / "images_4" / "img_05.png"
    Image.open(path).resize((40, 56)).save(path)
    with pytest.raises(UserError, match=r"img_05.png: is 40x56, but img_00.png 56x40"):
        load_llff(scene_folder, factor=4)


@pytest.mark.parametrize("factor", [0, -2, 0.5, float("nan")])
def test_a_factor_that_is_none(scene_folder, factor):
    with pytest.raises(UserError, match="expected 1"):
        load_llff(scene_folder, factor=factor)


def test_pickled_depths_are_not_read(scene_folder, monkeypatch):
    told = []
    monkeypatch.setattr(llff, "print_log", lambda message, logger: told.append(message))
    np.save(scene_folder / "colmap_depth.npy", np.array([{"depth": 1}], dtype=object))
    load_llff(scene_folder, factor=4)
    assert len(told) == 1
    assert "is not read, since it holds pickled" in told[0]
