"""Opening HDF5 files whose compression is a plug-in, and those that end too early."""

import io
import re
from pathlib import Path
from typing import Any

from sparsevision.datasets.events.errors import EventFileError, broken_file
from sparsevision.datasets.events.formats.recording import left_out
from sparsevision.utils import require

WHY = "Reading and writing DSEC's event files"
TRUNCATED = re.compile(r"stored_eof = (\d+)")


def open_hdf5(path: Path, *, recover: bool = False) -> Any:
    """The file, opened for reading (an h5py.File), with Blosc registered.

    Args:
        path: the file.
        recover: open a file that ends too early as if zeros followed.

    Raises:
        EventFileError: not an HDF5 file, or truncated.
    """
    h5py = require("h5py", extra="event", why=WHY)
    require("hdf5plugin", extra="event", why=WHY)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        whole = TRUNCATED.search(str(error))
        problem = f"{path}: is not readable as HDF5 ({error}). Get the file again."
    if whole is None:
        raise EventFileError(problem)
    size = path.stat().st_size
    if not recover:
        raise broken_file(path, f"is truncated: it says that it has {whole[1]} bytes", offset=size)
    left_out(path, f"{int(whole[1]) - size} bytes", "the file ends before them")
    try:
        return h5py.File(PaddedFile(path, size=int(whole[1])), "r")
    except (OSError, KeyError, RuntimeError) as error:
        raise EventFileError(f"{path}: nothing can be recovered, its directory is lost ({error}).") from None


def chunk_place(column: Any, index: int) -> int | None:
    """Byte at which the chunk with element `index` of a column (an h5py.Dataset) is stored."""
    if column.chunks is None:
        return column.id.get_offset()
    start = index // column.chunks[0] * column.chunks[0]
    return column.id.get_chunk_info_by_coord((start,)).byte_offset


def stored_elements(column: Any, size: int) -> int:
    """How many elements of a column lie within the first `size` bytes of its file, without a gap."""
    if column.chunks is None:
        begin = column.id.get_offset()
        return min(len(column), max(size - (size if begin is None else begin), 0) // column.dtype.itemsize)
    chunks = (column.id.get_chunk_info(number) for number in range(column.id.get_num_chunks()))
    cut = (chunk.chunk_offset[0] for chunk in chunks if chunk.byte_offset + chunk.size > size)
    return min(cut, default=len(column))


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
