"""Folders of views: found by names, replaced as a whole."""

from pathlib import Path

import numpy as np
import pytest

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.files import find_by_name, list_images, load_npy, whole_folder
from sparsevision.utils import UserError


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "deep" / "label"
    for content in ("one", "two"):
        with whole_folder(folder) as new:
            (new / f"{content}.txt").write_text(content)
    assert [path.name for path in folder.iterdir()] == ["two.txt"]
    assert [path.name for path in folder.parent.iterdir()] == ["label"]


def fail_in_the_block(new: Path) -> None:
    raise KeyboardInterrupt


def fail_at_the_last_step(new: Path) -> None:
    new.rmdir()


@pytest.mark.parametrize(
    ("fail", "error"), [(fail_in_the_block, KeyboardInterrupt), (fail_at_the_last_step, UserError)]
)
def test_the_old_files_stay_when_something_fails(tmp_path, fail, error):
    folder = tmp_path / "label"
    with whole_folder(folder) as new:
        (new / "one.txt").write_text("one")
    with pytest.raises(error), whole_folder(folder) as new:
        fail(new)
    assert (folder / "one.txt").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["label"]


def test_a_file_is_not_taken_for_a_folder(tmp_path):
    (tmp_path / "label").write_text("mine")
    with pytest.raises(UserError, match="is a file; a folder is to be written"), whole_folder(tmp_path / "label"):
        pass


def test_images_are_listed_by_name_and_found_with_any_suffix(tmp_path):
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in list_images(tmp_path)] == ["a.png", "b.JPG"]
    assert find_by_name(tmp_path, "b") == tmp_path / "b.JPG"
    assert find_by_name(tmp_path, "c") is None
    write_png(tmp_path / "b.png", np.zeros((2, 2)))
    with pytest.raises(UserError, match="two images are called 'b'"):
        list_images(tmp_path)


@pytest.mark.parametrize("place", ["nothing", "empty"])
def test_a_folder_without_images(tmp_path, place):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no such folder of images|holds no image"):
        list_images(tmp_path / place)


def test_pickled_arrays_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object))
    with pytest.raises(UserError, match=r"a.npy: cannot be read as an array"):
        load_npy(tmp_path / "a.npy")
    with pytest.raises(UserError, match=r"b.npy: there is no such file"):
        load_npy(tmp_path / "b.npy")
