"""iniVation's AEDAT 4.0: packets of FlatBuffers, compressed by LZ4 or Zstandard, and a table of them at the end.

Source: the format's page in iniVation's documentation. Layout: a line `#!AER-DAT4.0`, a header (compression, place of
the table, XML that describes the streams), then packets, each with the number of its stream and its size before it.
Times are microseconds of the computer's clock.
"""

import functools
import mmap
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from sparsevision.datasets.events.errors import EventFileError, broken_file, reason_of
from sparsevision.datasets.events.formats.blocks import BlockRecording
from sparsevision.datasets.events.formats.flat_tables import FlatTable, unpack
from sparsevision.datasets.events.formats.recording import begins_with, check_rising, left_out
from sparsevision.datasets.events.types import Events
from sparsevision.utils import require

MAGIC = b"#!AER-DAT4.0\r\n"
EVENT = np.dtype({"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"], "itemsize": 16})
PACKET_HEADER = struct.Struct("<ii")  # stream, bytes that follow
COMPRESSION, TABLE_PLACE, DESCRIPTION = range(3)  # fields of the header
PACKETS = 0  # field of the table
START, PACKET, ELEMENTS, FIRST_TIME = range(4)  # fields of its entries
BROKEN = (struct.error, RuntimeError, ValueError, EOFError, OverflowError, MemoryError)
WHY = "Reading compressed AEDAT4 files"


@dataclass(frozen=True)
class Packet:
    """A packet of events: first byte and length of its content, number of events, time of the first one."""

    start: int
    size: int
    count: int
    first_time: int


def matches(path: Path, head: bytes) -> bool:
    """Whether the first line says so."""
    return head.startswith(MAGIC)


class AEDAT4Recording(BlockRecording):
    """The first stream of events of a file. Packets are reached through the file's table, if it has one.

    Args:
        path: the file.
        recover: go through all packets instead, and keep what stands before the first that is broken, or whose times
            fall.

    Raises:
        EventFileError: no stream of events, or a truncated or corrupt file.
    """

    def __init__(self, path: Path, *, recover: bool = False) -> None:
        self.path = path
        if not begins_with(path, MAGIC):
            raise broken_file(path, "does not begin like an AEDAT 4.0 file", offset=0, recoverable=False)
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            size = unpack("<I", self._bytes, len(MAGIC))
            header = FlatTable.root(self._bytes, len(MAGIC) + 4)
            self._unpack = decompressor(header.number(COMPRESSION, "<i"))
            table, text = header.number(TABLE_PLACE, "<q", -1), header.text(DESCRIPTION)
        except BROKEN as error:
            raise broken_file(path, f"broken header ({error})", offset=len(MAGIC), recoverable=False) from None
        self._stream, self.sensor_size = events_stream(path, text)
        self._first = len(MAGIC) + 4 + size
        self._end = table if 0 <= table <= len(self._bytes) else len(self._bytes)
        truncated = table > len(self._bytes)
        if truncated and not recover:
            problem = f"is truncated: its table of packets should stand at byte {table}"
            raise broken_file(path, problem, offset=len(self._bytes))
        use_table = not recover and self._end < len(self._bytes)
        self._packets = self._listed() if use_table else self._found(recover=recover)
        self.set_blocks([each.count for each in self._packets], [each.first_time for each in self._packets])

    def decode(self, block: int) -> Events:
        """See BlockRecording."""
        packet = self._packets[block]
        events = self._events(packet.start, packet.size)
        if (len(events), int(events.t[0]) if len(events) else None) != (packet.count, packet.first_time):
            problem = f"a packet holds {len(events)} events, but the file's table says {packet.count}"
            raise broken_file(self.path, problem, offset=packet.start)
        return events

    def place(self, index: int) -> int:
        """Of the packet that holds an event."""
        return self._packets[self._block_of(index)].start

    def close(self) -> None:
        """See Recording."""
        self._bytes.close()

    def _listed(self) -> list[Packet]:
        """The packets of the stream by the file's table."""
        try:
            table = self._unpack(self._bytes[self._end :])
            entries = list(FlatTable.root(table, 4).tables(PACKETS))
            return [packet for packet in map(self._entry, entries) if packet is not None]
        except BROKEN as error:
            raise broken_file(self.path, f"broken table of packets ({error})", offset=self._end) from None

    def _entry(self, entry: FlatTable) -> Packet | None:
        """A row of the table; None if it is of another stream, or of no events."""
        place = entry.place(PACKET)
        stream, size = (0, 0) if place is None else PACKET_HEADER.unpack_from(entry.buffer, place)
        count = entry.number(ELEMENTS, "<q")
        if stream != self._stream or not count:
            return None
        start = entry.number(START, "<q")
        if not (self._first <= start <= start + size <= self._end and count > 0):
            raise ValueError(f"{count} events in the bytes {start} to {start + size}")
        return Packet(start, size, count, entry.number(FIRST_TIME, "<q"))

    def _found(self, *, recover: bool) -> list[Packet]:
        """The packets of the stream by going from one to the next."""
        packets: list[Packet] = []
        latest, known = np.iinfo(np.int64).min, 0
        place = self._first
        while place < self._end:
            try:
                stream, size = self._packet_header(place)
                start = place + PACKET_HEADER.size
                events = self._events(start, size) if stream == self._stream else None
                if events is not None and len(events):
                    check_rising(self.path, latest, events.t, known, offset=start)
                    packets.append(Packet(start, size, len(events), int(events.t[0])))
                    latest, known = events.t[-1], known + len(events)
            except EventFileError as error:
                if not recover:
                    raise
                left_out(self.path, f"{len(self._bytes) - place} bytes", reason_of(self.path, error))
                break
            place = start + size
        return packets

    def _packet_header(self, place: int) -> tuple[int, int]:
        """(stream, size) of the packet at a byte."""
        if self._end - place < PACKET_HEADER.size:
            raise broken_file(self.path, "ends within the head of a packet", offset=place)
        stream, size = PACKET_HEADER.unpack_from(self._bytes, place)
        if stream < 0 or size < 0 or place + PACKET_HEADER.size + size > self._end:
            raise broken_file(self.path, f"a packet of {size} bytes does not fit into the file", offset=place)
        return stream, size

    def _events(self, start: int, size: int) -> Events:
        """Events of the packet whose content is [start, start + size)."""
        try:
            content = self._unpack(self._bytes[start : start + size])
            if content[8:12] != b"EVTS":
                raise ValueError(f"its content is {content[8:12]!r}, not b'EVTS'")
            first, count = FlatTable.root(content, 4).vector(0)
            values = np.frombuffer(content, EVENT, count, first) if count else np.empty(0, EVENT)
        except BROKEN as error:
            raise broken_file(self.path, f"a packet cannot be decoded ({error})", offset=start) from None
        x, y = (np.ascontiguousarray(values[name]).view(np.uint16) for name in ("x", "y"))
        return Events(x=x, y=y, t=values["t"].astype(np.int64), p=(values["p"] > 0).astype(np.uint8))


