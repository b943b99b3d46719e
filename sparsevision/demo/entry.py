"""What a method hands to the demo page: one `DemoEntry`, whose `run` returns one `DemoResult`."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sparsevision.utils import find_config


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


def shipped_config(name: str) -> str:
    """Path of a shipped config, as one would type it here."""
    return os.path.relpath(find_config(name))
