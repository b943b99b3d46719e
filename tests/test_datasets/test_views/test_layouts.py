"""All layouts through one door."""

import shutil

import numpy as np
import pytest

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.layouts import count_first_views, guess_layout, load_scene
from sparsevision.datasets.views.llff import count_test_labels
from sparsevision.datasets.views.transforms_writer import write_transforms
from sparsevision.utils import UserError

MASK = np.zeros((40, 56), np.uint8)


def test_a_plain_scene_has_no_test_views(scene_folder):
    assert guess_layout(scene_folder, 4) == "llff"
    assert load_scene(scene_folder, factor=4).num_test == 0


@pytest.mark.parametrize(
    ("folder", "layout", "num_test"),
    [("images_4/test_label", "spin_nerf", 2), ("images_4/label_full", "mvseg", 0), ("scribbles", "nvos", 0)],
)
def test_layouts_are_known_by_their_folders(scene_folder, folder, layout, num_test):
    for name in ("out_00001", "out_00002"):
        write_png(scene_folder / folder / f"{name}.png", MASK)
    assert guess_layout(scene_folder, 4) == layout
    assert load_scene(scene_folder, factor=4).num_test == num_test
    assert load_scene(scene_folder, factor=4, num_test=3).num_test == 3


def test_views_before_the_first_label_are_for_testing(scene_folder):
    for index in (0, 1):
        (scene_folder / f"images_4/label/img_{index:02d}.png").unlink()
    with pytest.raises(UserError, match=r"nothing tells how many of the 9 views are without the object"):
        count_first_views(scene_folder, 4)  # view 5 has no label either
    write_png(scene_folder / "images_4/label/img_05.png", MASK)
    assert count_first_views(scene_folder, 4) == 2
    assert load_scene(scene_folder, factor=4, layout="spin_nerf").num_test == 2
    assert load_scene(scene_folder, factor=4).num_test == 0


def test_forty_of_a_hundred_views_as_in_the_benchmark(scene_folder):
    for index in range(100):
        write_png(scene_folder / f"images_5/view{index:03d}.png", MASK)
    assert count_first_views(scene_folder, 5) == 40


def test_more_test_labels_than_views(scene_folder):
    shutil.copytree(scene_folder / "images_4" / "lama_images", scene_folder / "images_4" / "test_label")
    with pytest.raises(UserError, match="9 files for 9 views"):
        count_test_labels(scene_folder / "images_4", 9)
    with pytest.raises(UserError, match="num_test 9"):
        load_scene(scene_folder, factor=4)


def test_a_list_of_views_comes_before_other_poses(scene_folder):
    write_transforms(load_scene(scene_folder, factor=4), scene_folder / "transforms.json")
    assert guess_layout(scene_folder, 4) == "nerfstudio"
    assert load_scene(scene_folder, factor=1).image_names[0] == "img_00"
    assert not load_scene(scene_folder, factor=4, layout="llff").mask_files


@pytest.mark.parametrize(
    ("folder", "layout", "message"),
    [("missing", "auto", "there is no such folder"), (".", "auto", "is no scene; expected"), (".", "x", "layout: ")],
)
def test_no_scene(tmp_path, folder, layout, message):
    with pytest.raises(UserError, match=message):
        load_scene(tmp_path / folder, factor=1, layout=layout)
