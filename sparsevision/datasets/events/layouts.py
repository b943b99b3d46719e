"""Where the files of a DSEC sequence lie, in the conventions in which people keep them.

Conventions: the official archives of DSEC and DSEC-Semantic; the folders of ESS; those of EV-WSSS. Each ingredient is
looked for by itself, so that e.g. ESS' labels beside officially unpacked events are found as well.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.datasets.layouts import index_by_stem, listed
from sparsevision.utils import UserError

ARCHIVES = ("{split}", "DSEC_Semantic/{split}", "{split}_events", "{split}_semantic_segmentation/{split}")
HOMES = (*ARCHIVES, "{split}_semantic_segmentation", ".")
EVENTS = ("events/left", "left")
TIMES = ("{sequence}_semantic_timestamps.txt", "semantic/timestamps.txt", "timestamps.txt")
LABELS = ("{coding}", "semantic/left/{coding}/data", "semantic/left/{coding}")


@dataclass(frozen=True)
class EventFiles:
    """A recording and its rectify map; the map's path is the expected one, whether or not it is there."""

    events: Path
    rectify_map: Path


def find_sequences(root: str | Path, *, split: str, help_text: str = "") -> list[str]:
    """Names of the sequences of a split that have labels or events somewhere under `root`, sorted.

    Raises:
        UserError: there is none.
    """
    homes = [home for home in HOMES if "{split}" in home]
    found = set()
    for home in _folders(root, homes, split=split):
        found |= {entry.name for entry in home.iterdir() if entry.is_dir() and any(_parts(entry))}
    if not found:
        expected = ", ".join(home.format(split=split) for home in homes)
        raise UserError(
            f"'{root}' holds no sequence of the split '{split}' (looked in {expected}). {help_text}".strip()
        )
    return sorted(found)


def find_events(root: str | Path, *, split: str, sequence: str, help_text: str = "") -> EventFiles:
    """events.h5 of a sequence.

    Raises:
        UserError: there is none; the message lists where it was looked for.
    """
    folders = [f"{home}/{sequence}/{inner}" for home in HOMES for inner in EVENTS]
    found = first_path(root, [f"{folder}/events.h5" for folder in folders], split=split)
    if found is None:
        raise UserError(_not_found("events.h5", root, sequence, split, EVENTS, help_text))
    return EventFiles(found, found.with_name("rectify_map.h5"))


def find_times(root: str | Path, *, split: str, sequence: str, help_text: str = "") -> Path:
    """The text file of label times of a sequence. Raises UserError if there is none."""
    found = _in_sequence(root, split, sequence, TIMES)
    if found is None:
        raise UserError(_not_found("file of label times", root, sequence, split, TIMES, help_text))
    return found


def find_labels(
    root: str | Path, *, split: str, sequence: str, classes: Iterable[int], points: int | None = None
) -> tuple[Path, int] | None:
    """The folder of dense labels (or of `points` clicks a class) and how many classes its files have.

    classes: the codings that will do, the best one first. None if there is no such folder.
    """
    for count in classes:
        found = _in_sequence(root, split, sequence, LABELS, coding=label_folder(count, points))
        if found is not None:
            return found, count
    return None


def label_folder(classes: int, points: int | None = None) -> str:
    """Name of the folder of dense labels, or of `points` clicks a class, of so many classes."""
    return f"{classes}classes" + ("" if points is None else f"_weak_{points}point_per_class")


def read_times(path: Path) -> np.ndarray:
    """Label times in microseconds, int64 (N,): one whole number a line.

    Raises:
        UserError: a line is no whole number, or times go backwards.
    """
    try:
        times = np.array([int(line) for line in path.read_text().split()], dtype=np.int64)
    except (ValueError, OverflowError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: expected one time in whole microseconds a line ({error}).") from None
    backwards = np.flatnonzero(np.diff(times) < 0)
    if backwards.size:
        line = int(backwards[0]) + 1
        raise UserError(
            f"{path}: timestamps go backwards: line {line} says {times[line - 1]} us and line {line + 1} {times[line]} "
            "us. Label times must rise; get the file again."
        )
    return times


def timed_labels(
    folder: Path, times: np.ndarray, times_path: Path, *, number_of: Callable[[str], int | None] | None = None
) -> list[tuple[str, int, Path]]:
    """(stem, time, file) of the label PNGs of a folder, in order.

    As many labels as times are paired in order; else a label's number is its line (000012.png: line 13). With a
    `number_of` (stem -> number), it always is.

    Raises:
        UserError: labels and times do not fit together.
    """
    files, _ = index_by_stem(folder, (".png",))
    if len(files) == len(times) and number_of is None:
        lines: list[int | None] = list(range(len(times)))
    else:
        lines = [(number_of or plain_number)(stem) for stem in files]
    strange = [stem for stem, line in zip(files, lines, strict=True) if line is None or line >= len(times)]
    if strange or not files:
        raise UserError(
            f"{folder}: {len(files)} labels, but {times_path} holds {len(times)} times"
            + (f"; no time for {listed(strange)}" if strange else "")
            + ". Are both from the same archive?"
        )
    return [(stem, int(times[line]), path) for (stem, path), line in zip(files.items(), lines, strict=True)]


def plain_number(stem: str) -> int | None:
    """000012 -> 12; None for anything but digits."""
    return int(stem) if stem.isdecimal() else None


def first_path(root: str | Path, patterns: Iterable[str], **names: object) -> Path | None:
    """The first of these paths below `root` that exists."""
    paths = (Path(root) / pattern.format(**names) for pattern in patterns)
    return next((path for path in paths if path.exists()), None)


def _in_sequence(root: str | Path, split: str, sequence: str, inner: Iterable[str], **names: object) -> Path | None:
    patterns = [f"{home}/{{sequence}}/{each}" for home in HOMES for each in inner]
    return first_path(root, patterns, split=split, sequence=sequence, **names)


def _parts(folder: Path) -> Iterable[bool]:
    """For each thing that makes a folder a sequence: is it there?"""
    for pattern in ("events/left/events.h5", "left/events.h5", "*classes*", "semantic/left/*classes*"):
        yield any(True for _ in folder.glob(pattern))


def _folders(root: str | Path, homes: Iterable[str], *, split: str) -> list[Path]:
    paths = [Path(root) / home.format(split=split) for home in homes]
    return [path for path in paths if path.is_dir()]


def _not_found(what: str, root: str | Path, sequence: str, split: str, inner: Iterable[str], help_text: str) -> str:
    places = ", ".join(f"{sequence}/{each.format(sequence=sequence)}" for each in inner)
    homes = ", ".join(home.format(split=split) for home in HOMES)
    return f"No {what} of sequence '{sequence}' under '{root}': looked for {places} in {homes}. {help_text}".strip()
