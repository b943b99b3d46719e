"""make_safe.py takes tensors out of hostile and foreign pickles and runs nothing."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from tool_runner import run_tool
from torch import nn

from sparsevision.engine import CheckpointError, load_checkpoint

TOOL = "model_converters/make_safe.py"


class Evil:
    """Creates a file when it is unpickled the usual way."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mknod, (self.path,)


def test_tensors_are_kept_and_code_is_left_out(tmp_path):
    marker, source, out = tmp_path / "ran", tmp_path / "foreign.pt", tmp_path / "safe.pth"
    weights = OrderedDict(w=torch.arange(3.0))
    torch.save({"model": weights, "epoch": np.int64(3), "hook": Evil(str(marker))}, source)
    finished = run_tool(TOOL, source, out)
    assert finished.code == 0, finished.err
    assert "hook (posix.mknod)" in finished.out
    assert not marker.exists()
    safe = load_checkpoint(out)
    assert torch.equal(safe["model"]["w"], weights["w"])
    assert safe["epoch"] == 3
    assert "hook" not in safe


def test_a_torchscript_archive_becomes_a_state_dict(tmp_path):
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1)))
    source, out = tmp_path / "net.pt", tmp_path / "net.pth"
    torch.jit.save(torch.jit.script(net), source)
    with pytest.raises(CheckpointError, match=r"TorchScript program.*make_safe"):
        load_checkpoint(source)
    assert run_tool(TOOL, source, out).code == 0
    safe = load_checkpoint(out)
    assert safe.keys() == net.state_dict().keys()
    assert all(torch.equal(safe[name], value) for name, value in net.state_dict().items())


def test_a_file_without_a_dict_is_told(tmp_path):
    source = tmp_path / "list.pkl"
    source.write_bytes(pickle.dumps([1, 2]))
    finished = run_tool(TOOL, source, tmp_path / "out.pth")
    assert finished.code == 2
    assert "not a dict of weights" in finished.err
