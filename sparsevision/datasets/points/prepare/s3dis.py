"""S3DIS (Armeni et al., CVPR 2016): rooms in six areas, one text file of points for each object.

    <root>/Area_1/office_10/Annotations/chair_3.txt      "x y z red green blue" a line

Files are taken in the order of their names, not in that of the disk; lines in the order of the file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sparsevision.datasets.points.classes import IGNORE_INDEX, S3DIS13, S3DIS_RAW, ClassSet
from sparsevision.datasets.points.prepare.raw_set import Note, RawSet, Reading, Verdict, differences
from sparsevision.datasets.points.prepare.s3dis_text import count_lines, has_line_end, read_point_lines
from sparsevision.datasets.points.prepare.thin import keep_rows, mixed_cells, thin_rows
from sparsevision.datasets.points.scene import Scene
from sparsevision.utils import UserError

ROOMS = {1: 44, 2: 40, 3: 23, 4: 49, 5: 68, 6: 48}  # as published
UNPACKED = ("Stanford3dDataset_v1.2_Aligned_Version", "Stanford3dDataset_v1.2")
ANNOTATION = re.compile(r"([A-Za-z]+)_\w+\.txt")  # class, underscore, number
LOST_SHARE = 0.01  # of a room's points: --verify minds if its annotations lack more; damaged lines are far fewer
CUT_SHORT = "cut short"
CLUTTER = S3DIS_RAW.index("clutter")


@dataclass(frozen=True)
class S3DIS(RawSet):
    """The raw text files. Rooms become scenes "Area_1/office_10".

    While a room is read, 20 bytes are held for each of its points (coordinates, colour, class, object), and one block
    of text. Thinning happens in these arrays; it adds a number of 64 bits a point and what sorting takes.

    Args:
        root: folder of Area_1 ... Area_6, or the one it was unpacked in.
        test_area: the area of the split "val".
        thin: keep one point in cells of this many metres, as the authors of CPCM did with 0.01; 0 keeps all.
    """

    classes: ClassVar[ClassSet] = S3DIS13
    root: Path
    test_area: int = 5
    thin: float = 0.01

    @property
    def settings(self) -> dict[str, Any]:
        """See RawSet. The test area only decides which scenes a split names."""
        return {"thin": self.thin}

    @property
    def home(self) -> Path:
        """The folder that holds the areas."""
        inside = [self.root / name for name in UNPACKED]
        return next((place for place in (self.root, *inside) if any(place.glob("Area_[1-6]"))), self.root)

    def splits(self) -> Mapping[str, Sequence[str]]:
        """See RawSet: train and val, and each area for itself, so that six-fold needs no more than names."""
        areas = {area: rooms for area in ROOMS if (rooms := self._rooms(area))}
        if not areas:
            raise UserError(
                f"{self.root}: no room found; expected Area_1/<room>/Annotations/<class>_<number>.txt, as in "
                f"{UNPACKED[0]}."
            )
        train = [room for area, rooms in areas.items() if area != self.test_area for room in rooms]
        splits = {"train": train, "val": areas.get(self.test_area, [])}
        return splits | {f"area_{area}": rooms for area, rooms in areas.items()}

    def _rooms(self, area: int) -> list[str]:
        folder = self.home / f"Area_{area}"
        if not folder.is_dir():
            return []
        return sorted(f"{folder.name}/{room.name}" for room in folder.iterdir() if (room / "Annotations").is_dir())

    def sources(self, key: str) -> dict[str, Path]:
        """See RawSet."""
        return {f"{key}/Annotations/{path.name}": path for path in self._annotations(key)}

    def _annotations(self, key: str) -> list[Path]:
        folder = self.home / key / "Annotations"
        found = sorted(
            (path for path in folder.iterdir() if ANNOTATION.fullmatch(path.name)), key=lambda path: path.name
        )
        if not found:
            raise UserError(f"{folder}: holds no <class>_<number>.txt. Unpack the room again.")
        return found

    def read(self, key: str) -> Reading:
        """See RawSet."""
        original, notes, _ = self._read_all(key)
        return Reading(self._thinned(original), notes)

    def _read_all(self, key: str) -> tuple[Scene, list[Note], int]:
        """All points of a room, without `segment`; what was noted; and how many of the room's own file are lacking."""
        files = self._annotations(key)
        room = _Room(sum(map(count_lines, files)))
        ended = {path: has_line_end(path) for path in files}
        notes = self._stray(key)
        for number, path in enumerate(files, start=1):
            where = f"{key}/Annotations/{path.name}"
            raw_id, known = _class_of(path)
            if not known:
                notes.append(Note("taken for clutter", f"{where}: no class of this name"))
            before, damaged = room.filled, 0
            for values, dirty in read_point_lines(path):
                room.add(values, raw_id=raw_id, instance=number)
                notes += [Note("left out" if line.values is None else "repaired", f"{where}:{line}") for line in dirty]
                damaged = dirty[-1].number if dirty else damaged
            if not ended[path] and (any(ended.values()) or damaged == count_lines(path)):
                notes.append(Note(CUT_SHORT, f"{where}: its last line has no end; get the file again"))
            if room.filled == before:
                notes.append(Note("empty", f"{where}: holds no point"))
        if not room.filled:
            raise UserError(f"{self.home / key}: none of its {len(files)} annotation files holds a point.")
        lacking = self._own_lines(key, room.filled) - room.filled
        if lacking:
            counts = f"its own file has {room.filled + lacking} lines, its annotations {room.filled} points"
            notes.append(Note("count differs", f"{key}: {counts}"))
        return room.scene(), notes, lacking

    def _own_lines(self, key: str, otherwise: int) -> int:
        """How many lines the text file has that holds all points of a room; `otherwise` where there is none."""
        path = self.home / key / f"{Path(key).name}.txt"
        return count_lines(path) if path.is_file() else otherwise

    def _stray(self, key: str) -> list[Note]:
        names = sorted(path.name for path in (self.home / key / "Annotations").iterdir())
        stray = [name for name in names if not ANNOTATION.fullmatch(name)]
        return [Note("left out", f"{key}/Annotations/{name!r}: no annotation file") for name in stray]

    def _thinned(self, original: Scene) -> Scene:
        """First point of each cell; where a cell holds points of several classes, it has none. Uses up `original`."""
        raw = original.segment_raw
        truth = S3DIS13.to_train(raw)
        if not self.thin:
            return replace(original, segment=truth)
        first, inverse = thin_rows(original.coord, self.thin)
        mixed = mixed_cells(raw, first, inverse)
        raw, instance = keep_rows(raw, first), keep_rows(original.instance, first)
        raw[mixed], instance[mixed] = IGNORE_INDEX, 0
        return Scene(
            coord=keep_rows(original.coord, first),
            color=keep_rows(original.color, first),
            segment=S3DIS13.to_train(raw),
            segment_raw=raw,
            instance=instance,
            original_to_point=inverse,
            original_segment=truth,
        )

    def verify(self, key: str, prepared: Scene) -> Verdict:
        """See RawSet; also whether each original point lies within a cell's side of the point that stands for it, and
        whether annotations lack many of the room's points, or some because a file was cut short.
        """
        original, notes, lacking = self._read_all(key)
        whole = len(original) + lacking
        problems = self._far_away(original, prepared)
        problems += differences(self._thinned(original), prepared)
        if lacking > LOST_SHARE * whole or (lacking > 0 and any(note.kind == CUT_SHORT for note in notes)):
            problems.append(f"annotations lack {lacking} of the {whole} points of its own file; get the room again")
        return Verdict(problems, notes)

    def _far_away(self, original: Scene, prepared: Scene) -> list[str]:
        rows = prepared.original_to_point
        if rows is None or len(rows) != len(original) or not 0 <= rows.min() <= rows.max() < len(prepared):
            return []  # which is found anyway
        for axis in range(3):
            away = np.abs(prepared.coord[:, axis][rows] - original.coord[:, axis]).max()
            if away > self.thin * 1.001:  # float32
                return [f"a point stands for one that is {away:.4f} m away"]
        return []

    def warnings(self) -> list[str]:
        """Numbers of rooms that are not those published, and an empty test area."""
        found = {area: len(self._rooms(area)) for area in ROOMS}
        warnings = []
        if found != ROOMS:
            counts, published = (", ".join(map(str, numbers.values())) for numbers in (found, ROOMS))
            warnings.append(f"areas 1 to 6 have {counts} rooms; published are {published}")
        if not found[self.test_area]:
            warnings.append(f"the test area {self.test_area} has no room, so there is no split 'val'")
        return warnings + [f"{key} has no folder Annotations and is left out" for key in self._incomplete()]

    def _incomplete(self) -> list[str]:
        areas = [self.home / f"Area_{area}" for area in ROOMS]
        folders = [room for area in areas if area.is_dir() for room in area.iterdir() if room.is_dir()]
        return sorted(
            f"{room.parent.name}/{room.name}"
            for room in folders
            if not (room.name.startswith(".") or (room / "Annotations").is_dir())
        )


