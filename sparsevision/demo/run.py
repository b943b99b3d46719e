"""Run demo entries, one after the other or some at a time, and write their page."""

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console

from sparsevision.demo.cover import write_cover
from sparsevision.demo.entry import DemoEntry, Outcome
from sparsevision.demo.page import write_page
from sparsevision.utils import UserError
from sparsevision.utils.processes import map_in_processes, usable_processors

ABOVE, ERROR = "stands above", "Error: "
console = Console()


@dataclass(frozen=True)
class Demo:
    """What was written.

    Attributes:
        page: path of the page.
        problems: name of each entry that could not run -> why.
    """

    page: Path
    problems: dict[str, str]


def run_demo(
    entries: Sequence[DemoEntry],
    folder: str | Path,
    *,
    jobs: int = 1,
    offered: Sequence[DemoEntry] = (),
    cover: Path | None = None,
) -> Demo:
    """Run `entries` below `folder` and write its `index.html`.

    An entry that cannot run here (weights out of reach, a package missing) is on the page with the reason, and the
    others go on.

    Args:
        entries: what is run.
        folder: for all that is made.
        jobs: entries at a time; with more than one, each writes what its tools say into `folder`/<name>.log.
        offered: entries that the page shows with their commands alone.
        cover: a WebP file to write, with a picture of each entry that ran.

    Raises:
        UserError: no entry could run.
    """
    folder, start = Path(folder), time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    work = partial(run_entry if jobs == 1 else run_quietly, folder=folder)
    if jobs > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, usable_processors() // jobs)))
    outcomes = map_in_processes(work, entries, workers=jobs)
    shown = [*outcomes, *(Outcome(entry=entry) for entry in offered)]
    page = write_page(folder, shown, minutes=(time.monotonic() - start) / 60)
    problems = {outcome.entry.name: outcome.problem for outcome in outcomes if outcome.problem}
    if len(problems) == len(entries):
        raise UserError(f"no part of the demo could run. {' '.join(sentences(problems))}")
    if cover is not None:
        write_cover(cover, outcomes)
    for sentence in sentences(problems):
        console.print(f"[yellow]Skipped {sentence}[/]", highlight=False)
    return Demo(page, problems)


def sentences(problems: dict[str, str]) -> list[str]:
    """Which entry could not run, and why."""
    return [f"{name}: {problem}" for name, problem in problems.items()]


def run_entry(entry: DemoEntry, *, folder: Path) -> Outcome:
    """Run one entry below its own folder of `folder`; whatever it raises becomes its `problem`."""
    console.rule(entry.title, align="left")
    start, before = time.monotonic(), processor_seconds()
    found: dict = {}
    try:
        found["result"] = entry.run(folder / entry.name)
    except (UserError, ImportError) as error:
        found["problem"] = str(error)
    except Exception as error:  # one entry's mistake is not to cost the others
        traceback.print_exc()
        found["problem"] = f"a mistake of ours ({type(error).__name__}: {error}); its traceback stands above"
    took = {"seconds": time.monotonic() - start, "processor_seconds": processor_seconds() - before}
    return Outcome(entry=entry, **found, **took)


def run_quietly(entry: DemoEntry, *, folder: Path) -> Outcome:
    """`run_entry` in a process of its own, which says a line at its beginning and at its end; the rest is in a log."""
    for number in (signal.SIGINT, signal.SIGTERM):  # either ends the tool that it called, too
        signal.signal(number, signal.default_int_handler)
    log = folder / f"{entry.name}.log"
    print(f"{entry.name}: begins, says more in {log}", flush=True)
    with output_to(log):
        outcome = run_entry(entry, folder=folder)
    outcome = replace(outcome, problem=_told(outcome.problem, log))
    ending = f"could not run: {outcome.problem}" if outcome.problem else f"done in {outcome.seconds:.0f} s"
    print(f"{entry.name}: {ending}", flush=True)
    return outcome


def _told(problem: str, log: Path) -> str:
    """A problem with what the tool that failed said in the log, where "above" is nowhere."""
    if ABOVE not in problem:
        return problem
    errors = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(ERROR)]
    if errors:
        return f"{errors[-1].removeprefix(ERROR)} ({log} says more)"
    return problem.replace(ABOVE, f"stands in {log}")


@contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Both outputs of this process, and of those that it starts meanwhile, go to a file."""
    streams = (sys.stdout, sys.stderr)
    kept = [os.dup(number) for number in (1, 2)]
    with log.open("w") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        for stream, number, old in zip(streams, (1, 2), kept, strict=True):
            stream.flush()
            os.dup2(old, number)
            os.close(old)


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
