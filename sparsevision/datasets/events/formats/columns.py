"""Columns of numbers, as text and array files hold them, to events."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import RECOVER, EventFileError, backwards, reason_of
from sparsevision.datasets.events.formats.recording import first_fall, left_out
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError

MICROSECONDS = 1_000_000  # in a second
UNITS = ("s", "us")
LATEST = 2.0**63  # microseconds that 64 bits do not hold


def as_events(
    path: Path,
    *,
    x: NDArray,
    y: NDArray,
    t: NDArray,
    p: NDArray,
    sensor_size: tuple[int, int] | None = None,
    time_unit: str | None = None,
    recover: bool = False,
    byte_of: Callable[[int], int] | None = None,
) -> Events:
    """Events of columns (N,), checked.

    Args:
        path: named in errors.
        x, y: whole numbers of pixels from 0 on.
        t: times; see `to_microseconds`.
        p: anything above 0 is brighter.
        sensor_size: (height, width), if known.
        time_unit: "s", "us", or None to tell by the numbers.
        recover: keep the events before the first whose time falls, or that has no pixel coordinates.
        byte_of: number of an event -> its first byte in the file, for errors.

    Raises:
        EventFileError: columns of different lengths or of no numbers, no pixel coordinates, or times that fall.
    """
    columns = {"x": x, "y": y, "t": t, "p": p}
    for name, values in columns.items():
        if values.ndim != 1 or values.dtype.kind not in "biuf":
            raise EventFileError(f"{path}: its {name} is {values.dtype} {values.shape}; expected numbers (N,).")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise EventFileError(f"{path}: its columns differ in length: {lengths}.")
    unit = unit_of(np.where(np.isfinite(t), t, 0), time_unit)
    dated = np.isfinite(t) & (np.abs(t.astype(np.float64)) < (LATEST / MICROSECONDS if unit == "s" else LATEST))
    times = to_microseconds(np.where(dated, t, 0), unit)
    index, problem = _first_problem(path, columns, times, dated, byte_of)
    if problem is not None and not recover:
        raise problem
    if problem is not None:
        left_out(path, f"{len(times) - index} events", reason_of(path, problem))
    return Events(
        x=to_pixels(path, "x", x[:index]),
        y=to_pixels(path, "y", y[:index]),
        t=times[:index],
        p=(np.asarray(p[:index]) > 0).astype(np.uint8),
        sensor_size=sensor_size,
    )


def _first_problem(
    path: Path,
    columns: dict[str, NDArray],
    times: NDArray[np.int64],
    dated: NDArray[np.bool_],
    byte_of: Callable[[int], int] | None,
) -> tuple[int, EventFileError | None]:
    """The first event that is none, and its error; (number of events, None) if all are good."""

    def place(index: int) -> int | None:
        return byte_of(index) if byte_of else None

    problems: list[tuple[int, EventFileError | None]] = [(len(times), None)]
    if not dated.all():
        index = int(dated.argmin())
        problems.append((index, bad_value(path, "t", columns["t"][index], index, place(index))))
    for name in ("x", "y"):
        index = first_off_grid(columns[name])
        if index is not None:
            problems.append((index, bad_value(path, name, columns[name][index], index, place(index))))
    fall = first_fall(times)
    if fall is not None:
        before, after = times[fall - 1], times[fall]
        problems.append((fall, backwards(path, index=fall, before=before, after=after, offset=place(fall))))
    return min(problems, key=lambda problem: problem[0])


def unit_of(times: NDArray, given: str | None = None) -> str:
    """The unit of times: as given, or else "us" if all are whole (integers, or floats without a fraction), or "s".

    Raises:
        UserError: another unit is given.
    """
    if given not in (None, *UNITS):
        raise UserError(f"time_unit={given!r}; expected 's' or 'us', or None to tell by the numbers.")
    if given is not None:
        return given
    return "us" if times.dtype.kind in "iu" or bool((times == np.floor(times)).all()) else "s"


def to_microseconds(times: NDArray, unit: str | None = None) -> NDArray[np.int64]:
    """Times to int64 microseconds, rounded; see `unit_of`, also for what is raised."""
    times = np.asarray(times)
    if unit_of(times, unit) == "s":
        return np.rint(times * np.float64(MICROSECONDS)).astype(np.int64)
    return times.astype(np.int64) if times.dtype.kind in "iu" else np.rint(times).astype(np.int64)


def to_pixels(path: Path, name: str, values: NDArray, *, first: int = 0) -> NDArray[np.uint16]:
    """Whole pixel coordinates as uint16; `first` is the number of the first event.

    Raises:
        EventFileError: a negative, broken or too large number; the message names the event.
    """
    index = first_off_grid(values)
    if index is not None:
        raise bad_value(path, name, values[index], first + index)
    return np.asarray(values).astype(np.uint16, copy=False)


def first_off_grid(values: NDArray) -> int | None:
    """Number of the first value that is no whole number from 0 to 65535."""
    values = np.asarray(values)
    if values.dtype in (np.uint16, np.uint8):
        return None
    good = (values >= 0) & (values <= np.iinfo(np.uint16).max) & (values == np.floor(values))
    return None if good.all() else int(good.argmin())


def bad_value(path: Path, name: str, value: float, index: int, offset: int | None = None) -> EventFileError:
    """The error of an event whose time is no number, or whose coordinate `name` ("x" or "y") is no pixel."""
    wanted = "a finite number of at most 64 bits of microseconds" if name == "t" else "whole pixels from 0 to 65535"
    place = "" if offset is None else f", at byte {offset}"
    return EventFileError(f"{path}: event {index} has {name}={value}; expected {wanted}{place}. {RECOVER}")
