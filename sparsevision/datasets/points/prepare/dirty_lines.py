"""A line of "x y z red green blue", and what can be made of one that is damaged.

In every damaged line that is known, one character lost the bit 0x20 when the set was written: '0' became the byte 0x10
("103.0\\x100000"), '6' became 0x16 ("-9.1\\x160"), and the blank between two numbers became 0x00 ("185\\x00187"). So a
byte that no such file uses is read as the character that differs from it in one bit. Where that says nothing, the byte
is left out, taken for a 0 and for a blank; if only one of the results is a line, or all are the same, it is that line.
"""

import itertools
import math
from collections.abc import Iterable

COLUMNS = 6
EXPECTED = "x y z red green blue"
WHITESPACE = frozenset(b" \t\r\v\f")
FLIPPED_TO = frozenset(b"0123456789.- ")  # what a damaged byte may have been
USED = FLIPPED_TO | WHITESPACE | frozenset(b"+eE")  # what a sound line is made of
MOST_FOREIGN = 4  # bytes of a line that may be damaged


def parse_line(line: bytes) -> tuple[float, ...] | str:
    """The six numbers of a line, or what is wrong with it. Coordinates may be NaN or infinite, colours may not."""
    words = line.split()
    if len(words) != COLUMNS:
        return f"{len(words)} columns"
    try:
        values = tuple(float(word) for word in words if b"_" not in word)
    except ValueError:
        values = ()
    if len(values) != COLUMNS:
        return "not all of it are numbers"
    if not all(value.is_integer() and 0 <= value <= 255 for value in values[3:]):
        return "a colour is no whole number of 0 to 255"
    return values


def repair_line(line: bytes) -> tuple[float, ...] | None:
    """The six numbers that a damaged line certainly stood for; None if it may have been several, or none."""
    foreign = [place for place, byte in enumerate(line) if byte not in USED]
    if not 0 < len(foreign) <= MOST_FOREIGN:
        return None
    one_bit = itertools.product(*(_one_bit_away(line[place]) for place in foreign))
    found = _readings(line, foreign, one_bit)
    if not found:
        found = _readings(line, foreign, ((filling,) * len(foreign) for filling in (b"", b"0", b" ")))
    return found.pop() if len(found) == 1 else None


def _one_bit_away(byte: int) -> list[bytes]:
    """Characters of sound lines that differ from a control or non-ASCII byte in one bit; a printed one is no damage."""
    if 0x20 <= byte < 0x7F:
        return []
    return [bytes([byte ^ 1 << bit]) for bit in range(8) if byte ^ 1 << bit in FLIPPED_TO]


def _readings(line: bytes, places: list[int], fillings: Iterable[tuple[bytes, ...]]) -> set[tuple[float, ...]]:
    """The different sound lines of finite numbers that come out when bytes at `places` are replaced."""
    found = set()
    for filling in fillings:
        pieces, start = [], 0
        for place, character in zip(places, filling, strict=True):
            pieces += [line[start:place], character]
            start = place + 1
        values = parse_line(b"".join([*pieces, line[start:]]))
        if not isinstance(values, str) and all(map(math.isfinite, values)):
            found.add(values)
    return found
