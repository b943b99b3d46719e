"""DDD17 as ESS publishes it: `events.dat.t` (int64 nanoseconds) beside `events.dat.xyp` (int16 x, y, polarity)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import EventFileError, broken_file
from sparsevision.datasets.events.formats.recording import Recording, first_fall, left_out
from sparsevision.datasets.events.types import Events

TIMES = "events.dat.t"
PLACES = "events.dat.xyp"
TIME_BYTES = 8
PLACE_BYTES = 6
NANOSECONDS = 1000  # in a microsecond
SCAN_BLOCK = 1 << 22


def matches(path: Path, head: bytes) -> bool:
    """Whether this is one of the pair, or a folder with it."""
    return (path / TIMES).is_file() if path.is_dir() else path.name.endswith((".dat.t", ".dat.xyp"))


class DDD17Recording(Recording):
    """The pair as memory maps. Times are cut to whole microseconds.

    Args:
        path: the folder, or either file; the other must stand beside it.
        recover: take as many events as both files hold, up to the first whose time falls.

    Raises:
        EventFileError: one is missing, they hold different numbers of events, or end within one.
    """

    def __init__(self, path: Path, *, recover: bool = False) -> None:
        self.path = path
        self.times_path, self.places_path = pair_of(path)
        counts = [
            _whole(self.times_path, TIME_BYTES, recover=recover),
            _whole(self.places_path, PLACE_BYTES, recover=recover),
        ]
        self.count = min(counts)
        if counts[0] != counts[1]:
            self._differ(counts, recover=recover)
        self._times = _mapped(self.times_path, "<i8", (self.count,))
        self._places = _mapped(self.places_path, "<i2", (self.count, 3))
        if recover:
            self._keep_good()

    def read(self, first: int, last: int) -> Events:
        """See Recording."""
        places = np.asarray(self._places[first:last])
        index = first_negative(places)
        if index is not None:
            problem = f"event {first + index} has a negative coordinate or polarity {places[index].tolist()}"
            raise broken_file(self.places_path, problem, offset=(first + index) * PLACE_BYTES)
        x, y = (np.ascontiguousarray(places[:, column]).view(np.uint16) for column in (0, 1))
        return Events(x=x, y=y, t=self.times(first, last), p=(places[:, 2] > 0).astype(np.uint8))

    def times(self, first: int, last: int) -> NDArray[np.int64]:
        """See Recording."""
        return np.asarray(self._times[first:last]) // NANOSECONDS

    def place(self, index: int) -> int:
        """In the file of times."""
        return index * TIME_BYTES

    def close(self) -> None:
        """See Recording."""
        del self._times, self._places

    def _differ(self, counts: list[int], *, recover: bool) -> None:
        shorter, size = (self.times_path, TIME_BYTES) if counts[0] < counts[1] else (self.places_path, PLACE_BYTES)
        if not recover:
            problem = f"ends after {min(counts)} events, but the file beside it holds {max(counts)}"
            raise broken_file(shorter, problem, offset=min(counts) * size)
        left_out(self.path, f"{max(counts) - min(counts)} events", f"{shorter.name} ends before them")

    def _keep_good(self) -> None:
        for start in range(0, self.count, SCAN_BLOCK):
            before, stop = max(start - 1, 0), min(start + SCAN_BLOCK, self.count)
            fall = first_fall(self.times(before, stop))
            negative = first_negative(self._places[before:stop])
            problems = {"timestamps go backwards": fall, "negative coordinates": negative}
            found = {why: before + index for why, index in problems.items() if index is not None}
            if found:
                why = min(found, key=found.__getitem__)
                size = (self.count - found[why]) * (TIME_BYTES + PLACE_BYTES)
                left_out(self.path, f"{size} bytes", f"{why} at event {found[why]}")
                self.count = found[why]
                return


def first_negative(places: NDArray) -> int | None:
    """Number of the first row of (N, 3) with a negative number."""
    return int((places < 0).any(axis=1).argmax()) if places.size and places.min() < 0 else None


def pair_of(path: Path) -> tuple[Path, Path]:
    """The files of times and of places that belong to a folder or to either file.

    Raises:
        EventFileError: one of them is missing.
    """
    stem = path / "events" if path.is_dir() else path.with_name(path.name.rsplit(".dat.", 1)[0])
    pair = stem.with_name(stem.name + ".dat.t"), stem.with_name(stem.name + ".dat.xyp")
    for file in pair:
        if not file.is_file():
            raise EventFileError(
                f"{file}: is missing. A DDD17 recording is a pair: {TIMES} (int64 nanoseconds) and {PLACES} (int16 x, "
                "y, polarity) in one folder."
            )
    return pair


def _whole(path: Path, size: int, *, recover: bool) -> int:
    """How many whole elements of `size` bytes a file holds."""
    count, rest = divmod(path.stat().st_size, size)
    if rest and not recover:
        raise broken_file(path, f"ends within event {count} ({rest} of {size} bytes)", offset=count * size)
    if rest:
        left_out(path, f"{rest} bytes", f"they are a part of event {count}")
    return count


def _mapped(path: Path, dtype: str, shape: tuple[int, ...]) -> NDArray:
    if not shape[0]:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype=dtype, mode="r", shape=shape)
