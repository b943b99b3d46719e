"""Masks: the golden ones, files of all kinds, and what goes wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views import labels as labels_module
from sparsevision.datasets.views.labels import (
    dilate_mask,
    negate_others,
    read_labels,
    read_test_labels,
    reference_view,
    write_masks,
)
from sparsevision.datasets.views.llff import load_llff
from sparsevision.utils import UserError

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "spin_nerf"


@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_the_golden_masks(scene_folder, golden_scene, preset):
    scene = load_llff(scene_folder, factor=4)
    labels = read_labels(scene, dilate=5, preset=preset)
    assert labels.dtype == np.int8
    np.testing.assert_array_equal(labels, golden_scene["prepare_masks"])
    np.testing.assert_array_equal(labels, golden_scene["inpaint_no_lpips_masks"])
    reference = reference_view(scene, labels, preset="published")
    assert reference == golden_scene["reference_view_index"]
    np.testing.assert_array_equal(negate_others(labels, reference), golden_scene["inpaint_lpips_masks"])


def test_dilation_equals_the_reference():
    for entry in json.loads((GOLDEN / "core.json").read_text(encoding="utf-8"))["dilation"]:
        mask = np.zeros(entry["shape"], bool)
        for row, column in entry["points_yx"]:
            mask[row, column] = True
        wide = dilate_mask(mask, 5)
        places = np.argwhere(wide)
        assert wide.dtype == bool
        assert wide.sum() == entry["sum"]
        assert places.min(0).tolist() == entry["min_yx"]
        assert places.max(0).tolist() == entry["max_yx"]
    np.testing.assert_array_equal(dilate_mask(mask, 0), mask)
    with pytest.raises(ValueError, match="odd side"):
        dilate_mask(mask, 1, side=4)


@pytest.mark.parametrize(("name", "factor"), [("statue", 2), ("statue", 8), ("fern", 8), ("spinnerf_1", 16)])
def test_masks_of_real_scenes(shared_folder, name, factor):
    folder = shared_folder(f"nerf/{name}")
    key = f"llff_{name.replace('_', '')}_f{factor}_prepare"
    expected = json.loads((GOLDEN / "real_scenes.json").read_text(encoding="utf-8"))[key]
    labels = read_labels(load_llff(folder, factor=factor), dilate=5, preset="published")
    assert np.unique(labels).tolist() == expected["mask_values"]
    if expected["mask_values"][0] == 0:
        assert labels[:3].sum((1, 2)).tolist() == expected["mask_sum"]


def test_a_file_without_an_object_is_an_empty_mask(scene_folder):
    write_png(scene_folder / "images_4/label/img_03.png", np.zeros((40, 56), np.uint8))
    labels = read_labels(load_llff(scene_folder, factor=4), dilate=5)
    assert (labels[3] == 0).all()
    assert (labels[5] == -1).all()


def test_no_label_at_all(scene_folder):
    scene = load_llff(scene_folder, factor=4)
    assert (read_labels(scene, "dino", preset="published") == 1).all()
    assert (read_labels(scene, "dino", required=False) == -1).all()
    with pytest.raises(UserError, match=r"images_4/dino: no view has a label; expected grey PNGs .*img_08.png"):
        read_labels(scene, "dino")


def test_empty_labels_are_told(scene_folder):
    scene = load_llff(scene_folder, factor=4)
    write_masks(scene, np.zeros((9, 40, 56), bool), "label")
    with pytest.raises(UserError, match="all labels are empty, so there is nothing to remove"):
        read_labels(scene)


def test_a_mask_that_covers_everything(scene_folder):
    scene = load_llff(scene_folder, factor=4)
    write_png(scene_folder / "images_4/label/img_02.png", np.full((40, 56), 255, np.uint8))
    with pytest.raises(UserError, match=r"the mask of 'img_02' covers the whole view.*inverted"):
        read_labels(scene)
    near_all = np.ones((40, 56), np.uint8)
    near_all[0] = 0
    write_png(scene_folder / "images_4/label/img_02.png", near_all)
    assert (read_labels(scene)[2, 0] == 0).all()
    with pytest.raises(UserError, match="'img_02' covers, once widened, the whole view"):
        read_labels(scene, dilate=5)


def test_an_odd_coding_is_told(scene_folder):
    path = scene_folder / "images_4/label/img_02.png"
    write_png(path, np.eye(40, 56, dtype=np.uint8) * 3)
    scene = load_llff(scene_folder, factor=4)
    with pytest.raises(UserError, match=r"img_02.png: its largest value is 3; expected a mask of 0 and 1"):
        read_labels(scene)
    assert read_labels(scene, preset="published")[2].sum() == 40


def test_a_cut_off_label(scene_folder):
    path = scene_folder / "images_4/label/img_02.png"
    path.write_bytes(path.read_bytes()[:60])
    scene = load_llff(scene_folder, factor=4)
    with pytest.raises(UserError, match=r"img_02.png: the image is damaged or cut off"):
        read_labels(scene)
    assert (read_labels(scene, preset="published")[2] == -1).all()


def test_some_missing_labels_are_said(scene_folder, monkeypatch):
    told = []
    monkeypatch.setattr(labels_module, "print_log", lambda text, logger: told.append(text))
    read_labels(load_llff(scene_folder, factor=4))
    assert told == [f"{scene_folder / 'images_4/label'}: 1 of 9 views have no label, among them 'img_05'"]


def test_the_reference_is_the_labelled_training_view_nearest_to_the_mean(scene_folder):
    scene = load_llff(scene_folder, factor=4, num_test=2)
    labels = read_labels(scene)
    centres = scene.poses[:, :, 3]
    distances = np.linalg.norm(centres - centres[2:].mean(0), axis=1)
    found = reference_view(scene, labels)
    assert found == min((view for view in range(2, 9) if view != 5), key=lambda view: distances[view])
    labels[found] = 0
    assert reference_view(scene, labels) != found
    assert reference_view(scene, labels, index=0) == 0


@pytest.mark.parametrize(
    ("index", "message"), [(9, "no view 9"), (5, r"view 5 \('img_05'\) has no label, or an empty")]
)
def test_a_reference_that_cannot_be(scene_folder, index, message):
    scene = load_llff(scene_folder, factor=4)
    with pytest.raises(UserError, match=message):
        reference_view(scene, read_labels(scene), index=index)


def test_without_any_object_there_is_no_reference(scene_folder):
    with pytest.raises(UserError, match="no training view has an object"):
        reference_view(load_llff(scene_folder, factor=4), np.zeros((9, 40, 56), np.int8))


def test_masks_come_back_and_unknown_views_get_no_file(scene_folder):
    scene = load_llff(scene_folder, factor=4)
    labels = read_labels(scene)
    folder = write_masks(scene, labels, "label_mv_bootstrapped")
    np.testing.assert_array_equal(read_labels(scene, "label_mv_bootstrapped"), labels)
    assert not (folder / "img_05.png").exists()
    with pytest.raises(UserError, match=r"masks of shape \(8, 40, 56\)"):
        write_masks(scene, labels[:8], "label")


def write_test_labels(folder: Path, names: list[str]) -> np.ndarray:
    masks = np.zeros((len(names), 42, 56), np.uint8)  # two rows more than the images, as in the benchmark
    for index, name in enumerate(names):
        masks[index, 10 : 12 + index, 20:30] = 1
        write_png(folder / f"{name}.png", masks[index])
    return masks


def test_test_labels_are_paired_in_order_and_resized(scene_folder):
    write_test_labels(scene_folder / "images_4/test_label", ["out_00001", "out_00002", "out_00003"])
    scene = load_llff(scene_folder, factor=4)
    labels = read_test_labels(scene)
    assert scene.num_test == 3
    assert labels.shape == (3, 40, 56)
    assert labels[0].sum() < labels[1].sum() < labels[2].sum()


def test_test_labels_with_the_names_of_images(scene_folder):
    write_test_labels(scene_folder / "images_4/test_label", ["img_01", "img_00"])
    labels = read_test_labels(load_llff(scene_folder, factor=4))
    assert labels[1].sum() < labels[0].sum()


def test_test_labels_that_do_not_fit(scene_folder):
    write_test_labels(scene_folder / "images_4/test_label", ["img_01", "img_07"])
    with pytest.raises(UserError, match="has no file called 'img_00', the name of a test view"):
        read_test_labels(load_llff(scene_folder, factor=4))
    with pytest.raises(UserError, match="2 files for 3 test views"):
        read_test_labels(load_llff(scene_folder, factor=4, num_test=3))
