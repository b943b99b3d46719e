"""tools/make_synthetic.py: makes, keeps, refuses."""

import pytest
from tool_runner import run_tool


def make(*arguments):
    """Run the camouflage subcommand with a tiny set."""
    return run_tool("make_synthetic.py", "camouflage", "--train", 2, "--test", 1, "--size", 48, *arguments)


def test_make_camouflage(tmp_path):
    pytest.importorskip("skimage")
    first = make("--out", tmp_path / "set", "--seed", 5)
    assert (first.code, "wrote 2 training and 1 test pictures" in first.out) == (0, True)
    assert len(list((tmp_path / "set/TrainDataset/Imgs").iterdir())) == 2
    assert "already holds these" in make("--out", tmp_path / "set", "--seed", 5).out
    refused = make("--out", tmp_path / "set", "--seed", 6)
    assert (refused.code, "--overwrite" in refused.err) == (2, True)
    assert make("--out", tmp_path / "set", "--seed", 6, "--overwrite").code == 0