def _class_of(path: Path) -> tuple[int, bool]:
    """Number of the class that a file is named after, and whether there is such a class; if not, it is clutter."""
    name = ANNOTATION.fullmatch(path.name)[1]
    return (S3DIS_RAW.index(name), True) if name in S3DIS_RAW else (CLUTTER, False)


class _Room:
    """Arrays with room for `capacity` points, which are filled file by file."""

    def __init__(self, capacity: int) -> None:
        self.filled = 0
        self.coord = np.empty((capacity, 3), dtype=np.float32)
        self.color = np.empty((capacity, 3), dtype=np.uint8)
        self.raw = np.empty(capacity, dtype=np.uint8)
        self.instance = np.empty(capacity, dtype=np.int32)

    def add(self, values: np.ndarray, *, raw_id: int, instance: int) -> None:
        """Append points (k,6) of one object."""
        rows = slice(self.filled, self.filled + len(values))
        self.coord[rows], self.color[rows] = values[:, :3], values[:, 3:]
        self.raw[rows], self.instance[rows] = raw_id, instance
        self.filled = rows.stop

    def scene(self) -> Scene:
        """Views of what is filled."""
        rows = slice(self.filled)
        return Scene(
            coord=self.coord[rows], color=self.color[rows], segment_raw=self.raw[rows], instance=self.instance[rows]
        )
