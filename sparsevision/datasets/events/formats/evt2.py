"""Prophesee EVT 2.0: 32-bit words, the upper 4 bits of which are a type.

0 and 1 are events (darker, brighter) with 6 bits of the time, 11 of the column and 11 of the row; 8 holds the other 28
bits of the time in microseconds, which wraps after 2^34 us.
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

ENCODING = "evt2"
WORD_TYPE = "<u4"
STARTED, WRAPS, HIGH = range(FREE, FREE + 3)


def matches(path: Path, head: bytes) -> bool:
    """Whether its header says so."""
    return says(head, ENCODING)


def open_evt2(path: Path, *, recover: bool = False) -> WordRecording:
    """Raises EventFileError: see WordRecording; or the header names another encoding."""
    return open_words(path, ENCODING, kernel=decode_evt2, dtype=WORD_TYPE, recover=recover)


@compiled(extra="event")
def decode_evt2(
    words: NDArray[np.uint32],
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
    last = state[LAST]
    for index in range(len(words)):
        word = np.int64(words[index])
        kind = word >> 28
        if kind == 8:
            value = word & 0xFFFFFFF
            if state[STARTED] and state[HIGH] - value > 0x8000000:
                state[WRAPS] += 1
            state[STARTED], state[HIGH] = 1, value
        elif kind > 1 and kind != 10 and kind < 14:
            state[PROBLEM], state[WORD] = RESERVED, index
            break
        if kind > 1 or state[STARTED] == 0:
            continue
        time = (state[WRAPS] << 34) | (state[HIGH] << 6) | ((word >> 22) & 0x3F)
        if time < last:
            state[PROBLEM], state[WORD], state[AFTER] = FALLS, index, time
            break
        if count == 0:
            state[FIRST] = time
        if write:
            x[count], y[count], t[count], p[count] = (word >> 11) & 0x7FF, word & 0x7FF, time, kind
        last = time
        count += 1
    state[LAST] = last
    return count
