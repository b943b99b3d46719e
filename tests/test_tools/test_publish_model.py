"""publish_model.py keeps weights and meta, drops the rest, and puts the hash into the name."""

import hashlib
import pickle

import pytest
import torch
from tool_runner import run_tool

from sparsevision.engine import load_checkpoint, save_checkpoint

TOOL = "model_converters/publish_model.py"


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "epoch_1.pth"
    save_checkpoint(
        {
            "state_dict": {"weight": torch.ones(2)},
            "ema_state_dict": {"module.weight": torch.zeros(2), "steps": torch.tensor(3)},
            "meta": {"epoch": 1, "preset": "fixed"},
            "optimizer": {"state": {"0": torch.rand(1000)}},
            "message_hub": {},
        },
        path,
    )
    return path


def test_only_weights_and_meta_are_published(checkpoint, tmp_path):
    finished = run_tool(TOOL, checkpoint, tmp_path / "published" / "model.pth")
    assert finished.code == 0, finished.err
    (written,) = (tmp_path / "published").iterdir()
    assert written.name == f"model-{hashlib.sha256(written.read_bytes()).hexdigest()[:8]}.pth"
    content = load_checkpoint(written)
    assert set(content) == {"state_dict", "meta"}
    assert content["meta"]["preset"] == "fixed"
    assert torch.equal(content["state_dict"]["weight"], torch.ones(2))


def test_the_last_weights_of_a_training_with_a_mean_can_be_published(checkpoint, tmp_path):
    """EMAHook saves the mean as state_dict; that it does is in test_methods/test_motion_i2v/test_training.py."""
    run_tool(TOOL, checkpoint, tmp_path / "last.pth", "--last")
    (written,) = tmp_path.glob("last-*.pth")
    assert torch.equal(load_checkpoint(written)["state_dict"]["weight"], torch.zeros(2))


def test_a_file_without_weights_is_refused(tmp_path):
    save_checkpoint({"optimizer": {}}, tmp_path / "odd.pth")
    finished = run_tool(TOOL, tmp_path / "odd.pth", tmp_path / "out.pth")
    assert finished.code == 2
    assert "has no 'state_dict'" in finished.err


class Trap:
    def __reduce__(self):
        return print, ("this must not run",)


def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path):
    (tmp_path / "trap.pth").write_bytes(pickle.dumps(Trap()))
    finished = run_tool(TOOL, tmp_path / "trap.pth", tmp_path / "out.pth")
    assert finished.code == 2
    assert "must not run" not in finished.out
    assert list(tmp_path.glob("out*")) == []
