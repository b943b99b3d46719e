"""Prophesee EVT 3.0: 16-bit words, the upper 4 bits of which are a type.

0 row; 2 an event's column and polarity; 3 base column and polarity of vectors; 4 and 5 vectors of 12 and 8 pixels;
6 and 8 the low and the high 12 bits of the time in microseconds. Time wraps after 2^24 us, which shows in a high part
that falls by more than half of its range, and in nothing else.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.formats.prophesee import (
    AFTER,
    FALLS,
    FIRST,
    FREE,
    LAST,
    PROBLEM,
    RESERVED,
    WORD,
    WordRecording,
    open_words,
    says,
)
from sparsevision.utils.compiled import compiled

ENCODING = "evt3"
WORD_TYPE = "<u2"
STARTED, WRAPS, HIGH, LOW, ROW, BASE, POLARITY = range(FREE, FREE + 7)


def matches(path: Path, head: bytes) -> bool:
    """Whether its header says so."""
    return says(head, ENCODING)


def open_evt3(path: Path, *, recover: bool = False) -> WordRecording:
    """Raises EventFileError: see WordRecording; or the header names another encoding."""
    return open_words(path, ENCODING, kernel=decode_evt3, dtype=WORD_TYPE, recover=recover)


@compiled(extra="event")
def decode_evt3(
    words: NDArray[np.uint16],
    state: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    t: NDArray[np.int64],
    p: NDArray[np.uint8],
    write: bool,
) -> int:
    """See WordRecording. Events before the first high part of the time are dropped: when they happened is unknown."""
    count = 0
    state[PROBLEM] = 0
    row, base, polarity = state[ROW], state[BASE], state[POLARITY]
    last, time = state[LAST], (state[WRAPS] << 24) | (state[HIGH] << 12) | state[LOW]
    for index in range(len(words)):
        word = np.int64(words[index])
        kind, value = word >> 12, word & 0xFFF
        mask = np.int64(0)
        if kind == 2:
            mask = np.int64(1)
            start, sign = value & 0x7FF, value >> 11
        elif kind == 4:
            mask, start, sign = value, base, polarity
            base += 12
        elif kind == 5:
            mask, start, sign = value & 0xFF, base, polarity
            base += 8
        elif kind == 0:
            row = value & 0x7FF
        elif kind == 3:
            base, polarity = value & 0x7FF, value >> 11
        elif kind == 6:
            state[LOW] = value
            time = (time & ~0xFFF) | value
        elif kind == 8:
            time = _with_high(state, value)
        elif kind == 1 or kind == 9 or 11 <= kind <= 13:
            state[PROBLEM], state[WORD] = RESERVED, index
            break
        if mask == 0 or state[STARTED] == 0:
            continue
        if time < last:
            state[PROBLEM], state[WORD], state[AFTER] = FALLS, index, time
            break
        if count == 0:
            state[FIRST] = time
        last = time
        while mask:
            if mask & 1:
                if write:
                    x[count], y[count], t[count], p[count] = start, row, time, sign
                count += 1
            mask >>= 1
            start += 1
    state[ROW], state[BASE], state[POLARITY], state[LAST] = row, base, polarity, last
    return count


@compiled(extra="event")
def _with_high(state: NDArray[np.int64], value: int) -> int:
    """The time after a word with its high part; the low part starts anew with a new high part."""
    if state[STARTED] and state[HIGH] - value > 0x800:
        state[WRAPS] += 1
    if state[HIGH] != value:
        state[LOW] = 0
    state[STARTED], state[HIGH] = 1, value
    return (state[WRAPS] << 24) | (value << 12) | state[LOW]
