"""The converters' command lines: idempotent, --verify, errors in one sentence."""

import pytest
from tool_runner import run_tool

from sparsevision.annotation import PointLabels, load_annotations, write_label_png
from sparsevision.datasets.converter_cli import run_converter
from sparsevision.datasets.converters import point_format


@pytest.fixture
def labels(tmp_path):
    points = PointLabels(xy=[[6, 8], [20, 12]], labels=[1, 0], size=(24, 32))
    write_label_png(tmp_path / "in" / "a.png", points.densify(255, side=5), ignore_index=255)
    return tmp_path / "in"


@pytest.mark.parametrize("tool", ["dataset_converters/s_cod_scribbles.py", "dataset_converters/p_cod_points.py"])
def test_tools(labels, tmp_path, tool):
    first = run_tool(tool, labels, "--out", tmp_path / "out")
    assert "1 written, 0 already up to date" in first.out
    assert len(load_annotations(tmp_path / "out" / "a.json")) == 2
    verified = run_tool(tool, labels, "--out", tmp_path / "out", "--verify")
    assert (verified.code, "1 of 1 labels agree" in verified.out) == (0, True)


def test_exit_codes(labels, tmp_path, capsys):
    def run(*arguments):
        return run_converter([*map(str, arguments)], description="d", form=lambda args: point_format())

    assert run(labels, "--out", tmp_path / "out", "--verify") == 1
    assert "is missing" in capsys.readouterr().out
    assert run(labels, "--out", tmp_path / "out") == 0
    assert run(labels, "--out", tmp_path / "out") == 0
    assert "0 written, 1 already" in capsys.readouterr().out
    assert run(tmp_path / "nowhere", "--out", tmp_path / "out") == 2
    assert "error: The label folder" in capsys.readouterr().err
