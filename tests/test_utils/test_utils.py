"""Errors for people, optional dependencies, shipped paths."""

import pytest

from sparsevision.utils import (
    UserError,
    atomic_write,
    closest,
    configs_dir,
    did_you_mean,
    find_config,
    require,
    tools_dir,
)


def test_require_returns_an_installed_module():
    assert require("json", extra="sam", why="this test").dumps([1]) == "[1]"


def test_require_names_package_reason_and_command():
    with pytest.raises(
        ImportError, match=r"GenSAM needs the package 'no_such_lib'.*pip install \"sparsevision\[sam\]\""
    ):
        require("no_such_lib", extra="sam", why="GenSAM")


def test_require_tells_a_broken_package_from_a_missing_one(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="it misses 'no_such_dependency'"):
        require("half_installed", extra="sam", why="GenSAM")


def test_did_you_mean_offers_close_names_only():
    assert closest("max_epoch", ["max_epochs", "interval"]) == ["max_epochs"]
    assert did_you_mean("max_epoch", ["max_epochs"]) == " Did you mean 'max_epochs'?"
    assert did_you_mean("zzz", ["max_epochs"]) == ""


def test_shipped_folders_exist():
    assert (configs_dir() / "_base_").is_dir()
    assert (tools_dir() / "train.py").is_file()


def test_find_config_suggests_the_closest_name():
    with pytest.raises(UserError, match="Did you mean 'tiny_gensam_mobilesam_conse'"):
        find_config("tiny_gensam_mobilesam")


def write_half(path):
    with atomic_write(path) as stream:
        stream.write(b"half")
        raise OSError("disk full")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with atomic_write(path) as stream:
        stream.write(b"old")
    with pytest.raises(OSError, match="full"):
        write_half(path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    with atomic_write(tmp_path / "link.txt") as stream:
        stream.write(b"new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"
