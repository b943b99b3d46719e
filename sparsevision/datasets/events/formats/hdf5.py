"""HDF5 recordings: the DSEC container (/events/{x,y,p,t}, /ms_to_idx, /t_offset), and rpg's /events/{xs,ys,ts,ps}."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import EventFileError, reason_of
from sparsevision.datasets.events.formats.columns import to_microseconds, to_pixels
from sparsevision.datasets.events.formats.hdf5_file import (
    chunk_place,
    directory_of,
    open_hdf5,
    stored_elements,
    stored_number,
)
from sparsevision.datasets.events.formats.recording import Recording, first_fall, left_out
from sparsevision.datasets.events.types import Events

SIGNATURE = b"\x89HDF\r\n\x1a\n"
NAMES = {"dsec": ("x", "y", "t", "p"), "rpg": ("xs", "ys", "ts", "ps")}
MILLISECOND = 1000  # in microseconds
SCAN_BLOCK = 1 << 20


def matches(path: Path, head: bytes) -> bool:
    """Whether this is an HDF5 file."""
    return head.startswith(SIGNATURE)


class HDF5Recording(Recording):
    """Events of an HDF5 file, read in slices. Source: Gehrig et al., "DSEC" (RA-L 2021), its data format page.

    Times are absolute: /events/t plus /t_offset (0 if the file has none). /ms_to_idx is used where it is there. The
    sensor's size is that of `rectify_map.h5` beside the file, or the file's attribute `sensor_size`, or unknown.

    Args:
        path: the file.
        recover: read through the whole file once, and keep the events before the first that is unreadable or whose
            time falls.

    Raises:
        EventFileError: no such groups, columns of different lengths, a truncated file.
    """

    def __init__(self, path: Path, *, recover: bool = False) -> None:
        self.path = path
        self._file = open_hdf5(path, recover=recover)
        with directory_of(path):
            self._look_up(recover=recover)
        if recover:
            self._keep_readable()

    def read(self, first: int, last: int) -> Events:
        """See Recording."""
        x, y = (to_pixels(self.path, name, self._slice(name, first, last), first=first) for name in ("x", "y"))
        p = self._slice("p", first, last)
        return Events(x=x, y=y, t=self.times(first, last), p=(p > 0).astype(np.uint8))

    def times(self, first: int, last: int) -> NDArray[np.int64]:
        """See Recording."""
        times = to_microseconds(self._slice("t", first, last), self._unit)
        times += self.offset
        return times

    def index_of(self, time: int) -> int:
        """See Recording. Exact at whole milliseconds and at both ends of the file."""
        if self._milliseconds is None or not len(self._milliseconds) or not self.count:
            return super().index_of(time)
        low, high = self._bracket((time - self.offset) // MILLISECOND)
        start, stop = max(low - 1, 0), min(high + 1, self.count)
        found = self.bisect(time, start, stop)
        if (found == start and start > 0) or (found == stop and stop < self.count):
            raise EventFileError(
                f"{self.path}: ms_to_idx does not fit /events/t near {time} us (entry {low} to {high} of {self.count} "
                "events). The file was cut or edited; write it again with a correct ms_to_idx."
            )
        return found

    def place(self, index: int) -> int | None:
        """Byte of the compressed chunk that holds the time of an event."""
        return chunk_place(self._columns["t"], index)

    def close(self) -> None:
        """See Recording."""
        self._file.close()

    def _look_up(self, *, recover: bool) -> None:
        self._columns = _columns(self.path, self._file)
        lengths = {name: column.shape[0] for name, column in self._columns.items()}
        self.count = min(lengths.values())
        if len(set(lengths.values())) != 1:
            self._differ(lengths, recover=recover)
        self.offset = self._look_up_offset(recover=recover) if "t_offset" in self._file else 0
        self._unit = "s" if self._columns["t"].dtype.kind == "f" else "us"
        indexed = "ms_to_idx" in self._file and self._unit == "us" and not recover
        self._milliseconds = self._file["ms_to_idx"][:] if indexed else None
        self.sensor_size = _sensor_size(self.path, self._file)
        if recover:
            self._keep_stored()

    def _look_up_offset(self, *, recover: bool) -> int:
        if not recover:
            return int(self._file["t_offset"][()])
        found = stored_number(self._file, "t_offset", self.path.stat().st_size)
        if found is None:
            lost = "/t_offset lies in the part that is lost: times start from the file's own beginning."
            warnings.warn(f"{self.path}: {lost}", stacklevel=2)
        return found or 0

    def _bracket(self, millisecond: int) -> tuple[int, int]:
        """Between which events the first of a millisecond must lie."""
        table = self._milliseconds
        low = 0 if millisecond < 0 else int(table[min(millisecond, len(table) - 1)])
        high = self.count if millisecond + 1 >= len(table) else int(table[max(millisecond + 1, 0)])
        return min(low, self.count), min(high, self.count)

    def _slice(self, name: str, first: int, last: int) -> NDArray:
        column = self._columns[name]
        try:
            return column[first:last]
        except (OSError, RuntimeError, ValueError) as error:
            place = chunk_place(column, first)
            where = "" if place is None else f", in a chunk at or after byte {place}"
            raise EventFileError(
                f"{self.path}: /events/{column.name.split('/')[-1]} cannot be decoded for the events {first} to {last}"
                f"{where} ({error}). Pass recover=True (--recover on the command line) to read the events before it."
            ) from None

    def _differ(self, lengths: dict[str, int], *, recover: bool) -> None:
        if not recover:
            raise EventFileError(
                f"{self.path}: /events holds columns of different lengths: {lengths}. Pass recover=True (--recover on "
                f"the command line) to read the first {self.count} events."
            )
        left_out(self.path, f"{max(lengths.values()) - self.count} events", f"columns differ in length: {lengths}")

    def _keep_stored(self) -> None:
        before = self.count
        size = self.path.stat().st_size
        self.count = min(stored_elements(column, size) for column in self._columns.values())
        if self.count < before:
            left_out(self.path, f"{before - self.count} events", f"the file ends at byte {size}")

    def _keep_readable(self) -> None:
        before = self.count
        latest = np.int64(np.iinfo(np.int64).min)
        for start in range(0, before, SCAN_BLOCK):
            times, problem = self._good_part(start, min(start + SCAN_BLOCK, before))
            fall = first_fall(np.concatenate([[latest], times]))
            if fall is not None:
                problem = "timestamps go backwards"
                times = times[: fall - 1]
            if problem:
                self.count = start + len(times)
                left_out(self.path, f"{before - self.count} events", problem)
                return
            latest = times[-1]

    def _good_part(self, first: int, last: int) -> tuple[NDArray[np.int64], str]:
        """Times of the events of [first, last) before the first that cannot be decoded, and why there are no more."""
        try:
            return self.read(first, last).t, ""
        except EventFileError as error:
            if last - first == 1:
                return np.empty(0, np.int64), reason_of(self.path, error)
        middle = (first + last) // 2
        times, problem = self._good_part(first, middle)
        if problem:
            return times, problem
        more, problem = self._good_part(middle, last)
        return np.concatenate([times, more]), problem


def read_rectify_map(path: str | Path) -> NDArray[np.float32]:
    """Rectified (x, y) of each raw pixel, float32 (height, width, 2), of a DSEC rectify_map.h5.

    Raises:
        EventFileError: the file is missing, unreadable, or holds no array of this shape, or a value that is not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise EventFileError(
            f"{path}: the rectify map is missing. DSEC ships rectify_map.h5 beside events.h5; get it from the archive "
            "that the events came from."
        )
    with open_hdf5(path, recoverable=False) as file, directory_of(path):
        if "rectify_map" not in file:
            raise EventFileError(f"{path}: no array /rectify_map; it holds {', '.join(file) or 'nothing'}.")
        found = file["rectify_map"]
        if found.ndim != 3 or found.shape[2] != 2 or found.dtype.kind != "f":
            raise EventFileError(
                f"{path}: /rectify_map is {found.dtype} {found.shape}; expected float32 (height, width, 2), the "
                "rectified x and y of each pixel."
            )
        values = found[:].astype(np.float32, copy=False)
    refuse_holes(values, f"{path}: /rectify_map")
    return values


