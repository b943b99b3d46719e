"""What a method hands to the demo page: one `DemoEntry`, whose `run` returns one `DemoResult`."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from sparsevision.utils import UserError, find_config, tools_dir

console = Console()


@dataclass(frozen=True)
class Picture:
    """A picture file below the demo folder, and the line under it."""

    path: Path
    caption: str


@dataclass(frozen=True)
class DemoResult:
    """What came out: pictures, metrics (name -> value) per row label, the commands that made them, a remark."""

    pictures: list[Picture]
    metrics: dict[str, dict[str, float]]
    commands: list[str]
    remark: str = ""


@dataclass(frozen=True)
class DemoEntry:
    """One section of the page. `run(folder)` works below `folder`; a `UserError` or `ImportError` from it skips it."""

    name: str
    title: str
    about: str
    run: Callable[[Path], DemoResult]
    docs: str = field(default="")


def shipped_config(name: str) -> str:
    """Path of a shipped config, as one would type it here."""
    return os.path.relpath(find_config(name))


def call_tool(script: str, *arguments: str | Path) -> str:
    """Run `tools/<script>` in this Python with its output shown; returns the command line for the page.

    Raises:
        UserError: the tool ended with an error (its own output, above, says which).
    """
    arguments = [str(argument) for argument in arguments]
    shown = "python tools/" + shlex.join([script, *arguments])
    console.print(f"[bold]$ {shown}[/]", highlight=False, soft_wrap=True)
    finished = subprocess.run([sys.executable, str(tools_dir() / script), *arguments], check=False)
    if finished.returncode:
        raise UserError(f"`{shown}` ended with exit code {finished.returncode}")
    return shown
