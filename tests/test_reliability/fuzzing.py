"""Damage done to files, and what a reader may do with it: read, or raise one clear error; soon, and within memory."""

import contextlib
import signal
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sparsevision.utils import UserError

SECONDS = 20  # a reader of a file of some kilobytes that takes longer hangs
MEMORY = 96 * 2**20
EXTREMES = (
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80",
    b"\x7f\xff\xff\xff", b"\x00\x00\x00\x40", b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\x00" * 7 + b"\x80", b"\x00" * 16,
    b"\x00\x00\xc0\x7f", b"\x00\x00\x80\xff", b"-1", b"-", b"99999999999", b"1e400", b"nan", b"inf", b"0", b" ", b"\n",
    b"\t", b",", b"null", b"true", b"{}", b"[]", b'"', b"{", b"]", b"[" * 3000, b"9" * 5000, b"\\u0000", b"\xc3",
    b"../", b"%s", b"'", b"\r",
)  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """A format that we read.

    Args:
        make: writes a whole example into an empty folder and returns the file to damage.
        read: of that file's path; gives something.
        cut_is_seen: the format says how long it is, so that every cut must be refused.
        named: the message must name the file.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    cut_is_seen: bool = True
    named: bool = True


_places = st.one_of(st.integers(0, 80), st.floats(0, 1, exclude_max=True))
damages = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), _places, st.just(b"")),
        st.tuples(st.just("flip"), _places, st.integers(0, 7)),
        st.tuples(st.just("write"), _places, st.sampled_from(EXTREMES)),
        st.tuples(st.just("insert"), _places, st.sampled_from(EXTREMES)),
        st.tuples(st.just("remove"), _places, st.integers(1, 40)),
        st.tuples(st.just("repeat"), _places, st.integers(1, 40)),
    ),
    min_size=1,
    max_size=3,
)


def damaged(data: bytes, steps: list[tuple]) -> bytes:
    """The bytes after these steps; places are byte numbers, or shares of the length."""
    content = bytearray(data)
    for kind, where, what in steps:
        place = min(where if isinstance(where, int) else int(where * len(content)), max(len(content) - 1, 0))
        if kind == "cut":
            del content[place:]
        elif kind == "flip" and content:
            content[place] ^= 1 << what
        elif kind == "write":
            content[place : place + len(what)] = what
        elif kind == "insert":
            content[place:place] = what
        elif kind == "remove":
            del content[place : place + what]
        elif kind == "repeat":
            content[place:place] = content[place : place + what]
    return bytes(content)


@contextlib.contextmanager
def in_time(seconds: float = SECONDS) -> Iterator[None]:
    """Fail when the block takes longer."""

    def too_long(*_: object) -> None:
        raise AssertionError(f"still at work after {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def bounded(seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Fail when the block takes longer, or reserves more through Python and NumPy."""
    with in_time(seconds):
        tracemalloc.start()
        try:
            yield
            peak = tracemalloc.get_traced_memory()[1]
            assert peak < memory, f"reserved {peak / 2**20:.0f} MiB"
        finally:
            tracemalloc.stop()


def outcome(reader: Reader, path: Path) -> str | None:
    """The message of the clear error that reading gives; None where something was read. All else fails the test."""
    with warnings.catch_warnings(), bounded():
        warnings.simplefilter("ignore")
        try:
            reader.read(path)
        except UserError as error:
            message = str(error)
        else:
            return None
    assert not reader.named or path.name in message or path.parent.name in message, f"does not name {path}: {message}"
    return message
