"""Folders of synthetic sets: whole, never in place of something else."""

import pytest

from sparsevision.synthetic.set_folder import write_set
from sparsevision.utils import UserError

CARD = {"set": "Toy", "seed": 0}


def fill(folder):
    (folder / "data").write_text("new")


def test_a_set_is_written_once(tmp_path):
    assert write_set(tmp_path / "deep" / "set", CARD, fill)
    assert not write_set(tmp_path / "deep" / "set", CARD, fill)
    assert sorted(path.name for path in (tmp_path / "deep" / "set").iterdir()) == ["data", "dataset.json"]


def test_another_set_is_replaced_only_on_request(tmp_path):
    write_set(tmp_path / "set", CARD, fill)
    (tmp_path / "set" / "data").write_text("old")
    with pytest.raises(UserError, match="--overwrite"):
        write_set(tmp_path / "set", CARD | {"seed": 1}, fill)
    assert write_set(tmp_path / "set", CARD | {"seed": 1}, fill, overwrite=True)
    assert (tmp_path / "set" / "data").read_text() == "new"


@pytest.mark.parametrize("content", ["[1, 2]", "{}", "not json", None])
def test_what_is_no_set_is_never_replaced(tmp_path, content):
    (tmp_path / "thesis.txt").write_text("years of work")
    if content is not None:
        (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(UserError, match="they are not replaced"):
        write_set(tmp_path, CARD, fill, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_is_taken_and_a_failure_leaves_nothing(tmp_path):
    def fail(folder):
        fill(folder)
        raise RuntimeError

    (tmp_path / "set").mkdir()
    with pytest.raises(RuntimeError):
        write_set(tmp_path / "set", CARD, fail)
    assert list((tmp_path / "set").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert write_set(tmp_path / "set", CARD, fill)
