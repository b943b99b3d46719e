"""The command line that the converters of scenes share."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from rich.progress import track

from sparsevision.datasets.views.files import whole_folder
from sparsevision.datasets.views.prepare.compare import folder_differences
from sparsevision.datasets.views.prepare.report import CARD, SceneReport, read_card, table, write_card
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import resumable, tool_parser


class Conversion(Protocol):
    """Raw scenes and how one becomes a prepared folder."""

    settings: Mapping[str, Any]  # what decides the result besides the raw files

    def folders(self, out: Path) -> Mapping[str, Path]:
        """Name of each scene and the folder that it is prepared in."""

    def prepare(self, key: str, folder: Path) -> SceneReport:
        """Write the scene into an empty folder; a UserError says what its raw files lack."""


def run_conversion(
    arguments: list[str] | None,
    *,
    description: str,
    examples: str | None = None,
    make: Callable[[argparse.Namespace], Conversion],
    add_options: Callable[[argparse.ArgumentParser], None],
) -> int:
    """Parse SOURCE --out OUT [--scenes ...] [--verify]; prepare the scenes, or compare them with the raw files.

    Returns:
        0 when all is done (and the same), 1 when --verify found differences, 2 on bad input, 130 after Ctrl-C.
    """
    parser = _parser(description, examples)
    add_options(parser)
    args = parser.parse_args(arguments)
    return resumable(lambda: _convert(args, make))


def _parser(description: str, examples: str | None) -> argparse.ArgumentParser:
    parser = tool_parser(description, examples)
    parser.add_argument("source", metavar="SOURCE", help="a scene as it was unpacked, or the folder of several")
    parser.add_argument("--out", required=True, help="folder of the prepared scene, or of several by their names")
    parser.add_argument(
        "--factor", type=float, default=4, help="how many times smaller the images (default: %(default)g)"
    )
    parser.add_argument("--scenes", nargs="+", metavar="PATTERN", help="only these, e.g. book 1* (default: all)")
    parser.add_argument("--overwrite", action="store_true", help="prepare scenes again that are there already")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="make the scenes again beside --out, compare them with what is there, print a table; writes nothing",
    )
    return parser


def _convert(args: argparse.Namespace, make: Callable[[argparse.Namespace], Conversion]) -> int:
    _check_folders(args)
    conversion = make(args)
    folders = _chosen(conversion.folders(Path(args.out)), args.scenes)
    return (_verify if args.verify else _prepare)(args, conversion, folders)


def _check_folders(args: argparse.Namespace) -> None:
    source, out = Path(args.source).resolve(), Path(args.out).resolve()
    if not source.exists():
        raise UserError(f"{args.source}: there is no such folder.")
    if out == source or source in out.parents or out in source.parents:
        raise UserError(f"--out {args.out}: lies in the raw files, or they in it; choose another folder.")
    check_out_folder(args.out, "--out")


def _chosen(folders: Mapping[str, Path], patterns: Sequence[str] | None) -> dict[str, Path]:
    for pattern in patterns or ():
        if not any(fnmatchcase(key, pattern) for key in folders):
            raise UserError(f"--scenes {pattern}: no scene of this name; there are {', '.join(folders)}.")
    return {
        key: folder for key, folder in folders.items() if not patterns or any(fnmatchcase(key, p) for p in patterns)
    }


def _prepare(args: argparse.Namespace, conversion: Conversion, folders: Mapping[str, Path]) -> int:
    reports, problems, kept = {}, {}, []
    for key, folder in track(list(folders.items()), "preparing", transient=True):
        try:
            if _is_there(folder, conversion.settings, overwrite=args.overwrite):
                kept.append(key)
                continue
            with whole_folder(folder) as new:
                report = _named(conversion, key, new, folder)
                write_card(new, conversion.settings, report)
            reports[key] = report
        except UserError as error:
            problems[key] = [str(error)]
    _print_notes(reports)
    if reports:
        print(table(reports, problems))
    print(f"{args.out}: {len(reports)} scenes written, {len(kept)} already there")
    for key, (problem,) in problems.items():
        print(f"error: {key}: {problem}", file=sys.stderr)
    return 2 if problems else 0


def _named(conversion: Conversion, key: str, new: Path, folder: Path) -> SceneReport:
    """Prepare a scene in the folder `new`; what is told about it names the folder that it is for."""
    try:
        return conversion.prepare(key, new)
    except UserError as error:
        raise UserError(str(error).replace(str(new), str(folder))) from error


def _is_there(folder: Path, settings: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Whether nothing is to be done. Raises UserError when something else would be replaced."""
    if not folder.exists() or not any(folder.iterdir()):
        return False
    card = read_card(folder)
    if card is None:
        raise UserError(f"{folder}: is there and no prepared scene (it has no {CARD}); choose another --out.")
    if overwrite:
        return False
    if card["settings"] != dict(settings):
        raise UserError(
            f"{folder}: was prepared with {card['settings']}; --overwrite replaces it, or choose another --out."
        )
    return True


def _verify(args: argparse.Namespace, conversion: Conversion, folders: Mapping[str, Path]) -> int:
    reports, problems = {}, {}
    for key, folder in track(list(folders.items()), "verifying", transient=True):
        problems[key] = []
        card = read_card(folder)
        if card is None:
            problems[key].append(f"{folder}: is no prepared scene (it has no {CARD}); run this without --verify.")
            continue
        if card["settings"] != dict(conversion.settings):
            problems[key].append(f"{folder}: was prepared with other settings: {card['settings']}")
            continue
        with tempfile.TemporaryDirectory() as made:
            try:
                reports[key] = _named(conversion, key, Path(made), folder)
                problems[key] += folder_differences(Path(made), folder)
            except UserError as error:
                problems[key].append(str(error))
    _print_notes(reports)
    print(table(reports, problems))
    found = [f"{key}: {problem}" for key, own in problems.items() for problem in own]
    print("\n".join(f"problem: {problem}" for problem in found) or f"{args.out}: everything is in order")
    return int(bool(found))


def _print_notes(reports: Mapping[str, SceneReport]) -> None:
    for key, report in reports.items():
        for note in report.notes:
            print(f"note: {key}: {note}")
