"""What tools that compare speeds share: contenders take turns, figures meet bars and are told, also on a page."""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sparsevision.utils import UserError, atomic_write
from sparsevision.zoo.tables import markdown_table, replace_between_markers

Clock = Callable[[], float]


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
    tables: Sequence[tuple[Sequence[str], Sequence[Sequence[str]]]]
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


@torch.no_grad()
def measure(
    work: str, contenders: Mapping[str, Callable[[], object]], *, rounds: int, clock: Clock = time.perf_counter
) -> list[Figure]:
    """Milliseconds of each one's fastest turn; each does the work once before its turns count."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in track(range(rounds + 1), description=work, transient=True):
        for name, run in contenders.items():
            start = clock()
            run()
            spent = clock() - start
            if turn:
                seconds[name].append(spent)
    return [Figure(work, name, 1000 * min(turns)) for name, turns in seconds.items()]


def bar_sentences(figures: Sequence[Figure], bars: Sequence[Bar]) -> list[str]:
    """A sentence for each bar both of whose sides were measured."""
    values = {(figure.work, figure.name): figure.value for figure in figures}
    said = []
    for bar in bars:
        pair = values.get((bar.work, bar.fast)), values.get((bar.work, bar.slow))
        if all(pair):
            ratio = pair[1] / pair[0]
            met = "" if ratio >= bar.wanted else ", NOT MET"
            said.append(f"{bar.work}: {bar.fast} {ratio:.2f}x {bar.slow} (at least {bar.wanted:g}x wanted{met})")
    return said


def add_timing_options(parser: argparse.ArgumentParser, *, begin: str, end: str) -> None:
    """Options --threads, --processor-time, --out and --readme; the page has the two markers."""
    parser.add_argument("--threads", type=int, help="of torch (default: as torch finds best)")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count seconds of the processor instead of the wall's, for one thread on a machine that others use too",
    )
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--readme", type=Path, help=f"page that receives the tables, between {begin} and {end}")


def start_clock(args: argparse.Namespace, parser: argparse.ArgumentParser) -> Clock:
    """Set torch's threads as the options say and return the clock to use; a usage error if they contradict."""
    if args.threads is not None and args.threads < 1:
        parser.error("--threads must be at least 1")
    if args.processor_time and args.threads != 1:
        parser.error("--processor-time adds up what all threads take: say --threads 1 too")
    if args.threads:
        torch.set_num_threads(args.threads)
    return time.process_time if args.processor_time else time.perf_counter


def publish(args: argparse.Namespace, figures: Sequence[Figure], report: Report, *, begin: str, end: str) -> None:
    """Write what --out and --readme ask for. UserError if a file cannot be written or a page has no markers."""
    try:
        if args.out:
            with atomic_write(args.out) as stream:
                stream.write((json.dumps([asdict(figure) for figure in figures], indent=2) + "\n").encode())
        if args.readme:
            page = args.readme.read_text(encoding="utf-8")
            text = replace_between_markers(page, report.markdown(), begin=begin, end=end, where=str(args.readme))
            with atomic_write(args.readme) as file:
                file.write(text.encode())
    except OSError as error:
        raise UserError(f"cannot write {error.filename or args.readme or args.out}: {error.strerror}") from error
