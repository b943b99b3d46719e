"""Sentences around a training run: what to type next, which flag was meant, which folder cannot be used."""

import os
from types import SimpleNamespace

import pytest

from sparsevision.engine.hooks.checkpoint import write_pointer
from sparsevision.engine.setup import check_work_dir, common_parser
from sparsevision.engine.train import how_to_go_on, latest_written
from sparsevision.utils import UserError


@pytest.fixture
def stopped(tmp_path):
    """A run that was stopped after its first checkpoint."""
    (tmp_path / "epoch_1.pth").write_bytes(b"x")
    write_pointer(tmp_path, str(tmp_path / "epoch_1.pth"))
    return SimpleNamespace(work_dir=str(tmp_path), iter=7)


@pytest.mark.parametrize("resume", [[], ["--resume"], ["--resume", "x.pth"], ["--resume=x.pth"]])
def test_the_command_to_go_on_can_be_typed(stopped, resume):
    sentence = how_to_go_on(stopped, ["cfg.py", *resume, "--cfg-options", "a=1"])
    assert sentence.endswith("python tools/train.py cfg.py --cfg-options a=1 --resume")


def test_the_command_under_torchrun_is_its_script(stopped, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    sentence = how_to_go_on(stopped, ["cfg.py", "--launcher", "pytorch", "--amp"])
    assert sentence.endswith("To go on from it: tools/dist_train.sh cfg.py 4 --amp --resume")
    sentence = how_to_go_on(stopped, ["cfg.py", "--amp"])
    assert sentence.endswith("python tools/train.py cfg.py --amp --resume")


def test_the_checkpoint_of_an_earlier_run_is_not_offered(stopped, tmp_path):
    sentence = how_to_go_on(stopped, ["cfg.py"], earlier=latest_written(tmp_path))
    assert sentence.endswith("before the first checkpoint. To start again: python tools/train.py cfg.py")


def test_a_checkpoint_that_was_written_again_is_offered(stopped, tmp_path):
    checkpoint = tmp_path / "epoch_1.pth"
    os.utime(checkpoint, ns=(1, 1))
    earlier = latest_written(tmp_path)
    checkpoint.write_bytes(b"of this run")
    sentence = how_to_go_on(stopped, ["cfg.py"], earlier=earlier)
    assert f"The last checkpoint is {checkpoint}." in sentence
    assert sentence.endswith("python tools/train.py cfg.py --resume")


def test_a_misspelt_flag_gets_the_closest(capsys):
    with pytest.raises(SystemExit):
        common_parser("tool").parse_args(["cfg.py", "--work-dri", "x"])
    assert "Did you mean '--work-dir'" in capsys.readouterr().err


def test_a_work_dir_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be made .*give a writable folder with --work-dir"):
        check_work_dir(tmp_path / "file")
