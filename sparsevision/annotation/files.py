"""Bytes in and out of files: bounded reading, and writing that leaves either the old file or the whole new one."""

import os
from pathlib import Path

from sparsevision.annotation.errors import AnnotationError
from sparsevision.utils import atomic_write

MAX_BYTES = 64 * 2**20


def read_bytes(path: str | os.PathLike, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a regular file of at most `max_bytes`, or an `AnnotationError` that names it."""
    path = Path(path)
    if not path.is_file():
        raise AnnotationError(f"{path}: {'is not a regular file' if path.exists() else 'there is no such file'}.")
    try:
        with path.open("rb") as stream:  # reading n bytes reserves n bytes: ask for no more than there are
            data = stream.read(min(max_bytes, os.fstat(stream.fileno()).st_size) + 1)
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(data) > max_bytes:
        raise AnnotationError(
            f"{path}: over {max_bytes / 2**20:.0f} MiB, too large for annotations; if it is right, raise max_bytes."
        )
    if not data:
        raise AnnotationError(f"{path}: the file is empty.")
    return data


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write a file in one step, see `atomic_write`; an `AnnotationError` says why it could not be."""
    try:
        with atomic_write(path) as stream:
            stream.write(data)
    except OSError as error:
        raise AnnotationError(
            f"{path}: cannot be written ({error.strerror}); what was there before is unchanged."
        ) from error
