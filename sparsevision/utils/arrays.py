"""Arrays from .npy files of other people: plain numbers, as many as the file really holds."""

import io
import math
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def load_npy(source: str | os.PathLike | bytes, *, mmap: bool = False) -> np.ndarray:
    """The array of a .npy file, or of its bytes. Nothing in it is unpickled; no memory is taken before it is checked.

    Args:
        source: path, or content.
        mmap: leave the array on the disk, read-only (paths only).

    Raises:
        ValueError: no .npy file, cut off, or pickled objects; says which.
        OSError: the file cannot be read.
    """
    if isinstance(source, bytes):
        check_npy(io.BytesIO(source), len(source))
        return np.load(io.BytesIO(source), allow_pickle=False)
    path = Path(source)
    with path.open("rb") as stream:
        check_npy(stream, os.fstat(stream.fileno()).st_size)
    return np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)


def check_npy(stream: BinaryIO, size: int) -> int:
    """See by its header that a stream of `size` bytes holds a whole plain array.

    Returns:
        How many bytes follow the array.

    Raises:
        ValueError: see `load_npy`.
    """
    magic = stream.read(8)
    if magic[:4] == b"PK\x03\x04":
        raise ValueError("expected one array, not an archive of several")
    read_header = _HEADERS.get(tuple(magic[6:8])) if magic[:6] == np.lib.format.MAGIC_PREFIX else None
    if read_header is None:
        raise ValueError("it does not begin like a .npy file")
    try:
        shape, _, dtype = read_header(stream)
    except Exception as error:  # the header is text that NumPy parses: almost any error may come
        raise ValueError(f"its header is damaged ({str(error)[:80]})") from error
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are not read")
    expected, there = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if min(shape, default=0) < 0 or there < expected:
        raise ValueError(f"it is of another size than its header says, {max(there, 0)} of {expected} bytes")
    return there - expected
