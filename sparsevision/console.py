"""The command `sparsevision`: every tool by its name, also where there is no checkout."""

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from sparsevision.utils.errors import UserError, did_you_mean
from sparsevision.utils.paths import configs_dir, tools_dir

USAGE = """usage: sparsevision TOOL [its arguments]        (python -m sparsevision does the same)

example:
  sparsevision doctor
  sparsevision train tiny_cpcm_res16unet_0p1pct_40e_rooms --work-dir work_dirs/rooms
  sparsevision annotation/simulate --help
  torchrun --nproc_per_node 2 -m sparsevision train CONFIG --launcher pytorch
"""


def shipped_tools() -> dict[str, Path]:
    """Name ("train", "annotation/simulate") -> file."""
    root = tools_dir()
    return {path.relative_to(root).with_suffix("").as_posix(): path for path in sorted(root.rglob("*.py"))}


def find_tool(name: str) -> Path:
    """A tool by its path below `tools/`, or by its last part where that is unique ("simulate").

    Raises:
        UserError: there is none of that name, or several; names the closest ones.
    """
    tools = shipped_tools()
    wanted = name.removesuffix(".py").removeprefix("tools/")
    found = [path for known, path in tools.items() if known == wanted] or [
        path for known, path in tools.items() if known.split("/")[-1] == wanted
    ]
    if len(found) == 1:
        return found[0]
    if found:
        several = [known for known, path in tools.items() if path in found]
        raise UserError(f"several tools are called '{name}': say {' or '.join(several)}.")
    short = {part for known in tools for part in (known, known.split("/")[-1])}
    raise UserError(f"there is no tool '{name}'.{did_you_mean(wanted, short)} `sparsevision --help` lists them.")


def help_text() -> str:
    """Usage, all tools, and where things lie."""
    names = "\n".join(f"  {name}" for name in ["doctor", *shipped_tools()])
    return f"{USAGE}\ntools (in {tools_dir()}):\n{names}\n\nconfigs, to be named by their stem: {configs_dir()}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a tool as if its file had been called; returns 2 where there is no such tool."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not words or words[0] in {"-h", "--help"}:
            print(help_text())
            return 0 if words else 2
        if words[0] == "doctor":
            from sparsevision.doctor.__main__ import main as doctor

            return doctor(words[1:])
        script = find_tool(words[0])
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    sys.argv = [str(script), *words[1:]]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name="__main__")
    return 0
