"""What tools that compare speeds share: contenders take turns, figures meet bars and are told, also on a page."""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sparsevision.utils import write_json
from sparsevision.zoo.runs import write_block
from sparsevision.zoo.tables import markdown_table

Clock = Callable[[], float]
Found = TypeVar("Found")
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A measured number: `value` is in milliseconds unless the tool says otherwise of this `work`."""

    work: str
    name: str
    value: float


@dataclass(frozen=True)
class Bar:
    """In this work, `slow` is to take at least `wanted` times as much as `fast`."""

    work: str
    fast: str
    slow: str
    wanted: float


@dataclass(frozen=True)
class Report:
    """What a benchmark found.

    Attributes:
        caption: under which circumstances.
        tables: header and rows of each.
        sentences: bars, met or not.
    """

    caption: str
    tables: Sequence[tuple[Sequence[str], Rows]]
    sentences: Sequence[str]

    def show(self, console: Console) -> None:
        """On the screen."""
        console.print(self.caption, soft_wrap=True)
        for header, rows in self.tables:
            table = Table(*header)
            for row in rows:
                table.add_row(*row)
            console.print(table)
        for sentence in self.sentences:
            console.print(sentence, soft_wrap=True)

    def markdown(self) -> str:
        """For a page."""
        parts = [self.caption, *(markdown_table(header, rows) for header, rows in self.tables)]
        return "\n\n".join([*parts, "\n".join(f"* {sentence}" for sentence in self.sentences)])


def take_turns(work: str, contenders: Mapping[str, Callable[[], Found]], *, rounds: int) -> dict[str, list[Found]]:
    """What each contender's turns return; each has a turn that does not count before those that do."""
    found: dict[str, list[Found]] = {name: [] for name in contenders}
    for turn in track(range(rounds + 1), description=work, transient=True):
        for name, run in contenders.items():
            returned = run()
            if turn:
                found[name].append(returned)
    return found


def milliseconds_of(run: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """What a call takes by this clock."""
    start = clock()
    run()
    return 1000 * (clock() - start)


def measure(
    work: str, contenders: Mapping[str, Callable[[], object]], *, rounds: int, clock: Clock = time.perf_counter
) -> list[Figure]:
    """Milliseconds of each one's fastest turn; each does the work once before its turns count."""
    timed = {name: partial(milliseconds_of, run, clock) for name, run in contenders.items()}
    with torch.no_grad():
        return [Figure(work, name, min(turns)) for name, turns in take_turns(work, timed, rounds=rounds).items()]


def fastest(name: str) -> str:
    """Under which name a contender's fastest turn is told beside its median one."""
    return f"{name}, fastest turn"


def medians(work: str, turns: Mapping[str, Sequence[float]]) -> list[Figure]:
    """The median of each one's turns, and the least of them under a name of its own."""
    middle = [Figure(work, name, statistics.median(own)) for name, own in turns.items()]
    return middle + [Figure(work, fastest(name), min(own)) for name, own in turns.items()]


def bar_sentences(figures: Sequence[Figure], bars: Sequence[Bar]) -> list[str]:
    """A sentence for each bar both of whose sides were measured."""
    values = {(figure.work, figure.name): figure.value for figure in figures}
    said = []
    for bar in bars:
        pair = values.get((bar.work, bar.fast)), values.get((bar.work, bar.slow))
        if all(pair):
            ratio = pair[1] / pair[0]
            met = unless_met(ratio >= bar.wanted)
            said.append(f"{bar.work}: {bar.fast} {ratio:.2f}x {bar.slow} (at least {bar.wanted:g}x wanted{met})")
    return said


def unless_met(met: bool) -> str:
    """How a sentence about a bar ends."""
    return "" if met else ", NOT MET"


def add_output_options(parser: argparse.ArgumentParser, *, marker: str) -> None:
    """Options --out and --readme; the page has lines <!-- marker:begin --> and <!-- marker:end -->."""
    between = f"between <!-- {marker}:begin --> and <!-- {marker}:end -->"
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--readme", type=Path, help=f"page that receives the tables, {between}")


def add_timing_options(parser: argparse.ArgumentParser, *, marker: str) -> None:
    """Options --threads and --processor-time, and those of `add_output_options`."""
    parser.add_argument("--threads", type=int, help="of torch (default: as torch finds best)")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count seconds of the processor instead of the wall's, for one thread on a machine that others use too",
    )
    add_output_options(parser, marker=marker)


def start_clock(args: argparse.Namespace, parser: argparse.ArgumentParser) -> Clock:
    """Set torch's threads as the options say and return the clock to use; a usage error if they contradict."""
    if args.threads is not None and args.threads < 1:
        parser.error("--threads must be at least 1")
    if args.processor_time and args.threads != 1:
        parser.error("--processor-time adds up what all threads take: say --threads 1 too")
    if args.threads:
        torch.set_num_threads(args.threads)
    return time.process_time if args.processor_time else time.perf_counter


def publish(args: argparse.Namespace, figures: Sequence[Figure], report: Report, *, marker: str) -> None:
    """Show the report, and write what --out and --readme ask for.

    Raises:
        UserError: a file cannot be written or a page has no markers.
    """
    report.show(Console())
    if args.out:
        write_json(args.out, [asdict(figure) for figure in figures])
    if args.readme:
        write_block(args.readme, report.markdown(), marker=marker)
