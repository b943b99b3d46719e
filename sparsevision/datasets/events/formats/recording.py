"""What a file format gives to the reader: an open recording with events that can be reached by number."""

import warnings
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import backwards
from sparsevision.datasets.events.types import Events

SEARCH_BLOCK = 1 << 16


class Recording(ABC):
    """An open recording; formats give at least `read`.

    Attributes:
        path: the file or folder.
        count: number of events.
        sensor_size: (height, width) in pixels if the file says it, else None.
    """

    path: Path
    count: int
    sensor_size: tuple[int, int] | None = None

    @abstractmethod
    def read(self, first: int, last: int) -> Events:
        """Events number first to last - 1; 0 <= first <= last <= count."""

    def times(self, first: int, last: int) -> NDArray[np.int64]:
        """Their times in microseconds."""
        return self.read(first, last).t

    def index_of(self, time: int) -> int:
        """Number of the first event with t >= time; `count` if there is none."""
        return self.bisect(time, 0, self.count)

    def bisect(self, time: int, low: int, high: int) -> int:
        """The same, known to lie in [low, high]; reads few events of long recordings."""
        while high - low > SEARCH_BLOCK:
            middle = (low + high) // 2
            if self.times(middle, middle + 1)[0] < time:
                low = middle + 1
            else:
                high = middle
        return low + int(np.searchsorted(self.times(low, high), time))

    def place(self, index: int) -> int | None:
        """Byte offset of an event in the file, where the format has one."""
        return None

    def close(self) -> None:
        """Let go of the file."""
        return


class MemoryRecording(Recording):
    """Events that are in memory as a whole: of formats that cannot be read in parts."""

    def __init__(self, path: Path, events: Events) -> None:
        self.path = path
        self.events = events
        self.count = len(events)
        self.sensor_size = events.sensor_size

    def read(self, first: int, last: int) -> Events:
        """See Recording."""
        return self.events[first:last]

    def times(self, first: int, last: int) -> NDArray[np.int64]:
        """See Recording."""
        return self.events.t[first:last]


def begins_with(path: Path, start: bytes) -> bool:
    """Whether these are the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(len(start)) == start


def left_out(path: Path, amount: str, why: str) -> None:
    """Warn that recover=True leaves something out; amount such as "12 bytes"."""
    warnings.warn(f"{path}: left out the last {amount}: {why}", stacklevel=2)


def first_fall(times: NDArray) -> int | None:
    """Number of the first event that is earlier than the one before it."""
    falls = times[1:] < times[:-1]
    index = int(falls.argmax()) if falls.size else 0
    return index + 1 if falls.size and falls[index] else None


def check_rising(path: Path, latest: int, times: NDArray[np.int64], known: int, *, offset: int | None = None) -> None:
    """Raise EventFileError if times fall, the first of which follows `latest` and is event number `known`.

    `offset`: byte at which they stand, if known.
    """
    fall = first_fall(np.concatenate([[latest], times]))
    if fall is not None:
        before = latest if fall == 1 else times[fall - 2]
        number, after = known + fall - 1, int(times[fall - 1])
        raise backwards(path, index=number, before=int(before), after=after, offset=offset)
