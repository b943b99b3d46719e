"""Every tool explains itself: `--help` works and shows an example that names the tool."""

import pytest
import source_tree as source
from tool_runner import run_tool

TOOLS = [path.relative_to(source.ROOT / "tools").as_posix() for path in source.python_files("tools")]


@pytest.mark.parametrize("tool", TOOLS)
def test_help_has_an_example(tool):
    finished = run_tool(tool, "--help")
    assert finished.code == 0, finished.err
    assert "example" in finished.out, f"give tools/{tool} an argparse epilog with an example"
    example = finished.out[finished.out.rindex("example") :]
    assert f"tools/{tool}" in example, f"the example of tools/{tool} should be a whole command line"
