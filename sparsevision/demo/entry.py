"""What a method hands to the demo page: one `DemoEntry`, whose `run` returns one `DemoResult`."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sparsevision.utils import find_config


@dataclass(frozen=True)
class Picture:
    """A picture or video below the demo folder, and the line under it."""

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
    """One section of the page.

    Attributes:
        name: of it and of its folder.
        title: its heading.
        about: what is done, from which annotations.
        run: works below the folder that it is given. An exception from it ends this entry alone; that of a
            `UserError` or `ImportError` tells a person why.
        longer: the commands of the whole training, which are offered and not run.
        main: belongs to the short demo; the gallery runs all.
        cover: number of the picture that stands for it on a cover, from 0.
    """

    name: str
    title: str
    about: str
    run: Callable[[Path], DemoResult]
    longer: Callable[[], list[str]]
    main: bool = True
    cover: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an entry.

    Attributes:
        entry: it.
        result: what came out.
        problem: why nothing did; with neither, it was not asked for.
        seconds: that it took.
        processor_seconds: of it and of the tools that it called, over all cores.
    """

    entry: DemoEntry
    result: DemoResult | None = None
    problem: str = ""
    seconds: float = 0.0
    processor_seconds: float = 0.0


def shipped_config(name: str) -> str:
    """Path of a shipped config, as one would type it here."""
    return os.path.relpath(find_config(name))
