"""Run demo entries one after the other and write their page."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from sparsevision.demo.entry import DemoEntry, DemoResult
from sparsevision.demo.page import write_page
from sparsevision.utils import UserError

console = Console()


def run_demo(entries: Sequence[DemoEntry], folder: str | Path) -> Path:
    """Run `entries` below `folder`; returns the path of the page.

    An entry that cannot run here (weights out of reach, a package missing) is shown as skipped, with the reason.

    Raises:
        UserError: no entry could run.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = [_run(entry, folder, f"[{number}/{len(entries)}]") for number, entry in enumerate(entries, 1)]
    page = write_page(folder, outcomes)
    skipped = [f"{entry.name}: {outcome}" for entry, outcome, _ in outcomes if isinstance(outcome, str)]
    if len(skipped) == len(entries):
        raise UserError(f"no part of the demo could run. {' '.join(skipped)}")
    for sentence in skipped:
        console.print(f"[yellow]Skipped {sentence}[/]", highlight=False)
    return page


def _run(entry: DemoEntry, folder: Path, position: str) -> tuple[DemoEntry, DemoResult | str, float]:
    console.rule(f"{position} {entry.title}", align="left")
    start = time.monotonic()
    try:
        outcome: DemoResult | str = entry.run(folder / entry.name)
    except (UserError, ImportError) as error:
        outcome = str(error)
    return entry, outcome, time.monotonic() - start
