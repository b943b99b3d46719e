"""One reader of event recordings, whatever file format they are in.

Times are whole microseconds on the recording's own clock throughout.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from sparsevision.datasets.events.errors import RECOVER, EventFileError, backwards, reason_of
from sparsevision.datasets.events.formats.hdf5 import read_rectify_map
from sparsevision.datasets.events.formats.recording import Recording, first_fall, left_out
from sparsevision.datasets.events.formats.table import find_format
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError

__all__ = ["EventReader", "open_events", "read_events", "read_rectify_map"]

SCAN_BLOCK = 1 << 20


class EventReader:
    """Events of a recording by number. Made by `open_events`.

    The file is opened at first use, and again in every process that uses the reader: it may be pickled, and it
    survives a fork. A context manager closes it.

    Args:
        path: the file or folder.
        format: name of the format in `formats.table.FORMATS`.
        recover: keep the good prefix of a broken file.
        sensor_size: (height, width); None: what the file says.
        time_unit: of text and npz: "s", "us", or None to tell by the numbers.
    """

    def __init__(
        self,
        path: Path,
        *,
        format: str,
        recover: bool = False,
        sensor_size: tuple[int, int] | None = None,
        time_unit: str | None = None,
    ) -> None:
        self.path = path
        self.format = format
        self._given_size = checked_size(sensor_size)
        self._options = {"recover": recover} | ({} if time_unit is None else {"time_unit": time_unit})
        self._recording: Recording | None = None
        self._process: int | None = None

    @property
    def recording(self) -> Recording:
        """The open file of this process."""
        if self._recording is None or self._process != os.getpid():
            recording = find_format(self.path, self.format).open(self.path, **self._options)
            if self._options["recover"]:
                keep_inside(recording, self._given_size or recording.sensor_size)
            self._recording, self._process = recording, os.getpid()
        return self._recording

    @property
    def sensor_size(self) -> tuple[int, int] | None:
        """(height, width) in pixels, as given or else as the file says; None if neither."""
        return self._given_size or self.recording.sensor_size

    @property
    def first_time(self) -> int:
        """Of the first event, in microseconds. Raises EventFileError if there is none."""
        return self._time(0)

    @property
    def last_time(self) -> int:
        """Of the last event, in microseconds. Raises EventFileError if there is none."""
        return self._time(len(self) - 1)

    def __len__(self) -> int:
        return self.recording.count

    def index_of(self, time: int) -> int:
        """Number of the first event with t >= time (microseconds), len(reader) if there is none."""
        return min(self.recording.index_of(int(time)), len(self))

    def read(self, first: int, last: int) -> Events:
        """Events number first to last - 1.

        Raises:
            UserError: not 0 <= first <= last <= len(reader).
            EventFileError: the file breaks there, times go backwards, or an event lies outside of the sensor.
        """
        first, last = int(first), int(last)
        if not 0 <= first <= last <= len(self):
            raise UserError(f"{self.path}: events {first} to {last} asked for, of {len(self)}.")
        found = self.recording.read(first, last)
        fall = first_fall(found.t)
        if fall is not None:
            place = self.recording.place(first + fall)
            times = {"before": int(found.t[fall - 1]), "after": int(found.t[fall])}
            raise backwards(self.path, index=first + fall, **times, offset=place)
        events = Events(x=found.x, y=found.y, t=found.t, p=found.p, sensor_size=self.sensor_size)
        self._check_sensor(events, first)
        return events

    def close(self) -> None:
        """Let go of the file; a later use opens it again."""
        if self._recording is not None and self._process == os.getpid():
            self._recording.close()
        self._recording = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_recording": None, "_process": None}

    def _time(self, index: int) -> int:
        if not len(self):
            raise EventFileError(f"{self.path}: the recording holds no event.")
        return int(self.recording.times(index, index + 1)[0])

    def _check_sensor(self, events: Events, first: int) -> None:
        index = first_outside(events, self.sensor_size)
        if index is not None:
            raise outside(self.recording, events, index, first, self.sensor_size)


def checked_size(sensor_size: tuple[int, int] | None) -> tuple[int, int] | None:
    """(height, width) as whole numbers, None for None. Raises UserError for anything else."""
    if sensor_size is None:
        return None
    size = tuple(int(side) for side in np.ravel(sensor_size))
    if len(size) != 2 or min(size) < 1:
        raise UserError(f"sensor_size={sensor_size!r}; expected (height, width) of the sensor in pixels.")
    return size


def keep_inside(recording: Recording, sensor_size: tuple[int, int] | None) -> None:
    """Make a recording end before its first event outside of the sensor (height, width), with a warning."""
    for start in range(0, recording.count, SCAN_BLOCK):
        events = recording.read(start, min(start + SCAN_BLOCK, recording.count))
        index = first_outside(events, sensor_size)
        if index is not None:
            why = reason_of(recording.path, outside(recording, events, index, start, sensor_size))
            left_out(recording.path, f"{recording.count - start - index} events", why)
            recording.count = start + index
            return


def first_outside(events: Events, sensor_size: tuple[int, int] | None) -> int | None:
    """Number of the first of these events that lies outside of the sensor; None if there is none, or no size."""
    if sensor_size is None or not len(events):
        return None
    height, width = sensor_size
    if events.y.max() < height and events.x.max() < width:
        return None
    return int(((events.y >= height) | (events.x >= width)).argmax())


def outside(
    recording: Recording, events: Events, index: int, first: int, sensor_size: tuple[int, int]
) -> EventFileError:
    """The error of `events[index]`, which is number first + index of the recording."""
    offset = recording.place(first + index)
    place = "" if offset is None else f", at byte {offset}"
    return EventFileError(
        f"{recording.path}: event {first + index} at x={events.x[index]}, y={events.y[index]} lies outside of the "
        f"sensor of {sensor_size[0]} rows and {sensor_size[1]} columns{place}. Give the recording's true "
        f"sensor_size=(height, width) (--sensor-size HEIGHT WIDTH). {RECOVER}"
    )


def open_events(
    path: str | os.PathLike,
    *,
    format: str | None = None,
    recover: bool = False,
    sensor_size: tuple[int, int] | None = None,
    time_unit: str | None = None,
) -> EventReader:
    """A reader of any recording; docs/events.md lists the formats.

    Args:
        path: a file, or the folder of a DDD17 recording.
        format: name of the format, if its content and suffix do not tell.
        recover: read the good prefix of a truncated or corrupt file, with a warning that says how much is left out.
        sensor_size: (height, width) of the sensor; None: what the file says, if it says it.
        time_unit: of times in text and npz files: "s" or "us"; None: whole numbers are microseconds, others seconds.

    Raises:
        UserError: no such file, no format that reads it, or a time_unit for a format that defines its own.
    """
    path = Path(path)
    chosen = find_format(path, format)
    if time_unit is not None and not chosen.takes_unit:
        raise UserError(f"{path}: time_unit={time_unit!r} is for text and npz; the format '{chosen.name}' defines it.")
    return EventReader(path, format=chosen.name, recover=recover, sensor_size=sensor_size, time_unit=time_unit)


def read_events(
    path: str | os.PathLike,
    start: int | None = None,
    stop: int | None = None,
    *,
    count: int | None = None,
    around: int | None = None,
    future: bool = False,
    format: str | None = None,
    recover: bool = False,
    sensor_size: tuple[int, int] | None = None,
    time_unit: str | None = None,
) -> Events:
    """The events of a window of time, or a number of events before or after a moment; all without either.

    A window within the recording in which nothing happened gives no events. At an end of the recording there may be
    fewer than `count`.

    Args:
        path: see `open_events`, also for format, recover, sensor_size and time_unit.
        start, stop: the window [start, stop) in microseconds; None: from the beginning, to the end.
        count: so many events: the last with t < around, or with `future` the first with t >= around.
        around: a moment in microseconds.
        future: see count.

    Raises:
        UserError: start and stop together with count, or stop not after start, or no event there because the window
            or the moment lies outside of the recording.
        EventFileError: the file is broken.
    """
    _check_window(start, stop, count, around)
    options = {"format": format, "recover": recover, "sensor_size": sensor_size, "time_unit": time_unit}
    with open_events(path, **options) as reader:
        if around is not None:
            boundary = reader.index_of(around)
            first, last = (boundary, boundary + count) if future else (boundary - count, boundary)
            first, last = max(first, 0), min(last, len(reader))
            wanted = f"{'from' if future else 'before'} {around}"
            outside = first >= last
        else:
            first = 0 if start is None else reader.index_of(start)
            last = len(reader) if stop is None else reader.index_of(stop)
            wanted = f"between {'the beginning' if start is None else start} and {'the end' if stop is None else stop}"
            outside = (first, last) in ((0, 0), (len(reader), len(reader))) and (start, stop) != (None, None)
        if outside:
            spans = f"spans {reader.first_time} to {reader.last_time} us" if len(reader) else "is empty"
            raise UserError(f"{reader.path}: no events {wanted} us; the recording {spans}.")
        return reader.read(first, last)


def _check_window(start: int | None, stop: int | None, count: int | None, around: int | None) -> None:
    if (count is None) != (around is None):
        raise UserError("read_events: count and around go together: how many events, before or after which moment.")
    if count is not None and (start is not None or stop is not None):
        raise UserError("read_events: give a window (start, stop) or a number of events (count, around), not both.")
    if count is not None and count < 1:
        raise UserError(f"read_events: count={count}; expected at least 1.")
    if start is not None and stop is not None and stop <= start:
        raise UserError(f"read_events: the window from {start} to {stop} us is empty; stop must come after start.")
