"""What the event data sets share: labelled moments of recordings, checked against what the recordings cover."""

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sparsevision.datasets.events.reader import open_events
from sparsevision.datasets.layouts import listed
from sparsevision.datasets.seeded import SeededDataset
from sparsevision.utils import UserError

PROTOCOLS = ("ess", "full")
FIRST_LABELS = 6  # of each sequence that ESS and EV-WSSS leave out: (250 // 100 + 1) * 2
LABEL_STEP = 2  # of the others they take every second


@dataclass(frozen=True, kw_only=True)
class LabelledMoment:
    """A sample before it becomes a dict.

    Attributes:
        sequence, stem: together the sample's name.
        time: of the label, in microseconds on the recording's clock.
        events: the recording.
        rectify_map: its rectify map, if the sensor has one.
        boundary: index of the first event that belongs to the future; None: the first with t >= time.
        mask: dense label file.
        sparse: label file with clicks.
        label_ids: {id in the label files: class id}.
    """

    sequence: str
    stem: str
    time: int
    events: Path
    rectify_map: Path | None = None
    boundary: int | None = None
    mask: Path | None = None
    sparse: Path | None = None
    label_ids: dict[int, int]


class EventSegDataset(SeededDataset):
    """Base of the event data sets: subclasses say which `moments` there are.

    A sample is {"events_path", "rectify_path" (None without a map), "time_us", "event_index" (None: by time),
    "mask_path", "sparse_path" (None if there is no such label), "label_ids", "sensor_size" (height, width),
    "crop_bottom", "sample_id": "<sequence>_<stem>", "sequence", "dataset": name}.

    Args:
        name: name of the data set in sample metainfo and messages.
        sensor_size: (height, width) of the recordings, in pixels.
        crop_bottom: rows at the lower edge that neither grids nor labels have.
        every: keep the first and then every n-th labelled moment, for fewer annotated frames.
        outside: what to do with a label without `min_events` before and after it: "error", or "skip" with a warning.
        min_events: (before, after) a label, at least 1 each; a pipeline of n grids needs n of a side that it loads.
        prepare: how to get the data, said in the error when they are missing.
        kwargs: passed on to SeededDataset (pipeline, seed, test_mode, indices, ...).

    Attributes:
        rectified: whether recordings come with rectify maps, to which the labels are aligned.

    Raises:
        UserError: data are missing or do not fit together; the message names the file.
    """

    rectified = False

    def __init__(
        self,
        *,
        name: str,
        sensor_size: tuple[int, int],
        crop_bottom: int,
        every: int = 1,
        outside: str = "error",
        min_events: tuple[int, int] = (1, 1),
        prepare: str = "",
        **kwargs,
    ) -> None:
        if outside not in ("error", "skip"):
            raise UserError(f"{type(self).__name__}: outside={outside!r}; expected 'error' or 'skip'.")
        if len(min_events) != 2 or min(min_events) < 1:
            raise UserError(
                f"{type(self).__name__}: min_events={min_events!r}; expected two numbers, at least 1 event before a "
                "label and at least 1 after it."
            )
        if every < 1:
            raise UserError(f"{type(self).__name__}: every={every}; expected 1 or more.")
        if not 0 <= crop_bottom < sensor_size[0]:
            raise UserError(f"{type(self).__name__}: crop_bottom={crop_bottom} of {sensor_size[0]} rows leaves none.")
        self.name = name
        self.sensor_size = tuple(sensor_size)
        self.crop_bottom = crop_bottom
        self.every = every
        self.outside = outside
        self.min_events = tuple(min_events)
        self.prepare = prepare
        super().__init__(**kwargs)

    @abstractmethod
    def moments(self) -> Iterable[LabelledMoment]:
        """The labelled moments, in a fixed order."""

    def load_data_list(self) -> list[dict]:
        """Check the moments against their recordings."""
        moments = list(self.moments())
        if not moments:
            raise UserError(f"Data set '{self.name}' has no labelled moment. {self.prepare}".strip())
        kept = self._inside(moments)
        if not kept:
            raise UserError(f"Data set '{self.name}': not one of {len(moments)} labels lies inside of its recording.")
        return [self._sample(moment) for moment in kept[:: self.every]]

    def _inside(self, moments: Sequence[LabelledMoment]) -> list[LabelledMoment]:
        paths = dict.fromkeys(moment.events for moment in moments)
        spans = {path: recording_span(path, self.min_events) for path in paths}
        problems = [outside_of(moment, spans[moment.events]) for moment in moments]
        bad = [(moment, problem) for moment, problem in zip(moments, problems, strict=True) if problem]
        if bad and self.outside == "error":
            more = f" So it is with {len(bad)} labels." if len(bad) > 1 else ""
            raise UserError(
                f"{bad[0][1]}{more} Correct the times, or give the data set outside='skip' to leave such labels out."
            )
        if bad:
            names = listed(f"{moment.sequence}/{moment.stem}" for moment, _ in bad)
            warnings.warn(f"{self.name}: left out {len(bad)} labels outside of their recordings: {names}", stacklevel=2)
        return [moment for moment, problem in zip(moments, problems, strict=True) if not problem]

    def _sample(self, moment: LabelledMoment) -> dict:
        paths = {"rectify_path": moment.rectify_map, "mask_path": moment.mask, "sparse_path": moment.sparse}
        return {
            "events_path": str(moment.events),
            **{key: None if path is None else str(path) for key, path in paths.items()},
            "time_us": moment.time,
            "event_index": moment.boundary,
            "label_ids": moment.label_ids,
            "sensor_size": self.sensor_size,
            "crop_bottom": self.crop_bottom,
            "sample_id": f"{moment.sequence}_{moment.stem}",
            "sequence": moment.sequence,
            "dataset": self.name,
        }


