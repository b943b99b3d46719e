"""Prophesee DAT, version 2: 8 bytes an event.

32 bits of time in microseconds, which wraps, then 14 bits of column, 14 of row and one of polarity. Two bytes between
header and events say the type and the size of an event.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.formats.prophesee import (
    AFTER,
    FALLS,
    FIRST,
    FREE,
    LAST,
    PROBLEM,
    WORD,
    WordRecording,
    header_of,
    read_header,
)
from sparsevision.utils.compiled import compiled

EVENT_BYTES = 8
EVENT_TYPES = (0x00, 0x0C)  # "2D" and "CD" events, of one layout
WRAPS, CLOCK = range(FREE, FREE + 2)


def matches(path: Path, head: bytes) -> bool:
    """Whether the suffix, a header, and the size of an event say so."""
    size = read_header(head).size
    return path.suffix == ".dat" and size > 0 and head[size + 1 : size + 2] in (b"", bytes([EVENT_BYTES]))


def open_dat(path: Path, *, recover: bool = False) -> WordRecording:
    """Raises EventFileError: see WordRecording; or events of another version, type or size."""
    header = header_of(path)
    with path.open("rb") as file:
        file.seek(header.size)
        kind = file.read(2)
    version = header.fields.get("version", "2")
    if version != "2" or len(kind) < 2 or kind[0] not in EVENT_TYPES or kind[1] != EVENT_BYTES:
        found = f"type {kind[0]} of {kind[1]} bytes" if len(kind) == 2 else "none, the file ends"
        raise EventFileError(
            f"{path}: expected DAT version 2, events of type 0 or 12 and {EVENT_BYTES} bytes; its header says version "
            f"{version} and at byte {header.size} stands: {found}."
        )
    return WordRecording(
        path, kernel=decode_dat, dtype="<u8", start=header.size + 2, sensor_size=header.sensor_size, recover=recover
    )


@compiled(extra="event")
def decode_dat(
    words: NDArray[np.uint64],
    state: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    t: NDArray[np.int64],
    p: NDArray[np.uint8],
    write: bool,
) -> int:
    """See WordRecording."""
    state[PROBLEM] = 0
    last = state[LAST]
    for index in range(len(words)):
        word = words[index]
        clock = np.int64(word & np.uint64(0xFFFFFFFF))
        place = np.int64(word >> np.uint64(32))
        if state[CLOCK] - clock > 0x80000000:
            state[WRAPS] += 1
        state[CLOCK] = clock
        time = (state[WRAPS] << 32) | clock
        if time < last:
            state[PROBLEM], state[WORD], state[AFTER], state[LAST] = FALLS, index, time, last
            return index
        if index == 0:
            state[FIRST] = time
        last = time
        if write:
            x[index], y[index], t[index], p[index] = place & 0x3FFF, (place >> 14) & 0x3FFF, time, (place >> 28) & 1
    state[LAST] = last
    return len(words)
