"""One file that several tabs and programs may write: who comes too late is told, nothing is overwritten unseen."""

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sparsevision.annotation import AnnotationError

ABSENT = ""


class Conflict(AnnotationError):
    """The file is no longer what the writer started from."""


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What a tab says with each save.

    Args:
        tab: name of the tab, drawn when its page was loaded.
        seq: number of the save within the tab, growing.
        base: revision of the file that the tab knows of.
    """

    tab: str
    seq: int
    base: str


@dataclass(frozen=True, kw_only=True)
class Written:
    """The answer to a save: the file's revision, and whether this content was used or was older than what is there."""

    revision: str
    superseded: bool = False


def check_inside(path: Path, root: str | os.PathLike) -> None:
    """Refuse a path that leaves the folder `root` through links. Raises: AnnotationError."""
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise AnnotationError(f"{path.name}: is a link that leads out of the folder; it is left alone.")


class Shelf:
    """A file with a revision, the hash of its content.

    Args:
        path: the file; it need not exist.
        root: folder that it must not leave through links.
        check: reads the file and raises a `UserError` if it is not what it should be; such a file is never overwritten.
    """

    def __init__(self, path: Path, *, root: Path, check: Callable[[Path], object]) -> None:
        self.path = path
        self._root = os.path.realpath(root)
        self._check = check
        self._lock = threading.Lock()
        self._readable = {ABSENT}
        self._last = Stamp(tab="", seq=0, base=ABSENT)
        self._last_written = None

    def revision(self) -> str:
        """Hash of the content, "" when there is no file. Raises: AnnotationError when it is no file in the root."""
        check_inside(self.path, self._root)
        if self.path.exists() and not self.path.is_file():
            raise AnnotationError(f"{self.path.name}: is not a regular file; it is left alone.")
        try:
            with self.path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
        except FileNotFoundError:
            return ABSENT
        except OSError as error:
            raise AnnotationError(f"{self.path.name}: cannot be read ({error.strerror}).") from error

    def read(self, load: Callable[[Path], object]) -> tuple[object, str]:
        """(what `load` makes of the file, or None when there is none; its revision)."""
        with self._lock:
            revision = self.revision()
            return (None if revision == ABSENT else load(self.path)), revision

    def write(self, stamp: Stamp, save: Callable[[Path], None] | None) -> Written:
        """Let `save` write the file, or remove it when `save` is None.

        A tab that wrote last may write again without knowing the new revision yet, if its number is higher; a lower
        number comes too late and changes nothing.

        Raises:
            Conflict: somebody else changed the file.
            UserError: the file that is there cannot be read, or the new one cannot be written.
        """
        with self._lock:
            now = self.revision()
            ours = stamp.tab == self._last.tab and now == self._last_written
            if ours and stamp.seq <= self._last.seq:
                return Written(revision=now, superseded=True)
            if not ours and stamp.base != now:
                raise Conflict(
                    f"{self.path.name} was changed in another tab or by another program since this page read it."
                )
            self._refuse_unreadable(now)
            self._replace(save)
            self._last, self._last_written = stamp, self.revision()
            self._readable.add(self._last_written)
            return Written(revision=self._last_written)

    def _refuse_unreadable(self, revision: str) -> None:
        if revision not in self._readable:
            self._check(self.path)
            self._readable.add(revision)

    def _replace(self, save: Callable[[Path], None] | None) -> None:
        if save is not None:
            save(self.path)
            return
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise AnnotationError(f"{self.path.name}: cannot be removed ({error.strerror}).") from error
