"""Every tool explains itself: `--help` works and shows a command line."""

import pytest
import source_tree as source
from tool_runner import run_tool

TOOLS = [path.relative_to(source.ROOT / "tools").as_posix() for path in source.python_files("tools")]


@pytest.mark.parametrize("tool", TOOLS)
def test_help_has_an_example(tool):
    finished = run_tool(tool, "--help")
    assert finished.code == 0, finished.err
    assert f"tools/{tool}" in finished.out, f"show a whole command line in the --help of tools/{tool}, as an example"
