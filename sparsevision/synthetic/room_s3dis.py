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

BAD_BYTE = b"\x10"
STRAY = b"\x00\x00\x00\x01Bud1"  # how a macOS folder file starts


def write_s3dis_room(folder: Path, room: Room, scan: RoomScan, *, offset: Sequence[float], dirty: bool = False) -> None:
    """Write `folder`/NAME.txt and `folder`/Annotations/CLASS_K.txt, NAME being the folder's.

    Args:
        folder: to make.
        room, scan: what stands in the room, and its points.
        offset: of the room in its area, metres.
        dirty: with the faults that the real files have: a byte that is no digit within a number, one behind a number,
            and a stray file.
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
    """With a bad byte within the red of the line at one third, and one behind the red of the line at two thirds."""
    found = list(lines)
    for row, fault in ((len(lines) // 3, b"%s.0" + BAD_BYTE + b"0000"), (2 * len(lines) // 3, b"%s" + BAD_BYTE)):
        words = lines[row].split()
        words[3] = fault % words[3]
        found[row] = b" ".join(words) + b"\n"
    return found
