"""The command line that the converters of point-cloud sets share."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sparsevision.datasets.points.prepare.card import CARD, check_card, check_splits, split_problems, write_card
from sparsevision.datasets.points.prepare.raw_set import RawSet
from sparsevision.datasets.points.prepare.runner import Outcome, preparation, sweep, verification
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import resumable, tool_parser
from sparsevision.utils.processes import map_in_processes

SHOWN = 30  # notes of a kind that are printed; all are in the scenes' source.json
Splits = Mapping[str, Sequence[str]]


def run_prepare(
    arguments: list[str] | None,
    *,
    description: str,
    examples: str | None = None,
    make: Callable[[argparse.Namespace], RawSet],
    add_options: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> int:
    """Parse SOURCE --out OUT [--workers N] [--verify]; prepare all scenes, or compare them with the raw files.

    Args:
        arguments: the command line; None for sys.argv.
        description: help text.
        examples: command lines, for the help text.
        make: from the parsed arguments to the data set.
        add_options: adds a converter's own options.

    Returns:
        0 when all is done (and the same), 1 when --verify found differences, 2 on bad input, 130 after Ctrl-C.
    """
    parser = _parser(description, examples)
    add_options(parser)
    args = parser.parse_args(arguments)
    return resumable(lambda: _convert(args, make))


def _parser(description: str, examples: str | None) -> argparse.ArgumentParser:
    parser = tool_parser(description, examples)
    parser.add_argument("source", metavar="SOURCE", help="folder of the raw files, as they were unpacked")
    parser.add_argument("--out", required=True, help="folder of the prepared set")
    parser.add_argument("--workers", type=int, default=1, help="processes; each holds one scene (default: %(default)s)")
    parser.add_argument("--scenes", nargs="+", metavar="PATTERN", help="only these, e.g. Area_5/* (default: all)")
    parser.add_argument("--overwrite", action="store_true", help="prepare scenes again that are there already")
    parser.add_argument(
        "--rewrite-splits", action="store_true", help="scenes that are there may move to another split; arrays stay"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read the raw files again, compare them with what was prepared, print a table; writes nothing",
    )
    return parser


def _convert(args: argparse.Namespace, make: Callable[[argparse.Namespace], RawSet]) -> int:
    if args.workers < 1:
        raise UserError(f"--workers {args.workers}: expected 1 or more processes.")
    if not Path(args.source).is_dir():
        raise UserError(f"{args.source}: there is no such folder.")
    if Path(args.out).resolve() == Path(args.source).resolve():
        raise UserError(f"--out {args.out}: is the folder of the raw files; choose another one.")
    check_out_folder(args.out, "--out")
    raw = make(args)
    splits = raw.splits()
    keys = _chosen(splits, args.scenes)
    return _verify(args, raw, splits, keys) if args.verify else _prepare(args, raw, splits, keys)


def _chosen(splits: Splits, patterns: Sequence[str] | None) -> list[str]:
    keys = list(dict.fromkeys(key for keys in splits.values() for key in keys))
    if patterns is None:
        return keys
    for pattern in patterns:
        if not any(fnmatchcase(key, pattern) for key in keys):
            raise UserError(f"--scenes {pattern}: no scene of this name; there are {keys[0]} to {keys[-1]}.")
    return [key for key in keys if any(fnmatchcase(key, pattern) for pattern in patterns)]


def _prepare(args: argparse.Namespace, raw: RawSet, splits: Splits, keys: Sequence[str]) -> int:
    root = Path(args.out)
    if not args.overwrite:
        check_card(root, raw)
    if not (args.overwrite or args.rewrite_splits):
        check_splits(root, splits)
    sweep(root, keys)
    try:
        outcomes = _over(preparation(raw, root, overwrite=args.overwrite), keys, args.workers, "preparing")
    finally:
        sweep(root, keys)
    failed = [outcome for outcome in outcomes if outcome.problems]
    try:
        counts = write_card(root, raw, splits)
    except OSError as error:
        raise UserError(f"{root}: cannot be written ({error.strerror or error}).") from error
    _print_notes(outcomes)
    _print_warnings(raw)
    written = sum(outcome.written for outcome in outcomes)
    kept = len(outcomes) - written - len(failed)
    points = sum(outcome.points for outcome in outcomes)
    print(f"{root}: {written} scenes written, {kept} already there; {points:,} points")
    print("splits: " + (", ".join(f"{name} {count}" for name, count in counts.items()) or "none"))
    for outcome in failed:
        print(f"error: {outcome.problems[0]}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} scenes are not prepared; put them right and run the same command", file=sys.stderr)
    return 2 if failed else 0


def _verify(args: argparse.Namespace, raw: RawSet, splits: Splits, keys: Sequence[str]) -> int:
    root = Path(args.out)
    if not (root / CARD).is_file():
        raise UserError(f"{root}: has no {CARD}, so it is no prepared set; run the same command without --verify.")
    outcomes = _over(verification(raw, root), keys, args.workers, "verifying")
    _print_notes(outcomes)
    _print_warnings(raw)
    print(_table(raw, outcomes))
    problems = [f"{outcome.key}: {problem}" for outcome in outcomes for problem in outcome.problems]
    problems += split_problems(root, raw, splits)
    for problem in problems:
        print(f"problem: {problem}")
    print(f"{root}: " + (f"{len(problems)} problems" if problems else "everything is in order"))
    return int(bool(problems))


def _over(function: Callable[[str], Outcome], keys: Sequence[str], workers: int, verb: str) -> list[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(verb, total=len(keys))
        return map_in_processes(function, keys, workers=workers, done=lambda: bar.advance(task))


def _print_notes(outcomes: Sequence[Outcome]) -> None:
    counts: Counter[str] = Counter()
    for note in (note for outcome in outcomes for note in outcome.notes):
        counts[note.kind] += 1
        if counts[note.kind] <= SHOWN:
            print(f"{note.kind}: {note.text}")
    for kind, count in counts.items():
        more = f", the first {SHOWN} are shown; all are in the scenes' source.json" if count > SHOWN else ""
        print(f"{kind}: {count} in all{more}")


def _print_warnings(raw: RawSet) -> None:
    for warning in raw.warnings():
        print(f"warning: {warning}")


def _table(raw: RawSet, outcomes: Sequence[Outcome]) -> str:
    """A row for each group of scenes, and one for all."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(raw.group(outcome.key), []).append(outcome)
    rows = [("part", "scenes", "points", "notes", "problems")]
    rows += [_row(name, own) for name, own in sorted(groups.items())]
    rows.append(_row("all", outcomes))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _row(name: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    points = sum(outcome.points for outcome in outcomes)
    problems = sum(len(outcome.problems) for outcome in outcomes)
    notes = sum(len(outcome.notes) for outcome in outcomes)
    return name, str(len(outcomes)), f"{points:,}", str(notes), str(problems) if problems else "none"
