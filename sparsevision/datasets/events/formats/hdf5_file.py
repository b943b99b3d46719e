"""Opening HDF5 files whose compression is a plug-in, and those that end too early."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sparsevision.datasets.events.errors import EventFileError, broken_file
from sparsevision.datasets.events.formats.recording import left_out
from sparsevision.utils import UserError, require

WHY = "Reading and writing DSEC's event files"
TRUNCATED = re.compile(r"stored_eof = (\d+)")


def open_hdf5(path: Path, *, recover: bool = False, recoverable: bool = True) -> Any:
    """The file, opened for reading (an h5py.File), with Blosc registered.

    Args:
        path: the file.
        recover: open a file that ends too early as if zeros followed.
        recoverable: whether the error of such a file advises to do so.

    Raises:
        EventFileError: not an HDF5 file, or truncated.
    """
    h5py = require("h5py", extra="event", why=WHY)
    require("hdf5plugin", extra="event", why=WHY)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        whole = TRUNCATED.search(str(error))
        problem = f"{path}: is not readable as HDF5, from byte 0 on ({error}). Get the file again."
    if whole is None:
        raise EventFileError(problem)
    size = path.stat().st_size
    if not recover:
        raise broken_file(
            path, f"is truncated: it says that it has {whole[1]} bytes", offset=size, recoverable=recoverable
        )
    left_out(path, f"{int(whole[1]) - size} bytes", "the file ends before them")
    with directory_of(path):
        return h5py.File(PaddedFile(path, size=int(whole[1])), "r")


@contextlib.contextmanager
def directory_of(path: Path) -> Iterator[None]:
    """What h5py raises inside becomes an EventFileError: of groups and arrays that cannot be found in the file."""
    try:
        yield
    except UserError:
        raise
    except (KeyError, RuntimeError, OSError, ValueError, TypeError, AttributeError) as error:
        size = path.stat().st_size
        raise EventFileError(
            f"{path}: its directory of groups and arrays is broken or lost ({error}), at or before byte {size}, where "
            "the file ends. Nothing can be read without it; get the file again."
        ) from None


def chunk_place(column: Any, index: int) -> int | None:
    """Byte at which the chunk with element `index` of a column (an h5py.Dataset) is stored; None if that is unknown."""
    if column.chunks is None:
        return column.id.get_offset()
    start = index // column.chunks[0] * column.chunks[0]
    try:
        return column.id.get_chunk_info_by_coord((start,)).byte_offset
    except RuntimeError:
        return None


def stored_elements(column: Any, size: int) -> int:
    """How many elements of a column lie within the first `size` bytes of its file, without a gap."""
    if column.chunks is None:
        begin = column.id.get_offset()
        return min(len(column), max(size - (size if begin is None else begin), 0) // column.dtype.itemsize)
    chunks = (column.id.get_chunk_info(number) for number in range(column.id.get_num_chunks()))
    cut = (chunk.chunk_offset[0] for chunk in chunks if chunk.byte_offset + chunk.size > size)
    return min(cut, default=len(column))


def stored_number(file: Any, name: str, size: int) -> int | None:
    """A whole number of a file; None if it does not lie within the first `size` bytes, or cannot be read."""
    try:
        found = file[name]
        place = found.id.get_offset()
        return None if place is not None and place + found.dtype.itemsize > size else int(found[()])
    except (KeyError, RuntimeError, OSError):
        return None


class PaddedFile(io.RawIOBase):
    """A file that seems to have `size` bytes: zeros follow its own."""

    def __init__(self, path: Path, *, size: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See io.IOBase."""
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        """See io.IOBase."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """See io.RawIOBase."""
        wanted = max(min(len(buffer), self._size - self._position), 0)
        self._file.seek(self._position)
        found = self._file.read(wanted)
        buffer[:wanted] = found + bytes(wanted - len(found))
        self._position += wanted
        return wanted

    def close(self) -> None:
        """See io.IOBase."""
        self._file.close()
        super().close()
