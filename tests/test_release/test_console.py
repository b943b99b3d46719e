"""The command `sparsevision`."""

import subprocess
import sys

import pytest
from tool_runner import ROOT

from sparsevision.console import find_tool, help_text, main, shipped_tools
from sparsevision.utils import UserError, paths, tool_command


def test_tools_are_found_by_path_and_by_a_unique_last_part():
    assert find_tool("train") == ROOT / "tools" / "train.py"
    assert find_tool("tools/annotation/simulate.py") == find_tool("simulate")
    assert "annotation/simulate" in shipped_tools()


def test_the_tool_at_the_top_wins_over_one_of_the_same_name_below():
    below = [name for name in shipped_tools() if name.endswith("/spin_nerf")]
    assert below
    assert find_tool("spin_nerf") == ROOT / "tools" / "spin_nerf.py"


@pytest.mark.parametrize(("name", "said"), [("trian", "Did you mean 'train'"), ("ev_wsss.p", "there is no tool")])
def test_an_unknown_tool_gets_the_closest_name(name, said):
    with pytest.raises(UserError, match=said):
        find_tool(name)


def test_a_name_that_several_tools_have_is_not_guessed(monkeypatch, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "convert.py").touch()
    monkeypatch.setattr("sparsevision.console.tools_dir", lambda: tmp_path)
    with pytest.raises(UserError, match="say a/convert or b/convert"):
        find_tool("convert")


def test_without_a_tool_all_are_listed(capsys):
    assert main(["--help"]) == 0
    assert "analysis_tools/benchmark" in capsys.readouterr().out
    assert main([]) == 2
    assert main(["no_such_tool_at_all"]) == 2
    assert "Error: there is no tool 'no_such_tool_at_all'" in capsys.readouterr().err
    assert "sparsevision doctor" in help_text()


def test_python_m_sparsevision_runs_a_tool_with_its_arguments():
    finished = subprocess.run(
        [sys.executable, "-m", "sparsevision", "get_weights", "--list"], capture_output=True, text=True, cwd=ROOT
    )
    assert finished.returncode == 0, finished.stderr
    assert "mobile_sam" in finished.stdout


def test_messages_name_the_command_that_is_there(monkeypatch, tmp_path):
    assert tool_command("annotation/simulate.py") == "python tools/annotation/simulate.py"
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "sparsevision")
    assert tool_command("annotation/simulate.py") == "sparsevision annotation/simulate"
