"""NumPy archives with the arrays x, y, t, p (or xs, ys, ts, ps)."""

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import EventFileError, broken_file
from sparsevision.datasets.events.formats.columns import as_events
from sparsevision.datasets.events.formats.recording import MemoryRecording
from sparsevision.utils.arrays import check_npy

NAMES = {
    "x": ("x", "xs"),
    "y": ("y", "ys"),
    "t": ("t", "ts", "timestamps", "timestamp"),
    "p": ("p", "ps", "pol", "polarity", "polarities"),
}

UNPACKED, RATIO = 64 * 2**20, 200  # what unpacks to more, and to so many times its size, is no recording
BROKEN = (  # what zipfile and NumPy raise at damage
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    tokenize.TokenError,
)


def matches(path: Path, head: bytes) -> bool:
    """Whether this is an .npz archive."""
    return head.startswith(b"PK") and path.suffix == ".npz"


def open_npz(path: Path, *, recover: bool = False, time_unit: str | None = None) -> MemoryRecording:
    """All events of the archive. `sensor_size` (height, width) is read if it is there.

    Args:
        path: the file.
        recover: keep the events up to the first whose time falls.
        time_unit: "s" or "us"; None: whole numbers are microseconds, others seconds.

    Raises:
        EventFileError: unreadable, or without these arrays.
    """
    arrays = _arrays(path)
    columns = find_columns(path, arrays)
    size = arrays.get("sensor_size")
    if size is not None and (size.shape != (2,) or size.dtype.kind not in "iu"):
        raise EventFileError(f"{path}: sensor_size is {size.dtype} {size.shape}; expected whole numbers height, width.")
    sensor_size = None if size is None else (int(size[0]), int(size[1]))
    return MemoryRecording(
        path, as_events(path, **columns, sensor_size=sensor_size, time_unit=time_unit, recover=recover)
    )


def find_columns(path: Path, arrays: dict[str, NDArray]) -> dict[str, NDArray]:
    """{"x", "y", "t", "p"} among arrays of one of the known names.

    Raises:
        EventFileError: one is missing.
    """
    found = {column: next((arrays[name] for name in names if name in arrays), None) for column, names in NAMES.items()}
    missing = [" or ".join(NAMES[column]) for column, values in found.items() if values is None]
    if missing:
        raise EventFileError(f"{path}: no array {', no array '.join(missing)}; it holds {', '.join(arrays) or 'none'}.")
    return found


def _arrays(path: Path) -> dict[str, NDArray]:
    arrays = {}
    place = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                place = member.header_offset
                if member.filename.endswith(".npy"):
                    with archive.open(member) as stream:
                        if member.file_size > max(UNPACKED, RATIO * member.compress_size):
                            raise ValueError(
                                f"{member.filename} unpacks to {member.file_size} bytes from almost nothing"
                            )
                        check_npy(stream, member.file_size)
                        stream.seek(0)
                        content = np.lib.format.read_array(stream, allow_pickle=False)
                    arrays[member.filename.removesuffix(".npy")] = content
    except BROKEN as error:
        raise broken_file(path, f"NumPy cannot read it ({error})", offset=place, recoverable=False) from None
    return arrays
