"""tools/dataset_converters/spin_nerf.py: the benchmark's oddities, masks of MVSeg, NVOS, and what goes wrong."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from golden_views import golden_model
from tool_runner import Finished, run_tool

from sparsevision.annotation import load_annotations
from sparsevision.datasets.image_io import read_image, write_png
from sparsevision.datasets.views.colmap import write_model
from sparsevision.datasets.views.disparities import read_disparities
from sparsevision.datasets.views.images import read_images
from sparsevision.datasets.views.keypoints import keypoint_depths
from sparsevision.datasets.views.labels import read_labels, read_test_labels
from sparsevision.datasets.views.layouts import load_scene
from sparsevision.datasets.views.prepare.compare import folder_differences
from sparsevision.datasets.views.prepare.mvseg import annotated_scenes
from sparsevision.datasets.views.prepare.nvos import scene_of_key, spread
from sparsevision.datasets.views.prepare.report import read_card
from sparsevision.datasets.views.prepare.scene_set import SceneSet
from sparsevision.methods.spin_nerf.segment.clicks import read_clicks
from sparsevision.utils import UserError


def convert(source: Path, out: Path, *more: object) -> Finished:
    return run_tool("dataset_converters/spin_nerf.py", source, "--out", out, "--factor", 4, *more)


@pytest.fixture
def benchmark(scene_folder) -> Path:
    """A set of one scene, three views of which are without the object, as the benchmark lays it out."""
    small = scene_folder / "images_4"
    for index in range(3):
        (small / "label" / f"img_{index:02d}.png").unlink()
        mask = np.zeros((42, 56), np.uint8)  # of another height than the images
        mask[10 : 13 + index, 20:30] = 1
        write_png(small / "test_label" / f"out_{index + 1:05d}.png", mask)
    mask = np.zeros((40, 56), np.uint8)
    mask[5:9, 5:9] = 1
    write_png(small / "label" / "img_05.png", mask)
    (scene_folder / "clicks.json").write_text("{}")
    scene_folder.rename(scene_folder.parent / "set_1")
    (scene_folder.parent / "raw").mkdir()
    return shutil.move(scene_folder.parent / "set_1", scene_folder.parent / "raw" / "1").parent


def test_the_benchmark(benchmark, tmp_path):
    raw = load_scene(benchmark / "1", factor=4)
    finished = convert(benchmark, tmp_path / "out")
    assert finished.code == 0, finished.err
    assert (tmp_path / "out" / "1" / "clicks.json").read_text() == "{}"
    assert "365" in finished.out  # key points
    scene = load_scene(tmp_path / "out" / "1", factor=4)
    assert (scene.num_test, scene.image_names) == (3, raw.image_names)
    np.testing.assert_array_equal(scene.poses, raw.poses)
    np.testing.assert_array_equal(read_images(scene), read_images(raw))
    np.testing.assert_array_equal(read_images(scene, "lama_images"), read_images(raw, "lama_images"))
    np.testing.assert_array_equal(read_labels(scene), read_labels(raw))
    np.testing.assert_array_equal(read_test_labels(scene), read_test_labels(raw))
    np.testing.assert_array_equal(read_disparities(scene), read_disparities(raw))
    np.testing.assert_array_equal(keypoint_depths(scene)[4].depth, keypoint_depths(raw)[4].depth)
    names = sorted(path.name for path in (scene.image_folder / "test_label").iterdir())
    assert names == ["img_00.png", "img_01.png", "img_02.png"]
    assert read_image(scene.image_folder / "test_label" / "img_00.png").shape == (40, 56, 3)
    assert "note: 1: images_4/test_label: paired with the first 3 views in order" in finished.out
    assert "note: 1: test_label: masks of 56x42 are resized to the images' 56x40" in finished.out
    assert "1 scenes written, 0 already there" in finished.out


def test_a_second_run_does_nothing_and_verify_finds_what_was_changed(benchmark, tmp_path):
    out = tmp_path / "out"
    convert(benchmark, out)
    assert "0 scenes written, 1 already there" in convert(benchmark, out).out
    assert "everything is in order" in convert(benchmark, out, "--verify").out
    label = out / "1" / "images_4" / "label" / "img_04.png"
    write_png(label, 255 - read_image(label)[:, :, 0])
    (out / "1" / "images_4" / "img_08.png").unlink()
    np.save(out / "1" / "poses_bounds.npy", np.load(out / "1" / "poses_bounds.npy") + 1e-6)
    finished = convert(benchmark, out, "--verify")
    assert finished.code == 1
    assert f"problem: 1: {label}: is not what the raw files give" in finished.out
    assert "img_08.png: is missing" in finished.out
    assert "poses_bounds.npy: is not what the raw files give" in finished.out
    assert convert(benchmark, out, "--overwrite").code == 0
    assert convert(benchmark, out, "--verify").code == 0


def test_images_and_poses_that_are_missing_are_made(benchmark, tmp_path):
    shutil.rmtree(benchmark / "1" / "images_4")
    (benchmark / "1" / "poses_bounds.npy").unlink()
    finished = convert(benchmark, tmp_path / "out", "--layout", "llff")
    assert finished.code == 0, finished.err
    assert "note: 1: images_4 was not there and is made from images" in finished.out
    assert "note: 1: poses_bounds.npy was not there and is made from the COLMAP model" in finished.out
    assert load_scene(tmp_path / "out" / "1", factor=4).camera(0).height == 10
    assert not (benchmark / "1" / "images_4").exists()


def test_one_scene_goes_straight_into_the_folder(benchmark, tmp_path):
    assert convert(benchmark / "1", tmp_path / "out").code == 0
    assert read_card(tmp_path / "out")["settings"] == {"factor": 4.0, "layout": "spin_nerf"}
    finished = run_tool("dataset_converters/spin_nerf.py", benchmark / "1", "--out", tmp_path / "out", "--factor", 2)
    assert finished.code == 2
    assert "was prepared with {'factor': 4.0" in finished.err


def test_folders_of_other_packs_and_odd_files_are_noted(benchmark, tmp_path):
    small = benchmark / "1" / "images_4"
    shutil.move(small / "lama_images", small / "RGB_inpainted")
    (small / "RGB_inpainted" / "img_00.png").unlink()
    shutil.rmtree(small / "depth")
    for index in range(3, 9):
        write_png(small / "Depth_inpainted" / f"img_{index:02d}.png", np.full((40, 56, 3), 51, np.uint8))
    write_png(small / "label" / "stranger.png", np.zeros((40, 56), np.uint8))
    (small / "mystery").mkdir()
    np.save(benchmark / "1" / "colmap_depth.npy", np.array([{}], dtype=object))
    finished = convert(benchmark, tmp_path / "out")
    assert finished.code == 0, finished.err
    scene = load_scene(tmp_path / "out" / "1", factor=4)
    disparities = read_disparities(scene)
    assert disparities[3, 0, 0] == np.float32(0.2)
    assert np.isnan(disparities[0]).all()
    np.testing.assert_array_equal(read_images(scene, "lama_images")[0], read_images(scene)[0])
    assert "label: 1 files are of no view, such as stranger.png" in finished.out
    assert "the folder images_4/mystery is left out" in finished.out
    assert "RGB_inpainted: has 8 of 9; the others are the images" in finished.out
    assert "colmap_depth.npy is left out: it holds pickled Python objects" in finished.out


def test_labels_that_contradict_the_split_are_noted(benchmark, tmp_path):
    small = benchmark / "1" / "images_4"
    shutil.move(small / "label" / "img_07.png", small / "label" / "img_01.png")
    finished = convert(benchmark, tmp_path / "out")
    assert "1 test views have a label of an object that is not there, such as img_01" in finished.out
    assert "1 training views have no label, such as img_07" in finished.out


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda scene: np.save(scene / "poses_bounds.npy", np.load(scene / "poses_bounds.npy")[:8]),
            "8 poses for the 9",
        ),
        (lambda scene: (scene / "images_4/label/img_04.png").write_bytes(b""), "img_04.png: the file is empty"),
        (
            lambda scene: write_png(scene / "images_4/label/img_04.png", np.full((40, 56), 255, np.uint8)),
            "the mask of 'img_04' covers the whole view",
        ),
        (
            lambda scene: [write_png(path, np.zeros((40, 56))) for path in (scene / "images_4/label").iterdir()],
            "all labels are empty",
        ),
        (lambda scene: (scene / "sparse/0/images.bin").write_bytes(b"123"), "images.bin: the file is cut off"),
        (lambda scene: (scene / "images_4/depth/img003.png").unlink(), "8 numbered files for 9 views"),
    ],
)
def test_a_damaged_scene_is_told_and_not_written(benchmark, tmp_path, damage, message):
    damage(benchmark / "1")
    finished = convert(benchmark, tmp_path / "out")
    assert finished.code == 2
    assert f"error: 1: {tmp_path}" in finished.err
    assert message in finished.err
    assert not list((tmp_path / "out").iterdir())


def test_poses_of_another_model(benchmark, tmp_path, golden_scene):
    model = golden_model(golden_scene)
    for image in model.images.values():
        image.translation[:] = image.translation[::-1] * 3
    write_model(model, benchmark / "1" / "sparse" / "0")
    assert "are not at the same place" in convert(benchmark, tmp_path / "out").err


def test_masks_of_mvseg_are_paired_by_the_names_of_the_large_images(benchmark, tmp_path):
    scene, masks = benchmark / "1", tmp_path / "masks" / "1 (llff)"
    for index in range(9):  # the small images were numbered anew, as in LLFF's release
        shutil.move(scene / "images_4" / f"img_{index:02d}.png", scene / "images_4" / f"image{index:03d}.png")
    for name in ("label", "test_label", "lama_images", "depth"):
        shutil.rmtree(scene / "images_4" / name)
    for index in (2, 7):
        mask = np.zeros((80, 112), np.uint8)
        mask[: 10 * index, :20] = 255
        write_png(masks / f"{'0_' if index == 2 else ''}img_{index:02d}.png", mask)
        for ending in ("pseudo", "cutout"):
            write_png(masks / f"img_{index:02d}_{ending}.png", 255 - mask)
    write_png(tmp_path / "masks" / "other" / "img_00.png", mask)
    shutil.copytree(scene, benchmark / "not annotated")
    finished = convert(benchmark, tmp_path / "out", "--layout", "mvseg", "--annotations", tmp_path / "masks")
    assert finished.code == 0, finished.err
    labels = read_labels(load_scene(tmp_path / "out" / "1", factor=4), "label_full")
    assert labels[2].sum() == 100
    assert labels[7].sum() == 350
    assert (labels[[0, 1, 3]] == -1).all()
    assert "label_full: masks of 112x80 are resized to the images' 56x40" in finished.out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["1"]


def test_masks_of_mvseg_may_be_numbered(benchmark, tmp_path):
    mask = np.zeros((40, 56), np.uint8)
    mask[:2] = 255
    write_png(tmp_path / "masks" / "1" / "label" / "image006.png", mask)
    finished = convert(benchmark, tmp_path / "out", "--layout", "mvseg", "--annotations", tmp_path / "masks")
    assert finished.code == 0, finished.err
    assert read_labels(load_scene(tmp_path / "out" / "1", factor=4), "label_full")[6].sum() == 112


def test_where_masks_are(tmp_path):
    for name in ("Truck (Tanks & Temples)", "room/masks"):
        (tmp_path / name).mkdir(parents=True)
    found = annotated_scenes(tmp_path, ["truck", "room", "flower"])
    assert found == {"truck": tmp_path / "Truck (Tanks & Temples)", "room": tmp_path / "room" / "masks"}
    with pytest.raises(UserError, match="has no folder called like a scene"):
        annotated_scenes(tmp_path, ["flower"])
    (tmp_path / "horns_undistort").mkdir()
    assert scene_of_key("horns_left", tmp_path) == "horns_undistort"
    with pytest.raises(UserError, match="no scene for the object 'hornsy'"):
        scene_of_key("hornsy", tmp_path)


def test_two_masks_of_one_view(benchmark, tmp_path):
    label = benchmark / "1" / "images_4" / "label"
    shutil.copy(label / "img_04.png", label / "0_img_04.png")
    assert "label: two files are of the same view" in convert(benchmark, tmp_path / "out").err


def write_nvos(folder: Path) -> None:
    stroke = np.zeros((160, 224, 3), np.uint8)
    stroke[40:44, 60:120] = 255
    write_png(folder / "scribbles" / "1_box" / "pos_0_img.png", stroke)
    write_png(folder / "scribbles" / "1_box" / "neg_0_img.png", stroke[::-1])
    write_png(folder / "reference_image" / "1_box" / "img_04.png", stroke)
    mask = np.zeros((160, 224), np.uint8)
    mask[20:60, 40:140] = 255
    write_png(folder / "masks" / "1_box" / "img_06_mask.png", mask)
    write_png(folder / "masks" / "1_box" / "img_06.png", stroke)  # the target's photograph lies beside it
    write_png(folder / "scribbles" / "1_box" / "vis_0_img.png", stroke)


def test_nvos(benchmark, tmp_path):
    write_nvos(tmp_path / "nvos")
    finished = convert(benchmark, tmp_path / "out", "--layout", "nvos", "--annotations", tmp_path / "nvos")
    assert finished.code == 0, finished.err
    folder = tmp_path / "out" / "1_box"
    scene = load_scene(folder, factor=4)
    assert scene.num_test == 0
    assert read_labels(scene, "label_full")[6].sum() == 250
    strokes = load_annotations(folder / "scribbles" / "img_04.json")["img_04"].densify(255)
    assert ((strokes == 1).sum(), (strokes == 0).sum()) == (240, 240)
    clicked = read_clicks(folder / "clicks.json", names=scene.image_names, size=(40, 56))
    assert clicked.view == 4
    assert clicked.clicks.positive.sum() == 6
    on = np.array([click for click in json.loads((folder / "clicks.json").read_text())["clicks"] if click[2] == 1])
    assert (strokes[on[:, 1], on[:, 0]] == 1).all()


def test_clicks_lie_far_from_each_other():
    mask = np.zeros((5, 101), bool)
    mask[2, :] = True
    assert sorted(spread(mask, 3)[:, 0].tolist()) == [0, 50, 100]
    assert spread(np.zeros((2, 2), bool), 3).shape == (0, 2)


def test_more_files_than_the_raw_ones_are_left_alone(tmp_path):
    write_png(tmp_path / "made" / "a.png", np.zeros((2, 2)))
    write_png(tmp_path / "there" / "a.png", np.zeros((2, 2)))
    write_png(tmp_path / "there" / "more.png", np.zeros((2, 2)))
    assert folder_differences(tmp_path / "made", tmp_path / "there") == []
    (tmp_path / "there" / "a.png").write_bytes(b"x")
    assert len(folder_differences(tmp_path / "made", tmp_path / "there")) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--layout", "nvos"], "--layout nvos needs --annotations"),
        (["--layout", "mvseg", "--annotations", "nowhere"], "--annotations nowhere: there is no such folder"),
        (["--scenes", "2"], "--scenes 2: no scene of this name; there are 1"),
        (["--factor", "0"], "--factor 0.0: expected 1"),
        (["--layout", "nvos", "--annotations", "."], "has no scribbles, masks, reference_image"),
    ],
)
def test_wrong_options(benchmark, tmp_path, more, message):
    finished = convert(benchmark, tmp_path / "out", *more)
    assert finished.code == 2
    assert message in finished.err


def test_folders_that_are_refused(benchmark, tmp_path):
    assert "lies in the raw files" in convert(benchmark, benchmark / "1" / "out").err
    (tmp_path / "mine" / "1").mkdir(parents=True)
    (tmp_path / "mine" / "1" / "notes.txt").write_text("mine")
    assert "is there and no prepared scene" in convert(benchmark, tmp_path / "mine").err
    assert (tmp_path / "mine" / "1" / "notes.txt").read_text() == "mine"
    with pytest.raises(UserError, match="holds no scene"):
        SceneSet(tmp_path / "mine", "llff", 4.0).folders(tmp_path)
    assert "run this without --verify" in convert(benchmark, tmp_path / "empty", "--verify").out