def refuse_holes(values: NDArray[np.floating], what: str) -> None:
    """Raise EventFileError, with `what` in front, if a rectify map has values that are not finite."""
    holes = np.count_nonzero(~np.isfinite(values))
    if holes:
        raise EventFileError(
            f"{what} holds {holes} of {values.size} values that are not finite, and events there would be lost. Get "
            "rectify_map.h5 again from the archive that the events came from, or compute the map for every pixel."
        )


def _columns(path: Path, file: Any) -> dict[str, Any]:
    group = file.get("events")
    held = set(group) if hasattr(group, "keys") else set()
    for names in NAMES.values():
        if held.issuperset(names):
            return dict(zip(("x", "y", "t", "p"), (group[name] for name in names), strict=True))
    wanted = " or ".join("/events/{" + ",".join(names) + "}" for names in NAMES.values())
    raise EventFileError(f"{path}: expected {wanted}; the file holds {', '.join(sorted(file)) or 'nothing'}.")


def _sensor_size(path: Path, file: Any) -> tuple[int, int] | None:
    beside = path.with_name("rectify_map.h5")
    if beside.is_file() and beside != path:
        with open_hdf5(beside, recoverable=False) as maps, directory_of(beside):
            if "rectify_map" in maps:
                return tuple(int(length) for length in maps["rectify_map"].shape[:2])
    size = file.attrs.get("sensor_size")
    return None if size is None else (int(size[0]), int(size[1]))
