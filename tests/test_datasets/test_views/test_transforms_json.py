"""nerfstudio's list of views: there and back, lenses, masks, depths, and what goes wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden_views import scene_points
from PIL import Image

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.disparities import read_depths, read_raw_depth
from sparsevision.datasets.views.keypoints import keypoint_depths
from sparsevision.datasets.views.labels import read_labels
from sparsevision.datasets.views.llff import load_llff
from sparsevision.datasets.views.transforms_json import load_transforms
from sparsevision.datasets.views.transforms_writer import original_poses, write_transforms
from sparsevision.utils import UserError


@pytest.fixture
def listed(scene_folder) -> Path:
    """A scene's folder with a list of its views."""
    write_transforms(load_llff(scene_folder, factor=4, num_test=2, preset="fixed"), scene_folder / "transforms.json")
    return scene_folder


def edit(folder: Path, change) -> None:
    path = folder / "transforms.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_scene_comes_back_as_it_was(listed):
    before, after = load_llff(listed, factor=4, num_test=2, preset="fixed"), load_transforms(listed)
    np.testing.assert_allclose(after.poses, before.poses, atol=1e-9)
    np.testing.assert_allclose(after.bounds, before.bounds, atol=1e-9)
    np.testing.assert_allclose(after.world_to_scene, before.world_to_scene, atol=1e-9)
    assert after.image_names == before.image_names
    assert (after.num_test, after.reference) == (2, before.reference)
    camera = before.camera(0)
    assert after.camera(0).distortion == camera.distortion == (0.02, 0, 0, 0)
    assert after.camera(0).fx == pytest.approx(camera.fx)


def test_original_poses_are_those_of_the_pose_file(listed, golden_scene):
    centres = original_poses(load_llff(listed, factor=4))[:, :, 3]
    np.testing.assert_allclose(centres, golden_scene["poses_bounds"][:, :15].reshape(-1, 3, 5)[:, :, 3], atol=1e-9)


def test_paths_are_relative_to_the_list(listed):
    content = json.loads((listed / "transforms.json").read_text())
    assert content["frames"][0]["file_path"] == "images_4/img_00.png"
    assert content["test_filenames"] == ["images_4/img_00.png", "images_4/img_01.png"]
    assert content["camera_model"] == "OPENCV"
    assert "fl_x" not in content["frames"][0]
    write_transforms(load_llff(listed, factor=4), listed / "lists" / "transforms.json")
    assert load_transforms(listed / "lists").image_files[0].resolve() == listed / "images_4" / "img_00.png"


def test_smaller_images_are_made_beside(listed):
    scene = load_transforms(listed, factor=2)
    assert scene.image_folder.name == "images_4_2"
    assert (scene.camera(0).height, scene.camera(0).width) == (20, 28)
    assert scene.camera(0).cx == pytest.approx(14)


def test_each_frame_may_have_a_lens_of_its_own(listed):
    edit(listed, lambda content: content["frames"][3].update(fl_x=50.0, k1=0.5))
    scene = load_transforms(listed)
    assert (scene.camera(3).fx, scene.camera(3).distortion[0]) == (50, 0.5)
    assert scene.camera(2).distortion[0] == 0.02
    write_transforms(scene, listed / "transforms.json")
    assert load_transforms(listed).camera(3) == scene.camera(3)


def test_a_field_of_view_gives_the_focal_length(listed):
    def change(content):
        for key in ("fl_x", "fl_y", "k1", "w", "h", "cx", "cy"):
            del content[key]
        content["camera_angle_x"] = np.pi / 2
        for frame in content["frames"]:
            frame["file_path"] = frame["file_path"].removesuffix(".png")

    edit(listed, change)
    camera = load_transforms(listed).camera(0)
    assert (camera.fx, camera.fy, camera.cx) == (pytest.approx(28), pytest.approx(28), 28)


def test_masks_are_of_what_to_keep(listed, golden_scene):
    scene = load_llff(listed, factor=4)
    labels = read_labels(scene)
    files = []
    for name, label in zip(scene.image_names, labels, strict=True):
        files.append(listed / "masks" / f"{name}.png" if (label >= 0).all() else None)
        if files[-1]:
            write_png(files[-1], np.where(label > 0, 0, 255))
    write_transforms(scene, listed / "lists" / "transforms.json", mask_files=files)
    for path in (listed / "images_4" / "label").iterdir():
        path.unlink()
    (listed / "images_4" / "label").rmdir()
    np.testing.assert_array_equal(read_labels(load_transforms(listed / "lists")), labels)


def test_depths_are_scaled_as_the_scene(listed):
    raw = np.arange(40 * 56, dtype=np.uint16).reshape(40, 56)
    files = [listed / "depths" / f"{index}.png" for index in range(9)]
    (listed / "depths").mkdir()
    for path in files:
        Image.fromarray(raw).save(path)
    write_transforms(load_llff(listed, factor=4), listed / "transforms.json", depth_files=files)
    scene = load_transforms(listed)
    np.testing.assert_allclose(read_depths(scene)[4], raw * 0.001 * scene.scale, rtol=1e-5)
    np.testing.assert_allclose(read_raw_depth(files[0], 0.5), raw * 0.5)
    with pytest.raises(UserError, match="names no depth files"):
        read_depths(load_llff(listed, factor=4))


