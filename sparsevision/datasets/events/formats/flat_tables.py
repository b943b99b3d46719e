"""Reading FlatBuffers tables without a schema compiler. Source: "FlatBuffers binary format" on flatbuffers.dev.

A table starts with the distance back to its vtable, which holds for each field its distance from the table's start;
vectors, strings and inner tables are reached by the distance that stands in the field.
"""

import struct
from collections.abc import Iterator


class FlatTable:
    """A table at a byte of a buffer. Fields are called by their number in the schema.

    Reading beyond the buffer raises struct.error.
    """

    def __init__(self, buffer: bytes, position: int) -> None:
        self.buffer = buffer
        self.position = position

    @classmethod
    def root(cls, buffer: bytes, start: int = 0) -> "FlatTable":
        """The outermost table of what begins at `start`."""
        return cls(buffer, start + unpack("<I", buffer, start))

    def place(self, field: int) -> int | None:
        """Byte at which a field stands; None if the table leaves it at its default."""
        vtable = self.position - unpack("<i", self.buffer, self.position)
        slot = 4 + 2 * field
        if slot >= unpack("<H", self.buffer, vtable):
            return None
        distance = unpack("<H", self.buffer, vtable + slot)
        return self.position + distance if distance else None

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """A number; kind as in the module struct."""
        place = self.place(field)
        return default if place is None else unpack(kind, self.buffer, place)

    def vector(self, field: int) -> tuple[int, int]:
        """(byte of the first element, number of elements) of a vector or string."""
        place = self.place(field)
        if place is None:
            return 0, 0
        start = place + unpack("<I", self.buffer, place)
        return start + 4, unpack("<I", self.buffer, start)

    def text(self, field: int) -> str:
        """A string."""
        start, length = self.vector(field)
        return self.buffer[start : start + length].decode("utf-8", errors="replace")

    def tables(self, field: int) -> Iterator["FlatTable"]:
        """The tables of a vector of tables."""
        start, length = self.vector(field)
        for place in range(start, start + 4 * length, 4):
            yield FlatTable(self.buffer, place + unpack("<I", self.buffer, place))


def unpack(kind: str, buffer: bytes, place: int) -> int:
    """One number at a byte; raises struct.error outside of the buffer."""
    if place < 0:
        raise struct.error(f"byte {place} lies before the buffer")
    return struct.unpack_from(kind, buffer, place)[0]
