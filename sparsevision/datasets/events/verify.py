"""Checking an event data set on disk as the data set itself reads it: recordings, times, rectify maps, labels."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sparsevision.datasets.events.dataset import EventSegDataset, LabelledMoment
from sparsevision.datasets.events.reader import EventReader, open_events, read_rectify_map
from sparsevision.datasets.image_io import read_class_map
from sparsevision.datasets.transforms.event_labels import crop_rows, map_ids
from sparsevision.utils import UserError

BLOCK = 1 << 22  # events read at a time
UNLABELLED = 255
SHOWN = 5  # problems of one recording that are told one by one
INDEX_SLACK = 1000  # microseconds by which an index of events may miss a label's time
MICROSECONDS = 1e6  # in a second

Progress = Callable[[int, int], None]


@dataclass
class SequenceReport:
    """What was found in one recording.

    Attributes:
        split, name: of the recording.
        events: how many, 0 if it cannot be read.
        seconds: from the first to the last event.
        labels: {kind of labels: how many moments have one}.
        problems: a sentence each.
    """

    split: str
    name: str
    events: int = 0
    seconds: float = 0.0
    labels: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def check_sequence(
    split: str,
    name: str,
    makers: Mapping[str, Callable[[], EventSegDataset]],
    *,
    quick: bool = False,
    progress: Progress = lambda done, total: None,
) -> SequenceReport:
    """Read everything of one recording that the data set would read.

    Args:
        split, name: of the recording.
        makers: {kind of labels: makes the data set of this recording alone, with `outside` "skip"}.
        quick: of the events only the first and the last block, and those beside labels.
        progress: called with (events read, events in all).
    """
    report = SequenceReport(split, name)
    moments: dict[Path, list[LabelledMoment]] = {}
    for kind, make in makers.items():
        try:
            dataset, found = _opened(make)
        except UserError as error:
            report.problems.append(str(error))
            continue
        report.labels[kind] = len(found)
        if len(found) > len(dataset):
            report.problems.append(
                f"{kind}: {len(found) - len(dataset)} labels lie outside of the recording; give the data set "
                "outside='skip' to leave them out, or correct the times."
            )
        report.problems += _some(_label_problems(dataset))
        for moment in found:
            moments.setdefault(moment.events, []).append(moment)
        size = dataset.sensor_size
    for path, labelled in moments.items():
        _check_recording(path, labelled, size, report, quick=quick, progress=progress)
    report.problems = list(dict.fromkeys(report.problems))
    return report


def _opened(make: Callable[[], EventSegDataset]) -> tuple[EventSegDataset, list[LabelledMoment]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = make()
        return dataset, list(dataset.moments())


def _label_problems(dataset: EventSegDataset) -> list[str]:
    """Of sizes and ids of all label files."""
    problems = []
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        path = sample["sparse_path"] or sample["mask_path"]
        try:
            labels = crop_rows(read_class_map(path), path, sample)
            map_ids(labels, sample["label_ids"], path, unlabelled=UNLABELLED, ignore_index=UNLABELLED)
        except UserError as error:
            problems.append(str(error))
    return problems


def _check_recording(
    path: Path,
    moments: Sequence[LabelledMoment],
    size: tuple[int, int],
    report: SequenceReport,
    *,
    quick: bool,
    progress: Progress,
) -> None:
    rectify_map = moments[0].rectify_map
    if rectify_map is not None:
        report.problems += _rectify_problems(rectify_map, size)
    try:
        with open_events(path, sensor_size=size) as reader:
            report.events = len(reader)
            report.seconds = (reader.last_time - reader.first_time) / MICROSECONDS
            report.problems += _some(_index_problems(reader, moments))
            scan(reader, quick=quick, progress=progress)
    except UserError as error:
        report.problems.append(str(error))


def _rectify_problems(path: Path, size: tuple[int, int]) -> list[str]:
    try:
        found = read_rectify_map(path)
    except UserError as error:
        return [str(error)]
    if found.shape[:2] != tuple(size):
        return [
            f"{path}: of {found.shape[0]} rows and {found.shape[1]} columns; the sensor has {size[0]} and {size[1]}."
        ]
    return []


def _index_problems(reader: EventReader, moments: Sequence[LabelledMoment]) -> list[str]:
    """Does the recording's own index of times, or the data set's of events, lead to the event at each label?"""
    problems = []
    for moment in moments:
        try:
            boundary = reader.index_of(moment.time) if moment.boundary is None else moment.boundary
            if not 0 < boundary < len(reader):
                continue  # outside, which is told already
            before, after = reader.recording.times(boundary - 1, boundary + 1).tolist()
        except UserError as error:
            problems.append(str(error))
            continue
        if not before - INDEX_SLACK <= moment.time <= after + INDEX_SLACK:
            problems.append(
                f"{reader.path}: label {moment.sequence}/{moment.stem} at {moment.time} us is said to fall between "
                f"events {boundary - 1} and {boundary}, but these are at {before} and {after} us."
            )
    return problems


def scan(reader: EventReader, *, quick: bool = False, progress: Progress = lambda done, total: None) -> None:
    """Read all events, block by block; with `quick` the first and the last block only.

    Raises:
        EventFileError: the file breaks, times go backwards, or an event lies outside of the sensor.
    """
    total = len(reader)
    starts = range(0, total, BLOCK)
    for start in dict.fromkeys((starts[0], starts[-1])) if quick and starts else starts:
        reader.read(max(start - 1, 0), min(start + BLOCK, total))  # with the last event of the block before
        progress(min(start + BLOCK, total), total)


def _some(problems: Sequence[str]) -> list[str]:
    left = len(problems) - SHOWN
    return [*problems[:SHOWN], *([f"... and {left} more like these."] if left > 0 else [])]


def count_problems(reports: Sequence[SequenceReport], expected: Mapping[str, int]) -> list[str]:
    """Where the labels of a split are not as many as were published; `expected` by split, for the first kind."""
    problems = []
    for split, official in expected.items():
        counts = [next(iter(report.labels.values()), 0) for report in reports if report.split == split]
        if counts and sum(counts) != official:
            problems.append(f"{split}: {sum(counts)} labels in {len(counts)} recordings; published are {official}.")
    return problems


def table(reports: Sequence[SequenceReport]) -> str:
    """A row for every recording, and one for the sum of every split."""
    kinds = list(dict.fromkeys(kind for report in reports for kind in report.labels))
    rows = [("split", "recording", "events", "seconds", *kinds, "problems")]
    for split in dict.fromkeys(report.split for report in reports):
        own = [report for report in reports if report.split == split]
        rows += [_row(split, each.name, [each], kinds) for each in own]
        rows.append(_row(split, "all", own, kinds))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)  # words to the left, numbers to the right
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _row(split: str, name: str, reports: Sequence[SequenceReport], kinds: Sequence[str]) -> tuple[str, ...]:
    labels = [sum(report.labels.get(kind, 0) for report in reports) for kind in kinds]
    problems = sum(len(report.problems) for report in reports)
    seconds = sum(report.seconds for report in reports)
    return (
        split, name, f"{sum(report.events for report in reports):,}", f"{seconds:.2f}", *map(str, labels),
        str(problems) if problems else "none",
    )  # fmt: skip
