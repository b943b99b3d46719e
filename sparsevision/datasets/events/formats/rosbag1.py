"""Bags of ROS 1 read from their beginning on, without the index at their end: those that were cut off, or are damaged.

Source: "Bags/Format/2.0" on wiki.ros.org. After the first line come records: a header of named fields, then data.
Chunks hold further records, compressed or not: connections (topic and type) and messages.
"""

import bz2
import contextlib
import functools
import mmap
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparsevision.utils import require

MAGIC = b"#ROSBAG V2.0\n"
MESSAGE, CHUNK, CONNECTION = 2, 5, 7  # kinds of records that matter
KNOWN = range(2, 8)
LENGTH = struct.Struct("<I")
PIECE = 4096  # bytes that are unpacked at once
WHY = "Reading ROS bags"


@dataclass(frozen=True)
class Connection:
    """What writes messages of one type to a topic."""

    number: int
    topic: str
    msgtype: str


@dataclass(frozen=True)
class Place:
    """Where a message stands: time in nanoseconds, connection, and its bytes, in a chunk or else in the file."""

    time: int
    connection: int
    chunk: tuple[int, int, str] | None
    start: int
    stop: int


class UnindexedBag:
    """Messages of a bag up to its first broken record; in use like rosbags' AnyReader.

    Args:
        path: the .bag file.
        types: rosbags' store of message types, for `deserialize`.

    Attributes:
        connections: of the messages that can be read.
        problem: what ended the reading; None at the end of the file.
        end: byte of the file at which it ended: the record that cannot be read, or the file's size.
    """

    is2 = False

    def __init__(self, path: Path, types: Any) -> None:
        self._types = types
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._connections: dict[int, Connection] = {}
        self._places: list[Place] = []
        self._unpacked = functools.lru_cache(maxsize=4)(self._unpack)
        self.end, self.problem = self._walk(self._bytes, len(MAGIC), None)
        self._places.sort(key=lambda place: place.time)
        self.connections = list(self._connections.values())

    def messages(
        self, connections: list[Connection], start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """(connection, time, serialised message) with start <= time < stop, in the order of time."""
        wanted = {each.number: each for each in connections}
        for place in self._places:
            late = stop is not None and place.time >= stop
            if place.connection in wanted and not late and (start is None or place.time >= start):
                content = self._bytes if place.chunk is None else self._unpacked(place.chunk)
                yield wanted[place.connection], place.time, content[place.start : place.stop]

    def deserialize(self, raw: bytes, kind: str) -> Any:
        """The message as an object."""
        return self._types.deserialize_ros1(raw, kind)

    def close(self) -> None:
        """Let go of the file."""
        self._bytes.close()

    def _walk(self, content: Any, start: int, chunk: tuple[int, int, str] | None) -> tuple[int, str | None]:
        """Take up the records from `start` on; (byte of the first that is broken, why)."""
        while start < len(content):
            try:
                fields, first, last = read_record(content, start)
                kind = fields["op"][0]
                if last > len(content) and kind != CHUNK:
                    return start, f"a record that should end at byte {last} is cut off"
                if kind == CHUNK and chunk is None:
                    problem = self._take_chunk(fields, first, last)
                    if problem:
                        return start, problem
                elif kind == MESSAGE:
                    seconds, nanoseconds = struct.unpack("<II", fields["time"])
                    number = LENGTH.unpack(fields["conn"])[0]
                    self._places.append(Place(seconds * 10**9 + nanoseconds, number, chunk, first, last))
                elif kind == CONNECTION:
                    self._take_connection(fields, content[first:last])
                elif kind not in KNOWN:
                    return start, f"a record of the unknown kind {kind}"
            except (struct.error, KeyError, ValueError, IndexError) as error:
                return start, f"a record cannot be read ({error})"
            start = last
        return start, None

    def _take_chunk(self, fields: dict[str, bytes], first: int, last: int) -> str | None:
        """Take up the records of a chunk, or of what is left of it; what is wrong with it, if anything."""
        chunk = (first, last, fields["compression"].decode())
        content = self._unpacked(chunk)
        _, problem = self._walk(content, 0, chunk)
        size = LENGTH.unpack(fields["size"])[0]
        if problem or len(content) != size:
            return f"a chunk is damaged or cut off: {problem or f'it holds {len(content)} of {size} bytes'}"
        return None

    def _take_connection(self, fields: dict[str, bytes], data: bytes) -> None:
        number = LENGTH.unpack(fields["conn"])[0]
        kind = re.sub(r"^(\w+)/(\w+)$", r"\1/msg/\2", read_fields(data)["type"].decode())
        self._connections[number] = Connection(number, fields["topic"].decode(), kind)

    def _unpack(self, chunk: tuple[int, int, str]) -> bytes:
        """The records of a chunk; of a broken one those before the break."""
        first, last, compression = chunk
        return unpacker(compression)(self._bytes[first:last])


def read_record(content: Any, start: int) -> tuple[dict[str, bytes], int, int]:
    """(fields of the header, first byte of the data, byte after it) of the record at a byte.

    Raises:
        struct.error, ValueError: it is none.
    """
    size = LENGTH.unpack_from(content, start)[0]
    header = content[start + 4 : start + 4 + size]
    if len(header) < size:
        raise ValueError(f"its header of {size} bytes is cut off")
    first = start + 4 + size + 4
    return read_fields(header), first, first + LENGTH.unpack_from(content, first - 4)[0]


def read_fields(header: bytes) -> dict[str, bytes]:
    """{name: value} of a header.

    Raises:
        struct.error, ValueError: it is none.
    """
    fields = {}
    start = 0
    while start < len(header):
        size = LENGTH.unpack_from(header, start)[0]
        name, equals, value = header[start + 4 : start + 4 + size].partition(b"=")
        if not equals or start + 4 + size > len(header):
            raise ValueError("a field of its header is broken")
        fields[name.decode()] = value
        start += 4 + size
    return fields


def unpacker(compression: str) -> Callable[[bytes], bytes]:
    """What undoes the compression of a chunk, as far as it goes.

    Raises:
        ValueError: unknown compression.
    """
    if compression == "none":
        return bytes
    if compression == "bz2":
        return lambda content: _as_far_as_it_goes(bz2.BZ2Decompressor(), content)
    if compression == "lz4":
        frame = require("lz4.frame", extra="event", why=WHY)
        return lambda content: _as_far_as_it_goes(frame.LZ4FrameDecompressor(), content)
    raise ValueError(f"unknown compression {compression!r}")


def _as_far_as_it_goes(decompressor: Any, content: bytes) -> bytes:
    parts: list[bytes] = []
    pieces = (content[start : start + PIECE] for start in range(0, len(content), PIECE))
    with contextlib.suppress(OSError, RuntimeError, EOFError):
        parts.extend(decompressor.decompress(piece) for piece in pieces if not decompressor.eof)
    return b"".join(parts)
