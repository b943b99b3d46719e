"""Disparities and the depths of key points: golden numbers, pairing by names, damaged files."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden_views import golden_model, scene_points

from sparsevision.datasets.views import disparities
from sparsevision.datasets.views.colmap import read_model, write_model
from sparsevision.datasets.views.disparities import read_disparities, write_disparities
from sparsevision.datasets.views.keypoints import keypoint_depths
from sparsevision.datasets.views.llff import load_llff
from sparsevision.datasets.views.pairing import pair_cameras
from sparsevision.utils import UserError

REAL = Path(__file__).resolve().parents[2] / "golden" / "spin_nerf" / "real_scenes.json"


def test_the_golden_disparities(scene_folder, golden_scene):
    found = read_disparities(load_llff(scene_folder, factor=4))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, golden_scene["disparity_prior"], atol=1e-6)


def test_floats_come_first_and_come_back(scene_folder, golden_scene):
    scene = load_llff(scene_folder, factor=4)
    exact = np.random.default_rng(0).random((9, 40, 56), np.float32)
    exact[4] = np.nan
    write_disparities(scene, exact)
    found = read_disparities(scene)
    np.testing.assert_array_equal(found, exact)
    for path in (scene.image_folder / "depth").glob("*.npy"):
        path.unlink()
    np.testing.assert_allclose(read_disparities(scene)[0], exact[0], atol=1 / 255)


def test_disparities_of_another_size_and_missing_ones(scene_folder, golden_scene, monkeypatch):
    told = []
    monkeypatch.setattr(disparities, "print_log", lambda text, logger: told.append(text))
    folder = scene_folder / "images_4" / "depth"
    np.save(folder / "img_02.npy", np.full((20, 28), 0.25, np.float32))
    (folder / "img003.png").unlink()
    found = read_disparities(load_llff(scene_folder, factor=4))
    assert (found[2] == 0.25).all()
    assert np.isnan(found[3]).all()
    assert "1 of 9 views have no disparity: img_03" in told[0]


@pytest.mark.parametrize(
    "wrong", [np.full((40, 56), np.nan), np.full((40, 56), -1.0), np.zeros((40, 56, 3)), np.zeros((40, 56), complex)]
)
def test_a_wrong_disparity(scene_folder, wrong):
    np.save(scene_folder / "images_4" / "depth" / "img_02.npy", wrong)
    with pytest.raises(UserError, match=r"img_02.npy: holds .* expected finite numbers of 0 or more"):
        read_disparities(load_llff(scene_folder, factor=4))


def test_a_cut_off_disparity(scene_folder):
    path = scene_folder / "images_4" / "depth" / "img_02.npy"
    np.save(path, np.zeros((40, 56)))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match=r"img_02.npy: cannot be read as an array"):
        read_disparities(load_llff(scene_folder, factor=4))


def test_no_disparity(scene_folder):
    with pytest.raises(UserError, match=r"images_4/nothing: holds no disparity; expected <name>.npy"):
        read_disparities(load_llff(scene_folder, factor=4), "nothing")


def assert_golden(points, golden_scene) -> None:
    assert [len(own.depth) for own in points] == golden_scene["depth_counts"].tolist()
    for field, key in (("depth", "depth_values"), ("xy", "depth_xy"), ("weight", "depth_weights")):
        np.testing.assert_allclose(
            np.concatenate([getattr(own, field) for own in points]), golden_scene[key], rtol=1e-6, atol=1e-6
        )


def test_the_golden_key_points(scene_folder, golden_scene):
    assert_golden(keypoint_depths(load_llff(scene_folder, factor=4)), golden_scene)


def test_ids_in_any_order_and_with_gaps_change_nothing(scene_folder, golden_scene):
    model = golden_model(golden_scene, ids=[40, 7, 12, 3, 99, 1, 25, 2, 1000])
    write_model(model, scene_folder / "sparse" / "0")
    assert_golden(keypoint_depths(load_llff(scene_folder, factor=4)), golden_scene)


def test_a_view_that_colmap_lacks_has_no_key_points(scene_folder, golden_scene):
    model = golden_model(golden_scene)
    del model.images[4]
    points = keypoint_depths(load_llff(scene_folder, factor=4), model)
    assert len(points[3].depth) == 0
    assert len(points[4].depth) == golden_scene["depth_counts"][4]


def test_poses_of_another_model_are_told(scene_folder, golden_scene):
    table = golden_scene["poses_bounds"].copy()
    table[[2, 3]] = table[[3, 2]]
    np.save(scene_folder / "poses_bounds.npy", table)
    scene = load_llff(scene_folder, factor=4)
    with pytest.raises(UserError, match=r"view 'img_02' and COLMAP's image 'img_02.png' are not at the same place"):
        keypoint_depths(scene)


def test_views_with_other_names_are_paired_by_the_places_of_the_cameras(scene_folder, golden_scene):
    for path in sorted((scene_folder / "images_4").glob("*.png")):
        path.rename(path.with_stem(path.stem.replace("img_", "view")))
    scene = load_llff(scene_folder, factor=4)
    model = golden_model(golden_scene, ids=[4, 7, 1, 3, 9, 2, 5, 6, 8])
    images = pair_cameras(scene, model)
    assert [image.name for image in images] == [f"img_{index:02d}.png" for index in range(9)]
    model.images[7].translation[:] += 5
    with pytest.raises(UserError, match=r"is called like a view .* do not stand at the same places either"):
        pair_cameras(scene, model)


def test_the_fixed_preset_scales_key_points_by_the_sizes(scene_folder, golden_scene):
    scene = load_llff(scene_folder, factor=4)
    same = keypoint_depths(scene, preset="fixed")
    np.testing.assert_allclose(np.concatenate([own.xy for own in same]), golden_scene["depth_xy"], rtol=1e-6)
    with pytest.raises(UserError, match="'published' or 'fixed'"):
        keypoint_depths(scene, preset="other")


def test_points_in_the_frame_of_the_scene_have_the_depths_of_key_points(scene_folder, golden_scene):
    scene, model = load_llff(scene_folder, factor=4), golden_model(golden_scene)
    points = scene_points(scene, model)
    image = model.images[1]
    rows = model.points.rows(image.point_ids[image.point_ids > 0])
    pose = scene.poses[0]
    depth = -((points[rows] - pose[:, 3]) @ pose[:, 2])
    np.testing.assert_allclose(depth, image.depths(model.points.xyz[rows]) * scene.scale, atol=1e-6)


def test_points_of_a_real_scene_fall_on_their_key_points(shared_folder):
    folder = shared_folder("nerf/statue")
    scene, model = load_llff(folder, factor=2, preset="fixed"), read_model(folder)
    camera, pose, image = scene.camera(7), scene.poses[7], pair_cameras(scene, model)[7]
    known = image.point_ids >= 0
    points = scene_points(scene, model)[model.points.rows(image.point_ids[known])]
    x, y, z = ((points - pose[:, 3]) @ pose[:, :3]).T  # right, up, back
    projected = np.stack((camera.cx - camera.fx * x / z, camera.cy + camera.fy * y / z), axis=1)
    np.testing.assert_allclose(projected, image.xy[known] / 2, atol=1e-3)


@pytest.mark.parametrize(("name", "factor"), [("statue", 2), ("fern", 8)])
def test_key_points_of_real_scenes(shared_folder, name, factor):
    folder = shared_folder(f"nerf/{name}")
    expected = json.loads(REAL.read_text(encoding="utf-8"))[f"colmap_depth_{name}_f{factor}"]
    points = keypoint_depths(load_llff(folder, factor=factor), read_model(folder))
    assert [len(own.depth) for own in points] == expected["n"]
    np.testing.assert_allclose([own.depth.mean() for own in points], expected["depth_mean"], atol=1e-4)
    np.testing.assert_allclose([own.weight.mean() for own in points], expected["weight_mean"], atol=1e-4)
    np.testing.assert_allclose(points[0].xy[0], expected["first_coord"], atol=1e-4)
    assert points[0].depth[0] == pytest.approx(expected["first_depth"], abs=1e-4)
    assert points[0].weight[0] == pytest.approx(expected["first_weight"], abs=1e-4)
