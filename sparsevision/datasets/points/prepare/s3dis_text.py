"""Text files of points, "x y z red green blue" a line: fast where they are sound, tolerant where they are not.

A file is read in blocks of `BLOCK` bytes that end at a line's end. NumPy's parser takes a whole block; only a block in
which it finds something wrong is read line by line. No more than one block is in memory, as (k,6) float64.
"""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.datasets.points.prepare.dirty_lines import COLUMNS, EXPECTED, parse_line, repair_line
from sparsevision.utils import UserError

BLOCK = 1 << 23
FEW_DIRTY = 10  # lines of a file that may be damaged, however short it is
DIRTY_SHARE = 0.01  # of the lines of a file: a file with more is refused
SHOWN = 80  # bytes of a damaged line that are shown


@dataclass(frozen=True)
class DirtyLine:
    """A line that was not as it should be.

    Args:
        number: of the line, from 1.
        text: what stands there, shortened.
        values: what it was read as; None where it was left out.
        reason: what is wrong with it.
    """

    number: int
    text: str
    values: tuple[float, ...] | None
    reason: str

    def __str__(self) -> str:
        if self.values is None:
            return f"{self.number}: {self.text} left out ({self.reason})"
        return f"{self.number}: {self.text} read as '{' '.join(f'{value:g}' for value in self.values)}'"


def count_lines(path: Path) -> int:
    """How many lines a file has, the last one with or without its end."""
    return sum(block.count(b"\n") for block in _blocks(path))


def has_line_end(path: Path) -> bool:
    """Whether the last line of a file has its end; a file that was cut while it was copied mostly has not."""
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - 1))
        return stream.read() in (b"", b"\n")


def read_point_lines(path: Path) -> Iterator[tuple[np.ndarray, list[DirtyLine]]]:
    """Blocks of points (k,6) float64 in the order of the file, and the lines of that block that were not sound.

    Raises:
        UserError: NaN or infinite coordinates (names file and line), or more damaged lines than `FEW_DIRTY` and
            `DIRTY_SHARE` allow; at the end of the file if all of it is damaged.
    """
    lines, dirty = 0, []
    for block in _blocks(path):
        values, found = _parse(block, first=lines + 1, path=path)
        lines += block.count(b"\n")
        dirty += found
        _refuse_garbage(path, dirty, lines)
        yield values, found
    if dirty and len(dirty) * 2 > lines:
        raise UserError(_garbage(path, dirty, lines))


def _blocks(path: Path) -> Iterator[bytes]:
    """The file's content in pieces of whole lines, each line with its end."""
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            block += stream.readline()
            yield block if block.endswith(b"\n") else block + b"\n"


def _parse(block: bytes, *, first: int, path: Path) -> tuple[np.ndarray, list[DirtyLine]]:
    if not block.strip():
        return np.empty((0, COLUMNS)), []
    try:
        values = np.loadtxt(io.BytesIO(block), dtype=np.float64, comments=None, ndmin=2)
    except ValueError:
        return _line_by_line(block, first=first, path=path)
    sound = values.shape[1] == COLUMNS and len(values) <= block.count(b"\n")
    if not sound or not np.isfinite(values).all() or not _are_colours(values[:, 3:]):
        return _line_by_line(block, first=first, path=path)
    return values, []


def _are_colours(values: np.ndarray) -> bool:
    return bool((values == np.floor(values)).all() and values.min() >= 0 and values.max() <= 255)


def _line_by_line(block: bytes, *, first: int, path: Path) -> tuple[np.ndarray, list[DirtyLine]]:
    sound, dirty = [], []
    for number, line in enumerate(block.split(b"\n"), start=first):
        if not line.strip():
            continue
        values = parse_line(line)
        if isinstance(values, str):
            reason, values = values, repair_line(line)
            dirty.append(DirtyLine(number, repr(line[:SHOWN])[1:], values, reason))
        if values is not None:
            _refuse_infinite(values, number=number, path=path)
            sound.append(values)
    return np.array(sound, dtype=np.float64).reshape(-1, COLUMNS), dirty


def _refuse_infinite(values: tuple[float, ...], *, number: int, path: Path) -> None:
    if not all(map(math.isfinite, values)):
        raise UserError(
            f"{path}, line {number}: the coordinates are {values[:3]}; expected metres. Remove the line, or get the "
            "file again."
        )


def _refuse_garbage(path: Path, dirty: list[DirtyLine], lines: int) -> None:
    if len(dirty) > max(FEW_DIRTY, DIRTY_SHARE * lines):
        raise UserError(_garbage(path, dirty, lines))


def _garbage(path: Path, dirty: list[DirtyLine], lines: int) -> str:
    return (
        f"{path}: {len(dirty)} of the first {lines} lines are damaged, the first is {dirty[0].number}: "
        f"{dirty[0].text} ({dirty[0].reason}). Expected '{EXPECTED}' in each line, colours included; get it again."
    )
