"""SemanticKITTI (Behley et al., ICCV 2019), cropped to what the front camera sees, which gives points their colours.

    <root>/sequences/08/velodyne/000123.bin    float32 x, y, z, remission of each point, metres, from the laser
                        labels/000123.label    uint32: class in the lower 16 bits, object in the upper
                        image_2/000123.png, calib.txt          of KITTI's odometry set

The preprocessing of KITTI-FoV in the paper of CPCM was not released. Ours: points in front of camera 2 whose pixel lies
inside of its picture, bilinear colours, nothing thinned, nothing hidden by what is nearer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sparsevision.datasets.image_io import read_image
from sparsevision.datasets.points.classes import IGNORE_INDEX, KITTI19, ClassSet
from sparsevision.datasets.points.cloud import checked_points
from sparsevision.datasets.points.prepare.front_camera import bilinear_colours, is_inside, project, read_calibration
from sparsevision.datasets.points.prepare.raw_set import RawSet, Reading
from sparsevision.datasets.points.scene import Scene
from sparsevision.utils import UserError

SCANS = {0: 4541, 1: 1101, 2: 4661, 3: 801, 4: 271, 5: 2761, 6: 1101, 7: 1101, 8: 4071, 9: 1591, 10: 1201}  # published
VAL = 8
TEST = range(11, 22)
NOT_LEARNT = (0, 1, 52, 99)  # unlabelled, outlier, other structure, other object
LEARNT_AS = {  # buses, what runs on rails, lane markings, and whatever moves
    13: 20, 16: 20, 60: 40,
    252: 10, 253: 31, 254: 30, 255: 32, 256: 20, 257: 20, 258: 18, 259: 20,
}  # fmt: skip
POINT_BYTES = 16


@dataclass(frozen=True)
class SemanticKITTI(RawSet):
    """Scans, pictures and labels. Scans become scenes "08/000123".

    While a scan is read, all of its points (16 bytes each), their pixels (24 bytes) and one picture are held.

    Args:
        root: folder of `sequences`, or the one above it ("dataset").
    """

    classes: ClassVar[ClassSet] = KITTI19
    root: Path

    @property
    def settings(self) -> dict[str, Any]:
        """See RawSet."""
        return {"crop": "camera 2"}

    @property
    def home(self) -> Path:
        """The folder of the sequences."""
        places = [self.root / "sequences", self.root / "dataset" / "sequences"]
        return next((place for place in places if place.is_dir()), places[0])

    def splits(self) -> Mapping[str, Sequence[str]]:
        """See RawSet: 08 is val, the others of 00 to 10 train, 11 to 21 test (without labels)."""
        scans = {sequence: self._scans(sequence) for sequence in (*SCANS, *TEST)}
        splits = {
            "train": [key for sequence in SCANS if sequence != VAL for key in scans[sequence]],
            "val": scans[VAL],
            "test": [key for sequence in TEST for key in scans[sequence]],
        }
        if not any(splits.values()):
            raise UserError(f"{self.root}: no scan found; expected sequences/00/velodyne/000000.bin and so on.")
        return splits

    def _scans(self, sequence: int) -> list[str]:
        """Keys of the scans of a sequence, in order; none if it is not there."""
        name = f"{sequence:02d}"
        folder = self.home / name / "velodyne"
        return sorted(f"{name}/{path.stem}" for path in folder.glob("[0-9]*.bin")) if folder.is_dir() else []

    def _files(self, key: str) -> dict[str, Path]:
        sequence, scan = key.split("/")
        folder = self.home / sequence
        files = {
            "points": folder / "velodyne" / f"{scan}.bin",
            "picture": folder / "image_2" / f"{scan}.png",
            "calibration": folder / "calib.txt",
        }
        if int(sequence) in SCANS:
            files["labels"] = folder / "labels" / f"{scan}.label"
        return files

    def sources(self, key: str) -> dict[str, Path]:
        """See RawSet."""
        for path in self._files(key).values():
            if not path.is_file():
                raise UserError(
                    f"{path}: there is no such file. Scans, pictures (image_2) and calib.txt are of KITTI's odometry "
                    "set, labels of SemanticKITTI; unpack them into the same folder."
                )
        return {path.relative_to(self.home).as_posix(): path for path in self._files(key).values()}

    def read(self, key: str) -> Reading:
        """See RawSet."""
        files = self._files(key)
        points = _read_points(files["points"])
        picture = read_image(files["picture"])
        pixels = project(points, read_calibration(files["calibration"]))
        rows = np.flatnonzero(is_inside(pixels, picture.shape[:2]))
        if not len(rows):
            raise UserError(
                f"{files['points']}: none of its {len(points)} points lies in the picture of camera 2. Is "
                f"{files['calibration']} of this sequence?"
            )
        truth = {}
        if "labels" in files:
            labels = _read_labels(files["labels"], points=len(points))[rows]
            truth = {
                "segment": train_ids(labels & 0xFFFF, where=files["labels"]),
                "segment_raw": (labels & 0xFFFF).astype(np.uint16),
                "instance": (labels >> 16).astype(np.int32),
            }
        return Reading(Scene(coord=points[rows], color=bilinear_colours(picture, pixels[rows]), **truth))

    def warnings(self) -> list[str]:
        """Numbers of scans that are not those published."""
        found = {sequence: len(self._scans(sequence)) for sequence in SCANS}
        return [
            f"sequence {sequence:02d} has {found[sequence]} scans; published are {count}"
            for sequence, count in SCANS.items()
            if found[sequence] != count
        ]


def train_ids(labels: np.ndarray, *, where: Path) -> np.ndarray:
    """Class (n,) uint8 of each of the set's own numbers (n,); 255 for those that are not learnt.

    Raises:
        UserError: a number that the set does not have; `where` is named.
    """
    unknown = np.setdiff1d(labels, [*KITTI19.raw_ids, *LEARNT_AS, *NOT_LEARNT])
    if len(unknown):
        raise UserError(f"{where}: holds class {unknown[0]}, which SemanticKITTI does not have. Get the file again.")
    table = np.full(int(max(*KITTI19.raw_ids, *LEARNT_AS, *NOT_LEARNT)) + 1, IGNORE_INDEX, dtype=np.uint8)
    table[list(KITTI19.raw_ids)] = np.arange(len(KITTI19))
    for number, as_number in LEARNT_AS.items():
        table[number] = table[as_number]
    return table[labels]


def _read_points(path: Path) -> np.ndarray:
    """Coordinates (n,3) float32; views of the file's content."""
    size = path.stat().st_size
    if size % POINT_BYTES:
        raise UserError(f"{path}: has {size} bytes, which are no whole points of {POINT_BYTES}. Get it again.")
    return checked_points(np.fromfile(path, dtype="<f4").reshape(-1, 4)[:, :3], field=str(path))


def _read_labels(path: Path, *, points: int) -> np.ndarray:
    labels = np.fromfile(path, dtype="<u4")
    if len(labels) != points or path.stat().st_size != 4 * points:
        raise UserError(f"{path}: has {path.stat().st_size} bytes; expected 4 for each of the scan's {points} points.")
    return labels
