"""The command line that the converters of event data sets share."""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress

from sparsevision.datasets.events.install import install
from sparsevision.datasets.events.points import simulate_point_folder
from sparsevision.datasets.events.prepare import CLICKS, PreparedSet
from sparsevision.datasets.events.verify import SequenceReport, check_sequence, count_problems, table
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import resumable, tool_parser

Pairs = list[tuple[str, str]]  # (split, recording)
SOURCES = "folders with what was downloaded and unpacked; more than one if events and labels lie apart"


def run_prepare(
    arguments: list[str] | None,
    *,
    description: str,
    examples: str | None = None,
    make: Callable[[argparse.Namespace], PreparedSet],
    add_options: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> int:
    """Parse SOURCE... [--out OUT] [--points N...] [--verify]; link or copy, click, and check, in this order.

    Args:
        arguments: the command line; None for sys.argv.
        description: help text.
        examples: command lines, for the help text.
        make: from the parsed arguments to the data set.
        add_options: adds a converter's own options.

    Returns:
        0 when all is done (and in order), 1 when --verify found problems, 2 on bad input, 130 after Ctrl-C.
    """
    parser = tool_parser(description, examples)
    _add_files(parser)
    _add_clicks(parser)
    _add_checks(parser)
    add_options(parser)
    args = parser.parse_args(arguments)
    if not (args.out or args.points or args.verify):
        parser.error("nothing to do: give --out, --points or --verify")
    if not args.out and len(args.sources) > 1:
        parser.error("several folders need --out, the folder in which their files come together")
    if args.copy and not args.out:
        parser.error("--copy needs --out, the folder to copy to")
    return resumable(lambda: _run(args, make(args)))


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=SOURCES)
    parser.add_argument("--out", help="folder for links to the files, in the layout that the data set reads")
    parser.add_argument("--copy", action="store_true", help="copy the files to --out instead of linking them")
    parser.add_argument("--overwrite", action="store_true", help="replace files and links that are there already")
    parser.add_argument("--splits", nargs="+", help="of these splits only")
    parser.add_argument("--sequences", nargs="+", help="other recordings than the official ones; all: those found")


def _add_clicks(parser: argparse.ArgumentParser) -> None:
    clicks = parser.add_argument_group("clicks, made from the dense labels for training")
    clicks.add_argument("--points", nargs="+", type=int, choices=CLICKS, default=[], help="clicks per class and frame")
    clicks.add_argument("--seed", type=int, default=0, help="of all randomness (default: %(default)s)")
    clicks.add_argument("--per-component", action="store_true", help="clicks on each connected part of a class")
    clicks.add_argument("--centre-bias", type=float, default=0.0, help="0 anywhere to 1 at the centre of the class")
    clicks.add_argument("--drop", type=float, default=0.0, help="share of clicks that are forgotten")
    clicks.add_argument("--mislabel", type=float, default=0.0, help="share of clicks with a wrong class")


def _add_checks(parser: argparse.ArgumentParser) -> None:
    checks = parser.add_argument_group("checks")
    checks.add_argument(
        "--verify",
        action="store_true",
        help="read all events, times, rectify maps and labels, compare counts with the published ones, print a table; "
        "alone, it writes nothing",
    )
    checks.add_argument("--quick", action="store_true", help="read the first and last events only, and all labels")
    checks.add_argument("--protocol", choices=("full", "ess"), default="full", help="which labels (default: full)")
    checks.add_argument("--sensor-size", nargs=2, type=int, metavar=("ROWS", "COLUMNS"), help="of another sensor")
    checks.add_argument("--crop-bottom", type=int, help="lowest rows that labels do not have, of another sensor")


