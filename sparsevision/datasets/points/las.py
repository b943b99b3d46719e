"""LAS and LAZ files, whose header is believed only as far as the file's size bears it out (ASPRS LAS 1.4, R15)."""

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.utils import UserError, require

VLR_BYTES, HEADER_BYTES = 54, 227  # of a record's head, and of the shortest file's head
PACKED_POINTS = 64  # most points in a byte of a compressed file; usual is a third of a point
BROKEN = (ValueError, OSError, RuntimeError, EOFError, MemoryError, OverflowError, struct.error, LookupError, TypeError)


def read_las(path: Path) -> tuple[NDArray[np.float64], NDArray[np.uint16] | None]:
    """Points (n,3), scaled and shifted as the file says, and colours (n,3); None where it has none, or only zeros.

    Raises:
        UserError: no LAS file, one that ends too early, or whose header announces what cannot be in it.
        ImportError: the package laspy is not installed.
    """
    laspy = require("laspy", extra="points", why="Reading .las and .laz files")
    count = _checked_count(path)
    try:
        # One thread: the parallel decoder reserves what the file's chunk table says.
        with laspy.open(path, laz_backend=laspy.LazBackend.Lazrs, read_evlrs=False) as reader:
            las = reader.read_points(count)
        points = np.stack([np.asarray(las.x), np.asarray(las.y), np.asarray(las.z)], axis=1)
        named = "red" in las.point_format.dimension_names
        colours = np.stack([np.asarray(las[name]) for name in ("red", "green", "blue")], axis=1) if named else None
    except (laspy.errors.LaspyException, *BROKEN) as error:
        raise UserError(f"{path}: is no LAS file that can be read ({error}). Get it again.") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what lazrs, written in Rust, raises at damage
            raise
        raise UserError(f"{path}: is no LAZ file that can be read ({error}). Get it again.") from error
    if len(points) != count:
        raise UserError(f"{path}: ends too early: {len(points)} of {count} points are there. Get it again.")
    return points, colours if colours is not None and colours.any() else None


def _checked_count(path: Path) -> int:
    """The number of points, once the sizes in the header fit the file's."""
    with path.open("rb") as stream:
        head, size = stream.read(255), os.fstat(stream.fileno()).st_size
    if head[:4] != b"LASF" or len(head) < HEADER_BYTES:
        raise UserError(f"{path}: is no LAS file that can be read (it does not begin like one). Get it again.")
    own, start, records = struct.unpack_from("<HII", head, 94)
    kind, length, count = struct.unpack_from("<BHI", head, 104)
    if not count and head[25] >= 4 and len(head) == 255:
        (count,) = struct.unpack_from("<Q", head, 247)
    if not HEADER_BYTES <= own <= start <= size or records * VLR_BYTES > start - own:
        raise UserError(f"{path}: is no LAS file that can be read (its header does not fit its size). Get it again.")
    if kind & 0x80:
        _check_chunks(path, start, size, most=count + 1)
    there = (size - start) * PACKED_POINTS if kind & 0x80 else (size - start) // max(length, 1)
    if count > there:
        raise UserError(f"{path}: ends too early: {there} of {count} points can be there. Get it again.")
    return count


def _check_chunks(path: Path, start: int, size: int, *, most: int) -> None:
    """LAZ: the place of the table of chunks stands before the points (or, for -1, at the file's end)."""
    with path.open("rb") as stream:
        stream.seek(start)
        place = int.from_bytes(stream.read(8), "little", signed=True)
        if place == -1:
            stream.seek(max(size - 8, 0))
            place = int.from_bytes(stream.read(8), "little", signed=True)
        stream.seek(min(max(place, 0), size))
        table = stream.read(8)
    if not start < place <= size - 8 or int.from_bytes(table[4:], "little") > most:
        raise UserError(f"{path}: is no LAZ file that can be read (its table of chunks is damaged). Get it again.")
