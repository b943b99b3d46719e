"""Columns of numbers, as text and array files hold them, to events."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import EventFileError, backwards
from sparsevision.datasets.events.formats.recording import first_fall, left_out
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError

MICROSECONDS = 1_000_000  # in a second
UNITS = ("s", "us")


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
) -> Events:
    """Events of columns (N,), checked.

    Args:
        path: named in errors.
        x, y: whole numbers of pixels from 0 on.
        t: times; see `to_microseconds`.
        p: anything above 0 is brighter.
        sensor_size: (height, width), if known.
        time_unit: "s", "us", or None to tell by the numbers.
        recover: keep the events before the first whose time falls.

    Raises:
        EventFileError: columns of different lengths, no pixel coordinates, or times that fall.
    """
    lengths = {name: len(values) for name, values in {"x": x, "y": y, "t": t, "p": p}.items()}
    if len(set(lengths.values())) != 1:
        raise EventFileError(f"{path}: its columns differ in length: {lengths}.")
    times = to_microseconds(t, time_unit)
    fall = first_fall(times)
    if fall is not None and not recover:
        raise backwards(path, index=fall, before=times[fall - 1], after=times[fall])
    if fall is not None:
        left_out(path, f"{len(times) - fall} events", f"timestamps go backwards at event {fall}")
    kept = slice(fall)
    return Events(
        x=to_pixels(path, "x", x[kept]),
        y=to_pixels(path, "y", y[kept]),
        t=times[kept],
        p=(np.asarray(p[kept]) > 0).astype(np.uint8),
        sensor_size=sensor_size,
    )


def to_microseconds(times: NDArray, unit: str | None = None) -> NDArray[np.int64]:
    """Times to int64 microseconds, rounded.

    Without a unit, whole numbers (of an integer type, or floats without a fraction) are microseconds, others seconds.

    Raises:
        UserError: another unit.
    """
    if unit not in (None, *UNITS):
        raise UserError(f"time_unit={unit!r}; expected 's' or 'us', or None to tell by the numbers.")
    times = np.asarray(times)
    if unit is None:
        whole = times.dtype.kind in "iu" or bool((times == np.floor(times)).all())
        unit = "us" if whole else "s"
    if unit == "s":
        return np.rint(times * np.float64(MICROSECONDS)).astype(np.int64)
    return times.astype(np.int64) if times.dtype.kind in "iu" else np.rint(times).astype(np.int64)


def to_pixels(path: Path, name: str, values: NDArray) -> NDArray[np.uint16]:
    """Whole pixel coordinates as uint16.

    Raises:
        EventFileError: a negative, broken or too large number; the message names the event.
    """
    values = np.asarray(values)
    pixels = values.astype(np.uint16) if values.dtype.kind in "iu" else np.clip(values, 0, 65535).astype(np.uint16)
    wrong = pixels != values
    if wrong.any():
        index = int(wrong.argmax())
        raise EventFileError(
            f"{path}: event {index} has {name}={values[index]}; expected whole pixels from 0 to 65535."
        )
    return pixels