def _run(args: argparse.Namespace, prepared: PreparedSet) -> int:
    splits = args.splits or prepared.splits
    if set(splits) - set(prepared.splits):
        raise UserError(f"--splits {' '.join(splits)}: expected some of {', '.join(prepared.splits)}.")
    check_out_folder(args.out, "--out")
    for source in args.sources:
        if not Path(source).is_dir():
            raise UserError(f"{source}: there is no such folder.")
    pairs = _pairs(prepared, args.sources, splits, args.sequences)
    clicked = [name for split, name in pairs if split == prepared.splits[0]]
    if args.points and not clicked:
        raise UserError(f"--points clicks the split '{prepared.splits[0]}', of which no recording was asked for.")
    root = args.out or args.sources[0]
    if args.out:
        _install(args, prepared, pairs)
    if args.points:
        _click(args, prepared, root, clicked)
    return _verify(args, prepared, root, pairs) if args.verify else 0


def _pairs(prepared: PreparedSet, roots: Sequence[str], splits: Sequence[str], wanted: Sequence[str] | None) -> Pairs:
    pairs = [(split, name) for split in splits for name in prepared.sequences(roots, split, wanted)]
    missing = sorted(set(wanted or ()) - {"all"} - {name for _, name in pairs})
    if missing or not pairs:
        raise UserError(f"No recording {', '.join(missing) or 'at all'} of the splits {', '.join(splits)} in {roots}.")
    return pairs


def _install(args: argparse.Namespace, prepared: PreparedSet, pairs: Pairs) -> None:
    out = Path(args.out)
    plans = [
        prepared.placements(args.sources, split, name, out, without_clicks=args.points if split == "train" else ())
        for split, name in pairs
    ]
    placements = list({placement.target: placement for plan in plans for placement in plan}.values())
    with Progress(transient=True) as bar:
        task = bar.add_task("copying" if args.copy else "linking", total=sum(each.size for each in placements))
        options = {"copy": args.copy, "overwrite": args.overwrite}
        counts = install(placements, **options, progress=lambda size: bar.advance(task, size))
    print(f"{out}: {counts['placed']} {'copied' if args.copy else 'linked'}, {counts['kept']} already there")


def _click(args: argparse.Namespace, prepared: PreparedSet, root: str, names: Sequence[str]) -> None:
    options = {name: getattr(args, name) for name in ("seed", "per_component", "centre_bias", "drop", "mislabel")}
    counts: Counter[str] = Counter(written=0, kept=0)
    with Progress(transient=True) as bar:
        for name in bar.track(names, description="clicking"):
            dense = prepared.dense_folder(root, name)
            for points in args.points:
                counts += simulate_point_folder(
                    dense,
                    prepared.click_folder(dense, points),
                    per_class=points,
                    key=f"{prepared.key}/{name}",
                    classes=range(prepared.classes),
                    overwrite=args.overwrite,
                    **options,
                )
    print(f"{root}: clicks on {counts['written']} frames written, {counts['kept']} already up to date")


def _verify(args: argparse.Namespace, prepared: PreparedSet, root: str, pairs: Pairs) -> int:
    options: dict[str, Any] = {} if args.sensor_size is None else {"sensor_size": tuple(args.sensor_size)}
    options |= {} if args.crop_bottom is None else {"crop_bottom": args.crop_bottom}
    reports: list[SequenceReport] = []
    with Progress(transient=True) as bar:
        whole, one = bar.add_task("verifying", total=len(pairs)), bar.add_task("events")
        for split, name in pairs:
            bar.update(one, description=name, completed=0)
            makers = prepared.makers(root, split, name, protocol=args.protocol, **options)
            told = lambda done, total: bar.update(one, completed=done, total=total)  # noqa: E731
            reports.append(check_sequence(split, name, makers, quick=args.quick, progress=told))
            bar.advance(whole)
    problems = [f"{report.split}/{report.name}: {problem}" for report in reports for problem in report.problems]
    if not args.sequences:
        problems += count_problems(reports, prepared.official[args.protocol])
    print(table(reports))
    for problem in problems:
        print(f"problem: {problem}")
    print(f"{root}: " + (f"{len(problems)} problems" if problems else "everything is in order"))
    return int(bool(problems))
