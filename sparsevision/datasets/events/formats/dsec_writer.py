"""Writing recordings in the containers of DSEC and DDD17, piece by piece, so that long ones fit."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.formats import ddd17
from sparsevision.datasets.events.formats.blocks import joined
from sparsevision.datasets.events.formats.hdf5 import MILLISECOND
from sparsevision.datasets.events.formats.hdf5_file import WHY
from sparsevision.datasets.events.formats.recording import first_fall
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError, atomic_write, require

CHUNK = 1 << 15
PIECE = 8 * CHUNK  # written column by column, so that what a truncated file has lost is the end of all columns
COLUMNS = {"x": "<u2", "y": "<u2", "p": "u1", "t": "<u4"}


def write_dsec_events(path: str | Path, events: Events | Iterable[Events], *, t_offset: int) -> None:
    """Write events.h5 as DSEC does (Blosc with zstd), with /ms_to_idx; the file appears when it is whole.

    The attribute `sensor_size` says the sensor's size if the events do.

    Args:
        path: the file.
        events: in the order of time, as a whole or in pieces; times in absolute microseconds.
        t_offset: what the file's clock starts at; the file holds t - t_offset.

    Raises:
        UserError: times that fall, before t_offset or 2**32 us after it, or coordinates that do not fit uint16.
    """
    h5py = require("h5py", extra="event", why=WHY)
    with atomic_write(path) as stream, h5py.File(stream.name, "w", rdcc_nbytes=0) as file:
        file["t_offset"] = np.int64(t_offset)
        columns = _new_columns(file)
        index = MillisecondIndex()
        for piece in resized(checked(_pieces(events), path), PIECE):
            times = piece.t - int(t_offset)
            if len(times) and not 0 <= times[0] <= times[-1] < 1 << 32:
                raise UserError(
                    f"{path}: times from {piece.t[0]} to {piece.t[-1]} us do not fit 32 bits after t_offset={t_offset}."
                )
            index.add(times)
            for name, values in {"x": piece.x, "y": piece.y, "p": piece.p, "t": times}.items():
                _append(columns[name], values)
            if piece.sensor_size is not None:
                file.attrs["sensor_size"] = piece.sensor_size
        file["ms_to_idx"] = index.table


def write_rectify_map(path: str | Path, rectify_map: NDArray) -> None:
    """Write rectify_map.h5 as DSEC does: float32 (height, width, 2), the rectified (x, y) of each pixel.

    Raises:
        UserError: another shape.
    """
    if rectify_map.ndim != 3 or rectify_map.shape[2] != 2:
        raise UserError(f"{path}: a rectify map is (height, width, 2), not {rectify_map.shape}.")
    h5py = require("h5py", extra="event", why=WHY)
    with atomic_write(path) as stream, h5py.File(stream.name, "w") as file:
        file.create_dataset("rectify_map", data=rectify_map.astype("<f4"), compression="gzip", shuffle=True)


def write_ddd17_events(folder: str | Path, events: Events | Iterable[Events]) -> None:
    """Write events.dat.t (nanoseconds) and events.dat.xyp as ESS publishes DDD17.

    Args:
        folder: of the recording.
        events: in the order of time, as a whole or in pieces; times in microseconds.

    Raises:
        UserError: times that fall, or coordinates that do not fit int16.
    """
    folder = Path(folder)
    with ExitStack() as stack:
        times, places = (stack.enter_context(atomic_write(folder / name)) for name in (ddd17.TIMES, ddd17.PLACES))
        for piece in checked(_pieces(events), folder):
            times.write((piece.t.astype("<i8") * ddd17.NANOSECONDS).tobytes())
            places.write(np.stack([piece.x, piece.y, piece.p], axis=1).astype("<i2").tobytes())


class MillisecondIndex:
    """/ms_to_idx: for each millisecond m, the number of the first event with t >= 1000 m."""

    def __init__(self) -> None:
        self._count = 0
        self._entries: list[NDArray] = []
        self._known = 0

    def add(self, times: NDArray) -> None:
        """Take up the next events' times (N,), in microseconds from the beginning of the file's clock."""
        if len(times):
            marks = np.arange(self._known, int(times[-1]) // MILLISECOND + 1)
            self._entries.append(self._count + np.searchsorted(times, marks * MILLISECOND))
            self._known += len(marks)
            self._count += len(times)

    @property
    def table(self) -> NDArray[np.uint64]:
        """The entries so far, up to the millisecond of the last event."""
        return np.concatenate([np.empty(0, np.int64), *self._entries]).astype(np.uint64)


def checked(pieces: Iterable[Events], path: str | Path) -> Iterator[Events]:
    """The pieces, if they can be written.

    Raises:
        UserError: times that fall, within a piece or between two, or coordinates from 32768 on.
    """
    written = 0
    latest = np.iinfo(np.int64).min
    for piece in pieces:
        fall = first_fall(np.concatenate([[latest], piece.t]))
        if fall is not None:
            raise UserError(
                f"{path}: event {written + fall - 1} is earlier than the one before; sort the events first."
            )
        for name, values in {"x": piece.x, "y": piece.y}.items():
            if len(values) and (values.min() < 0 or values.max() > np.iinfo(np.int16).max):
                raise UserError(f"{path}: {name} from {values.min()} to {values.max()}; expected 0 to 32767.")
        latest = piece.t[-1] if len(piece) else latest
        written += len(piece)
        yield piece


def resized(pieces: Iterable[Events], size: int) -> Iterator[Events]:
    """The same events in pieces of `size`, the last of which may be smaller."""
    held: list[Events] = []
    for piece in pieces:
        held.append(piece)
        if sum(map(len, held)) >= size:
            whole = joined(held)
            rest = len(whole) // size * size
            yield from (whole[start : start + size] for start in range(0, rest, size))
            held = [whole[rest:]]
    if held:
        yield joined(held)


def _pieces(events: Events | Iterable[Events]) -> Iterable[Events]:
    return (events,) if isinstance(events, Events) else events


def _new_columns(file: Any) -> dict[str, Any]:
    hdf5plugin = require("hdf5plugin", extra="event", why=WHY)
    packing = hdf5plugin.Blosc(cname="zstd", clevel=1, shuffle=hdf5plugin.Blosc.SHUFFLE)
    return {
        name: file.create_dataset(
            f"events/{name}", shape=(0,), maxshape=(None,), chunks=(CHUNK,), dtype=kind, **packing
        )
        for name, kind in COLUMNS.items()
    }


def _append(column: Any, values: NDArray) -> None:
    before = len(column)
    column.resize(before + len(values), axis=0)
    column[before:] = values