def without_bounds(content) -> None:
    for frame in content["frames"]:
        del frame["near"], frame["far"]


def test_bounds_come_from_colmap_or_are_given(listed):
    edit(listed, without_bounds)
    points = scene_points(load_transforms(listed))
    assert np.isfinite(points).all()
    (listed / "sparse/0/points3D.bin").unlink()
    with pytest.raises(UserError, match="nothing tells how far the scene is"):
        load_transforms(listed)
    scene = load_transforms(listed, bounds=(20.0, 100.0))
    assert scene.far == pytest.approx(100 / 20 / 0.75)


def test_bounds_come_from_depth_files(listed):
    (listed / "sparse/0/points3D.bin").unlink()
    depth = np.linspace(0, 50, 40 * 56, dtype=np.float32).reshape(40, 56)  # metres, so the unit is 1
    files = [listed / f"{index}.npy" for index in range(9)]
    for path in files:
        np.save(path, depth)
    write_transforms(load_llff(listed, factor=4), listed / "transforms.json", depth_files=files)
    edit(listed, without_bounds)
    edit(listed, lambda content: content.update(depth_unit_scale_factor=1.0))
    scene = load_transforms(listed)
    assert scene.bounds[0, 1] / scene.scale == pytest.approx(np.percentile(depth[depth > 0], 99.9))
    np.save(files[3], np.zeros_like(depth))
    with pytest.raises(UserError, match=rf"{files[3].name}: knows no depth"):
        load_transforms(listed)


def test_what_nerfstudio_did_to_the_world_is_undone_for_colmap(listed):
    before = scene_points(load_transforms(listed))
    turn = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0]])

    def change(content):
        content["applied_transform"], content["applied_scale"] = turn.tolist(), 0.5
        for frame in content["frames"]:
            pose = np.array(frame["transform_matrix"])
            pose[:3] = turn[:, :3] @ pose[:3]
            pose[:3, 3] *= 0.5
            frame["transform_matrix"] = pose.tolist()
            frame["near"], frame["far"] = frame["near"] / 2, frame["far"] / 2

    keys = keypoint_depths(load_transforms(listed))[3]
    edit(listed, change)
    scene = load_transforms(listed)
    np.testing.assert_allclose(scene_points(scene), before, atol=1e-9)
    np.testing.assert_allclose(keypoint_depths(scene)[3].depth, keys.depth, atol=1e-9)
    write_transforms(scene, listed / "transforms.json")
    np.testing.assert_allclose(scene_points(load_transforms(listed)), before, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("frames"), "a list 'frames' of at least one view"),
        (lambda content: content["frames"][2].pop("file_path"), "frame 2: 'file_path', the image, is missing"),
        (lambda content: content["frames"][2].update(file_path="gone.png"), "file_path 'gone.png': there is no such"),
        (
            lambda content: content["frames"][2].update(transform_matrix=[[1]]),
            "'images_4/img_02.png': transform_matrix",
        ),
        (lambda content: content["frames"][2].update(transform_matrix="x"), "transform_matrix is no pose"),
        (lambda content: content.update(camera_model="OPENCV_FISHEYE"), "the lens 'OPENCV_FISHEYE' is not known"),
        (lambda content: content.update(k3=0.1), "with k3 is not known"),
        (lambda content: content.pop("fl_x"), "neither fl_x nor camera_angle_x"),
        (lambda content: content["frames"][1].update(near=-1), "not 0 < near < far"),
        (lambda content: content["frames"][1].update(near="x"), "frame 1: near is 'x'; expected a number"),
        (lambda content: content.update(fl_x=None), "the list: fl_x is None; expected a number"),
        (lambda content: content["frames"][1].update(mask_path=3), "frame 1: mask_path is 3; expected a text"),
        (lambda content: content.update(h=0), r"'images_4/img_00.png': .*no camera"),
        (lambda content: content.update(applied_transform=[[1, 2], 3]), "applied_transform or applied_scale: expected"),
        (lambda content: content["frames"][1].update(file_path="images_4/img_00.png"), "have the same name"),
        (lambda content: content["frames"][1].update(file_path="images/img_01.png"), "in several folders"),
    ],
)
def test_a_wrong_list_is_told(listed, change, message):
    edit(listed, change)
    with pytest.raises(UserError, match=message):
        load_transforms(listed)


def test_a_cut_off_list(listed):
    path = listed / "transforms.json"
    path.write_text(path.read_text()[:500])
    with pytest.raises(UserError, match="is no JSON"):
        load_transforms(listed)
    with pytest.raises(UserError, match="no such file"):
        load_transforms(listed / "images")