def decompressor(kind: int) -> Callable[[bytes], bytes]:
    """What undoes the compression of packets: 0 none, 1 and 2 LZ4, 3 and 4 Zstandard.

    Raises:
        ValueError: another number.
    """
    if kind == 0:
        return bytes
    if kind in (1, 2):
        return require("lz4.frame", extra="event", why=WHY).decompress
    if kind in (3, 4):
        return functools.partial(_unpack_zstandard, require("zstandard", extra="event", why=WHY))
    raise ValueError(f"unknown compression {kind}")


def _unpack_zstandard(zstandard: Any, content: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None


def events_stream(path: Path, description: str) -> tuple[int, tuple[int, int] | None]:
    """Number of the first stream of events, and its sensor's (height, width) where it is said.

    Raises:
        EventFileError: there is none.
    """
    try:
        nodes = ElementTree.fromstring(description.rstrip("\0")).iter("node")
    except ElementTree.ParseError as error:
        raise broken_file(
            path, f"broken description of its streams ({error})", offset=len(MAGIC), recoverable=False
        ) from None
    kinds = []
    for node in nodes:
        attributes = {each.get("key"): (each.text or "") for each in node.findall("attr")}
        kind = attributes.get("typeIdentifier")
        kinds += [kind] if kind else []
        if kind == "EVTS" and re.fullmatch(r"\d+", node.get("name", "")):
            size = {each.get("key"): each.text or "" for each in node.findall("node[@name='info']/attr")}
            known = all(re.fullmatch(r"\d+", size.get(side, "")) for side in ("sizeX", "sizeY"))
            return int(node.get("name")), (int(size["sizeY"]), int(size["sizeX"])) if known else None
    raise EventFileError(f"{path}: holds no stream of events (EVTS); it holds {', '.join(kinds) or 'none at all'}.")
