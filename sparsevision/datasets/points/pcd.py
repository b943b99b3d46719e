"""PCD files of the Point Cloud Library: ascii, binary and binary_compressed."""

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.utils import UserError

KEYS = ("VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA")
KINDS = {"F": "f", "I": "i", "U": "u"}
LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class PcdHeader:
    """What the first lines of a PCD file say.

    Attributes:
        names: of the fields; "_" is padding.
        types: of each field, little-endian, with its count: ("<f4", 1).
        points: how many.
        encoding: "ascii", "binary" or "binary_compressed".
        length: bytes until the data begin.
    """

    names: tuple[str, ...]
    types: tuple[tuple[str, int], ...]
    points: int
    encoding: str
    length: int

    @property
    def dtype(self) -> np.dtype:
        """Of one point; fields are called by their position, because padding repeats its name."""
        return np.dtype([(str(index), kind, (count,)) for index, (kind, count) in enumerate(self.types)])


def read_pcd(path: str | os.PathLike) -> dict[str, NDArray]:
    """Every field of a PCD file: name -> (n,), or (n, count) where a point has several. `rgb` stays packed.

    Raises:
        UserError: no such file, no PCD file, one that ends too early, or one whose data do not fit its header.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file.")
    content = path.read_bytes()
    header = parse_header(content, path)
    body = content[header.length :]
    read = {"ascii": _ascii, "binary": _binary, "binary_compressed": _compressed}[header.encoding]
    columns = read(body, header, path)
    fields = zip(header.names, columns, strict=True)
    return {name: column[:, 0] if column.shape[1] == 1 else column for name, column in fields if name != "_"}


def parse_header(content: bytes, path: str | os.PathLike) -> PcdHeader:
    """The header of a file's content. Raises UserError when it is none, or makes no sense."""
    said, position = {}, 0
    while "DATA" not in said:
        end = content.find(b"\n", position, LONGEST_HEADER)
        if end < 0:
            raise UserError(f"{path}: is no PCD file: no line DATA within its first {LONGEST_HEADER} bytes.")
        words = content[position:end].decode("latin-1").split("#")[0].split()
        position = end + 1
        if words and words[0].upper() not in KEYS:
            raise UserError(f"{path}: is no PCD file: its header has a line '{words[0][:20]}'.")
        if words:
            said[words[0].upper()] = words[1:]
    try:
        names = tuple(said["FIELDS"])
        counts = [int(count) for count in said.get("COUNT", ["1"] * len(names))]
        kinds = [f"<{KINDS[kind]}{int(size)}" for kind, size in zip(said["TYPE"], said["SIZE"], strict=True)]
        types = tuple((np.dtype(kind).str, count) for kind, count in zip(kinds, counts, strict=True))
        points = int(said["POINTS"][0]) if "POINTS" in said else int(said["WIDTH"][0]) * int(said["HEIGHT"][0])
        encoding = said["DATA"][0].lower()
        if len(names) != len(types) or points < 0 or min(counts, default=0) < 1:
            raise ValueError("FIELDS, TYPE, SIZE and COUNT differ in length, or a number is negative")
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise UserError(f"{path}: the header of the PCD file makes no sense ({error}). Export it again.") from error
    if encoding not in ("ascii", "binary", "binary_compressed"):
        raise UserError(f"{path}: DATA {encoding} is unknown; expected ascii, binary or binary_compressed.")
    return PcdHeader(names, types, points, encoding, position)


def _ascii(body: bytes, header: PcdHeader, path: Path) -> list[NDArray]:
    width = sum(count for _, count in header.types)
    try:
        table = np.loadtxt(io.BytesIO(body), dtype=np.float64, ndmin=2, max_rows=header.points or None)
    except ValueError as error:
        raise UserError(f"{path}: a line of points cannot be read ({error}). Export it again.") from error
    if table.shape != (header.points, width):
        raise UserError(
            f"{path}: expected {header.points} lines of {width} numbers, got {table.shape[0]} of {table.shape[1]}: it "
            "ends too early, or its header is another file's."
        )
    edges = np.cumsum([0, *(count for _, count in header.types)])
    return [
        table[:, start:end].astype(kind)
        for (kind, _), start, end in zip(header.types, edges[:-1], edges[1:], strict=True)
    ]


def _binary(body: bytes, header: PcdHeader, path: Path) -> list[NDArray]:
    _check_length(len(body), header, path)
    rows = np.frombuffer(body, dtype=header.dtype, count=header.points)
    return [np.ascontiguousarray(rows[name]) for name in header.dtype.names]


def _compressed(body: bytes, header: PcdHeader, path: Path) -> list[NDArray]:
    """Fields lie one after the other, not point after point."""
    if len(body) < 8:
        raise UserError(f"{path}: ends too early: it holds no data. Get it again.")
    packed, size = struct.unpack("<II", body[:8])
    expected = header.points * header.dtype.itemsize
    if size != expected:
        raise UserError(f"{path}: holds {size} bytes of data, its header speaks of {expected}. Export it again.")
    if len(body) < 8 + packed:
        raise UserError(f"{path}: ends too early: {len(body) - 8} of {packed} bytes are there. Get it again.")
    data, position, columns = decompress_lzf(body[8 : 8 + packed], size, path), 0, []
    for kind, count in header.types:
        length = header.points * count
        columns.append(np.frombuffer(data, kind, count=length, offset=position).reshape(header.points, count))
        position += length * np.dtype(kind).itemsize
    return columns


def decompress_lzf(packed: bytes, size: int, path: str | os.PathLike = "LZF data") -> bytes:
    """Undo the compression of LibLZF.

    A control byte below 32 says how many bytes follow as they are, less one. Any other is a copy of earlier output: its
    upper three bits are the length less two (7: the next byte is added), the lower five and the next byte the distance
    less one.

    Raises:
        UserError: the data are damaged, or unpack to another number of bytes than `size`.
    """
    result, position, end = bytearray(), 0, len(packed)
    try:
        while position < end and len(result) <= size:
            control = packed[position]
            position += 1
            if control < 32:
                result += packed[position : position + control + 1]
                position += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += packed[position]
                position += 1
            start = len(result) - ((control & 31) << 8) - packed[position] - 1
            position += 1
            _repeat(result, start, length + 2)
    except (IndexError, ValueError):
        result.clear()
    if len(result) != size:
        raise UserError(f"{path}: the compressed data are damaged. Get the file again.")
    return bytes(result)


def _repeat(result: bytearray, start: int, length: int) -> None:
    """Append `length` bytes from `start` on; what is appended may be read again. Raises ValueError before the start."""
    if start < 0:
        raise ValueError("a copy begins before the data")
    piece = result[start : start + length]
    result += (piece * (-(-length // len(piece))))[:length]


def _check_length(length: int, header: PcdHeader, path: Path) -> None:
    expected = header.points * header.dtype.itemsize
    if length < expected:
        raise UserError(f"{path}: ends too early: {length} of {expected} bytes of points are there. Get it again.")
