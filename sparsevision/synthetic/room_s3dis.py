"""Writes a scanned room as S3DIS has it: a text file of the whole room and one for each instance.

A line is "x y z r g b": metres with three decimals, colours 0 to 255.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sparsevision.synthetic.room_classes import KINDS
from sparsevision.synthetic.room_scanner import RoomScan
from sparsevision.synthetic.room_styles import Room

LOST_BIT = 0x20  # what the damaged characters of the real files lost
STRAY = b"\x00\x00\x00\x01Bud1"  # how a macOS folder file starts


def write_s3dis_room(folder: Path, room: Room, scan: RoomScan, *, offset: Sequence[float], dirty: bool = False) -> None:
    """Write `folder`/NAME.txt and `folder`/Annotations/CLASS_K.txt, NAME being the folder's.

    Args:
        folder: to make.
        room, scan: what stands in the room, and its points.
        offset: of the room in its area, metres.
        dirty: with the faults that the real files have: characters that lost a bit, within numbers and between them,
            in the first file of the ceiling; and a stray file.
    """
    lines = text_lines(scan.points + np.asarray(offset), scan.colours)
    annotations = folder / "Annotations"
    annotations.mkdir(parents=True)
    (folder / f"{folder.name}.txt").write_bytes(b"".join(lines))
    counts: Counter[str] = Counter()
    for number, thing in enumerate(room.things):
        rows = np.flatnonzero(scan.thing == number)
        if not len(rows):
            continue
        name = KINDS[thing.kind].s3dis
        counts[name] += 1
        own = [lines[row] for row in rows]
        if dirty and (name, counts[name]) == ("ceiling", 1):
            own = _soiled(own)
        (annotations / f"{name}_{counts[name]}.txt").write_bytes(b"".join(own))
    if dirty:
        (annotations / ".DS_Store").write_bytes(STRAY)


def write_alignment(area: Path, rooms: Sequence[str]) -> None:
    """Write `area`/AREA_alignmentAngle.txt: the rooms are already aligned, so every angle is 0."""
    lines = [f"## Global alignment angle of each room in {area.name} ##", *(f"{room} 0" for room in sorted(rooms))]
    (area / f"{area.name}_alignmentAngle.txt").write_text("\n".join(lines) + "\n")


def text_lines(points: np.ndarray, colours: np.ndarray) -> list[bytes]:
    """The lines of points (n,3) with colours (n,3), each with its end of line."""
    rows = zip(*points.T.tolist(), *colours.T.tolist(), strict=True)
    return [b"%.3f %.3f %.3f %d %d %d\n" % row for row in rows]


def _soiled(lines: list[bytes]) -> list[bytes]:
    """With the three known faults, at a quarter, at half and at three quarters."""
    found = list(lines)
    for quarter, fault in enumerate((_soil_decimals, _soil_blank, _soil_digit), start=1):
        row = quarter * len(lines) // 4
        found[row] = fault(lines[row])
    return found


def _soil_decimals(line: bytes) -> bytes:
    """Red as a fraction whose second decimal is damaged: 103.0?0000."""
    words = line.split()
    words[3] += b".0" + _without_bit(b"0") + b"0000"
    return b" ".join(words) + b"\n"


def _soil_blank(line: bytes) -> bytes:
    """The blank between red and green is damaged: 185?187."""
    *start, green, blue = line.split()
    return b" ".join(start) + _without_bit(b" ") + green + b" " + blue + b"\n"


def _soil_digit(line: bytes) -> bytes:
    """The middle decimal of x is damaged: -9.1?0."""
    place = line.index(b".") + 2
    return line[:place] + _without_bit(line[place : place + 1]) + line[place + 1 :]


def _without_bit(character: bytes) -> bytes:
    return bytes([character[0] & ~LOST_BIT])
