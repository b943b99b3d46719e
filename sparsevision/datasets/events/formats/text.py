"""Events as text, one a line: `t x y p` (ESIM, rpg's data sets), or columns that a header line names."""

import functools
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import broken_file
from sparsevision.datasets.events.formats.columns import as_events
from sparsevision.datasets.events.formats.npz import NAMES
from sparsevision.datasets.events.formats.recording import MemoryRecording, left_out

ORDER = ("t", "x", "y", "p")
COLUMNS = len(ORDER)
NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[Tt]rue|[Ff]alse")
BREAK = re.compile(rb"[\s,;]+")
COMMENT = b"#"
MARK = b"\xef\xbb\xbf"  # with which some editors begin UTF-8
SPACES = str.maketrans(dict.fromkeys(",;\r\v\f", " "))


def matches(path: Path, head: bytes) -> bool:
    """Whether it is text whose first lines are numbers below at most one line of names."""
    lines = [BREAK.split(line.strip()) for line in head.removeprefix(MARK).splitlines()[:20] if line.strip()]
    data = [words for words in lines if not words[0].startswith(COMMENT)]
    if b"\0" in head or not data:
        return False
    names = column_names(data[0])
    return names is not None or any(_is_event(words) for words in data[:2])


def open_text(path: Path, *, recover: bool = False, time_unit: str | None = None) -> MemoryRecording:
    """All events of a text file.

    Lines that start with # are comments; a line of two numbers before the first event is the sensor's width and
    height; a line of names (such as `x,y,polarity,timestamp`) gives the order of columns, else it is t, x, y, p.

    Args:
        path: the file.
        recover: keep the events before the first line that is none, or whose time falls.
        time_unit: "s" or "us"; None: times without a fraction are microseconds, others seconds.

    Raises:
        EventFileError: a line that is no event; the message says its first byte.
    """
    content = path.read_bytes()
    start, order, sensor_size = _preamble(content)
    values = _table(path, content, start, recover=recover)
    columns = {name: values[:, index] for index, name in enumerate(order) if name}
    options = {"sensor_size": sensor_size, "time_unit": time_unit, "recover": recover}
    events = as_events(path, **columns, **options, byte_of=functools.partial(byte_of_event, content, start))
    return MemoryRecording(path, events)


def column_names(words: list[bytes]) -> list[str] | None:
    """["t", "x", ...] of a header line ("" for further columns); None if it does not name all four."""
    known = {alias: name for name, aliases in NAMES.items() for alias in aliases} | {"time": "t"}
    names = [known.get(word.decode("latin-1").lstrip("#").lower(), "") for word in words if word != COMMENT]
    return names if sorted(filter(None, names)) == sorted(ORDER) else None


def _preamble(content: bytes) -> tuple[int, list[str], tuple[int, int] | None]:
    """Byte of the first event, order of the columns, and the sensor's (height, width) if it stands there."""
    start, order, sensor_size = len(MARK) if content.startswith(MARK) else 0, list(ORDER), None
    while start < len(content):
        stop = content.find(b"\n", start) + 1 or len(content)
        words = BREAK.split(content[start:stop].strip())
        names = column_names(words)
        if names:
            order = names
        elif len(words) == 2 and all(word.isdigit() for word in words):
            sensor_size = int(words[1]), int(words[0])
        elif words != [b""] and not words[0].startswith(COMMENT):
            break
        start = stop
    return start, order, sensor_size


def _table(path: Path, content: bytes, start: int, *, recover: bool) -> NDArray[np.float64]:
    """Numbers of the lines from `start` on, (N, columns)."""
    try:
        return _numbers(content[start:])
    except ValueError as error:
        stop, line = first_bad_line(content, start)
        problem = f"a line is no event of {COLUMNS} numbers: {line[:60].decode('latin-1')!r}"
        if line == b"":
            problem = f"its numbers cannot be read ({error})"
    if not recover or not line:
        raise broken_file(path, problem, offset=stop, recoverable=bool(line))
    left_out(path, f"{len(content) - stop} bytes", problem)
    return _numbers(content[start:stop])


def _numbers(content: bytes) -> NDArray[np.float64]:
    """Whitespace, commas or semicolons between numbers of equally long lines -> (N, columns)."""
    text = content.decode("ascii").translate(SPACES)
    text = re.sub(r"\b[Tt]rue\b", "1", re.sub(r"\b[Ff]alse\b", "0", text)) if re.search(r"[TtFf]", text) else text
    if not text.strip():
        return np.empty((0, COLUMNS))
    values = np.loadtxt(text.split("\n"), dtype=np.float64, ndmin=2, comments="#")
    if values.shape[1] < COLUMNS or not np.isfinite(values).all():
        raise ValueError(f"{values.shape[1]} columns")
    return values


def first_bad_line(content: bytes, start: int) -> tuple[int, bytes]:
    """First byte and text of the first line from `start` on that is no event; (end, b"") if all are."""
    width = None
    while start < len(content):
        stop = content.find(b"\n", start) + 1 or len(content)
        line = content[start:stop].strip()
        words = BREAK.split(line)
        if line and not line.startswith(COMMENT):
            width = width or len(words)
            if not _is_event(words) or len(words) != width:
                return start, line
        start = stop
    return start, b""


def byte_of_event(content: bytes, start: int, index: int) -> int:
    """First byte of the line with an event, counted from 0; lines of events begin at `start`."""
    while start < len(content):
        stop = content.find(b"\n", start) + 1 or len(content)
        line = content[start:stop].strip()
        if line and not line.startswith(COMMENT):
            if index == 0:
                break
            index -= 1
        start = stop
    return start


def _is_event(words: list[bytes]) -> bool:
    return len(words) >= COLUMNS and all(NUMBER.fullmatch(word) for word in words)
