"""Files that are either whole or not there."""

import io
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sparsevision.utils.errors import UserError


def read_text(path: str | os.PathLike, *, encoding: str = "utf-8") -> str:
    """The text of a file. Raises UserError where it cannot be read, or is no text."""
    try:
        return Path(path).read_text(encoding=encoding)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: is not a text file (byte {error.start} is not {encoding}); save it as UTF-8."
        ) from error


class BoundedFile(io.BufferedReader):
    """A file whose `read(n)` reserves no more than the file has: lengths in a damaged pickle may say anything."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes; all that are left for None and numbers below 0."""
        return super().read(size if size is None or size < 0 else min(size, max(self._size - self.tell(), 0)))


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A binary stream whose content replaces `path` in one step when the block ends without an error.

    A reader, a full disk or a kill finds the old file or the whole new one, never a part. Missing folders are made; a
    link is followed, so that the file it points to is replaced and not the link.

    Raises:
        OSError: from the file system, after the temporary file is gone; its `filename` is `path`.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and str(error.filename) in ("None", str(temporary)):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_json(path: str | os.PathLike, content: object) -> None:
    """Write builtins as indented JSON, see `atomic_write`. Raises UserError where the file cannot be written."""
    try:
        with atomic_write(path) as stream:
            stream.write((json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}).") from error


def check_out_folder(folder: str | os.PathLike | None, name: str) -> None:
    """Refuse a folder of results that cannot be made, before anything is computed for it; None is none.

    Args:
        folder: may be there or not.
        name: of the option or argument that gave it: "--out-dir", "out_dir".

    Raises:
        UserError: it, or a folder that it should be made in, is a file.
    """
    if folder is None:
        return
    there = next((place for place in (Path(folder), *Path(folder).parents) if os.path.exists(place)), None)
    if there is not None and not there.is_dir():
        raise UserError(f"{name} takes a folder, and {there} is a file; give another name.")


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, on systems that can open folders."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