def by_protocol(labels: Sequence, protocol: str) -> Sequence:
    """The labels of one sequence that a protocol uses.

    "ess" drops the first 6 and takes every second of the others, as the code of ESS and EV-WSSS does in training and
    in testing; "full" takes all. Raises UserError for another name.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol={protocol!r}; expected one of {', '.join(PROTOCOLS)}.")
    return labels[FIRST_LABELS::LABEL_STEP] if protocol == "ess" else labels


def names_of(sequences: Sequence[str] | str) -> list[str]:
    """Names as a list; a single one may be given by itself, as on a command line."""
    return [sequences] if isinstance(sequences, str) else list(sequences)


@dataclass(frozen=True)
class Span:
    """What a recording covers.

    Attributes:
        first, last: times of the first and the last event, in microseconds.
        count: number of events.
        needed: of these events before and after a label.
        opens, closes: a label has as many as needed if opens < time <= closes.
    """

    first: int
    last: int
    count: int
    needed: tuple[int, int]
    opens: int
    closes: int


def recording_span(path: Path, needed: tuple[int, int] = (1, 1)) -> Span:
    """What a recording covers, and where labels have so many events before and after them.

    Raises:
        UserError: it is empty or cannot be read.
    """
    with open_events(path) as reader:
        count = len(reader)
        if not count:
            raise UserError(f"{path}: the recording holds no event.")
        ends = min(needed[0], count) - 1, max(count - needed[1], 0)
        opens, closes = (int(reader.recording.times(end, end + 1)[0]) for end in ends)
        return Span(int(reader.first_time), int(reader.last_time), count, tuple(needed), opens, closes)


def outside_of(moment: LabelledMoment, span: Span) -> str | None:
    """None if there are enough events before and after the moment; else what is wrong."""
    label, (before, after) = f"{moment.sequence}/{moment.stem}", span.needed
    if moment.boundary is not None:
        inside, enough = 0 < moment.boundary < span.count, before <= moment.boundary <= span.count - after
        place, covered = f"event {moment.boundary}", f"has {span.count}"
    else:
        inside, enough = span.first < moment.time <= span.last, span.opens < moment.time <= span.closes
        place, covered = f"{moment.time} us", f"covers {span.first} to {span.last} us"
    if inside and enough:
        return None
    if inside:
        few = f"has fewer than {before} events before it or fewer than {after} after it"
        return f"{moment.events}: label {label} at {place} {few}; the recording {covered}."
    if moment.boundary is not None:
        return f"{moment.events}: label {label} is at {place}, but the recording {covered}."
    return f"{moment.events}: label {label} at {place} lies outside of the recording, which {covered}."
