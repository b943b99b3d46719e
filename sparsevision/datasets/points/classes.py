"""Classes of the point-cloud sets: names, colours, and from the sets' own numbers to ours."""

from dataclasses import dataclass

import numpy as np

from sparsevision.utils import UserError

IGNORE_INDEX = 255


@dataclass(frozen=True, kw_only=True)
class ClassSet:
    """What is learnt on a data set.

    Args:
        name: of the data set.
        classes: names, position = class.
        palette: (red, green, blue) of each class.
        raw_ids: the data set's own number of each class; any other number is ignored.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    raw_ids: tuple[int, ...]

    def __post_init__(self):
        if not len(self.classes) == len(self.palette) == len(self.raw_ids):
            raise ValueError(f"{self.name}: classes, palette and raw_ids differ in length")

    def __len__(self) -> int:
        return len(self.classes)

    def to_train(self, raw: np.ndarray) -> np.ndarray:
        """Class (n,) uint8 of each of the data set's own numbers (n,); `IGNORE_INDEX` for those that are not learnt."""
        raw = np.asarray(raw)
        if raw.dtype.kind not in "iu" or (raw.size and raw.min() < 0):
            raise UserError(f"labels of {self.name}: expected whole numbers from 0 on, got {raw.dtype}.")
        table = np.full(max(int(raw.max(initial=0)), *self.raw_ids) + 1, IGNORE_INDEX, dtype=np.uint8)
        table[list(self.raw_ids)] = np.arange(len(self))
        return table[raw]

    def to_raw(self, classes: np.ndarray) -> np.ndarray:
        """The data set's own number of each class (n,)."""
        return np.asarray(self.raw_ids)[classes]


S3DIS_RAW = (
    "clutter", "beam", "board", "bookcase", "ceiling", "chair", "column",
    "door", "floor", "sofa", "stairs", "table", "wall", "window",
)  # fmt: skip

S3DIS13 = ClassSet(
    name="S3DIS",
    classes=tuple(name for name in S3DIS_RAW if name != "stairs"),
    palette=(
        (80, 80, 80), (240, 180, 60), (60, 110, 60), (150, 90, 40), (190, 215, 240), (220, 50, 60), (240, 110, 190),
        (110, 190, 210), (200, 180, 140), (150, 60, 170), (250, 220, 60), (150, 200, 120), (70, 110, 230),
    ),
    raw_ids=tuple(index for index, name in enumerate(S3DIS_RAW) if name != "stairs"),
)  # fmt: skip

SCANNET20 = ClassSet(
    name="ScanNet",
    classes=(
        "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture",
        "counter", "desk", "curtain", "refrigerator", "shower curtain", "toilet", "sink", "bathtub", "otherfurniture",
    ),
    palette=(
        (174, 199, 232), (152, 223, 138), (31, 119, 180), (255, 187, 120), (188, 189, 34), (140, 86, 75),
        (255, 152, 150), (214, 39, 40), (197, 176, 213), (148, 103, 189), (196, 156, 148), (23, 190, 207),
        (247, 182, 210), (219, 219, 141), (255, 127, 14), (158, 218, 229), (44, 160, 44), (112, 128, 144),
        (227, 119, 194), (82, 84, 163),
    ),
    raw_ids=(*range(1, 13), 14, 16, 24, 28, 33, 34, 36, 39),
)  # fmt: skip

KITTI19 = ClassSet(
    name="SemanticKITTI",
    classes=(
        "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "bicyclist", "motorcyclist", "road",
        "parking", "sidewalk", "other-ground", "building", "fence", "vegetation", "trunk", "terrain", "pole",
        "traffic-sign",
    ),
    palette=(
        (100, 150, 245), (100, 230, 245), (30, 60, 150), (80, 30, 180), (0, 0, 255), (255, 30, 30), (255, 40, 200),
        (150, 30, 90), (255, 0, 255), (255, 150, 255), (75, 0, 75), (175, 0, 75), (255, 200, 0), (255, 120, 50),
        (0, 175, 0), (135, 60, 0), (150, 240, 80), (255, 240, 150), (255, 0, 0),
    ),
    raw_ids=(10, 11, 15, 18, 20, 30, 31, 32, 40, 44, 48, 49, 50, 51, 70, 71, 72, 80, 81),
)  # fmt: skip
