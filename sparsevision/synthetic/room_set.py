"""Write synthetic rooms as files, in the raw layouts of S3DIS and of ScanNet."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.room_materials import load_room_photos
from sparsevision.synthetic.room_s3dis import write_alignment, write_s3dis_room
from sparsevision.synthetic.room_sample import furnish_and_scan
from sparsevision.synthetic.room_scanner import ScanSettings
from sparsevision.synthetic.room_scannet import TSV, write_label_table, write_scannet_scene
from sparsevision.synthetic.set_folder import write_set
from sparsevision.utils import UserError
from sparsevision.utils.processes import map_in_processes

NAME = "TinyRooms"
FORMAT = 1  # raise when the same settings would give other files
S3DIS_STYLES = ("office", "conferenceRoom", "lounge", "hallway")
TRAIN_AREAS, TEST_AREA = (1, 2, 3, 4, 6), 5
SCANNET_STYLES = ("bedroom", "bathroom", "studio", "study")
SPLIT_STARTS = {"train": 0, "val": 500, "test": 707}  # numbers of the scenes of each split
SPLIT_KEYS = {"train": 2, "val": 3, "test": 4}


@dataclass(frozen=True)
class RoomSetSettings:
    """What the files depend on.

    Attributes:
        seed: of everything.
        s3dis_train: rooms in Areas 1, 2, 3, 4 and 6, in turn.
        s3dis_test: rooms in Area 5, with other textures and tints.
        scannet_train, scannet_val, scannet_test: scenes; the last two with other textures and tints, and the labels of
            the last are not written.
        s3dis_points, scannet_points: about so many points a room.
        positions: places from which a room is scanned.
        dirty: write the first room of Area 5 with the faults of the real files, see `write_s3dis_room`.
    """

    seed: int = 0
    s3dis_train: int = 13
    s3dis_test: int = 5
    scannet_train: int = 8
    scannet_val: int = 3
    scannet_test: int = 1
    s3dis_points: int = 60_000
    scannet_points: int = 40_000
    positions: int = 5
    dirty: bool = False

    def __post_init__(self) -> None:
        counts = (self.s3dis_train, self.s3dis_test, self.scannet_train, self.scannet_val, self.scannet_test)
        few = min(self.s3dis_points, self.scannet_points)
        if min(counts) < 0 or max(counts) < 1 or few < 1000 or not 1 <= self.positions <= 20:
            raise UserError(
                "Expected numbers of rooms >= 0 and not all 0, at least 1000 points a room and 1 to 20 positions, got "
                f"{self}."
            )


SMALL = RoomSetSettings(
    s3dis_train=2, s3dis_test=1, scannet_train=1, scannet_val=1, scannet_test=1, s3dis_points=5000, scannet_points=4000,
    positions=2,
)  # fmt: skip


@dataclass(frozen=True)
class RoomJob:
    """One room to make.

    Attributes:
        place: its folder in the set.
        style: a key of room_styles.STYLES.
        split: "train", "val" or "test".
        key: decides everything about it.
    """

    place: str
    style: str
    split: str
    key: tuple[int, ...]


def s3dis_jobs(settings: RoomSetSettings) -> list[RoomJob]:
    """The rooms in the layout of S3DIS."""
    found = []
    for number in range(settings.s3dis_train):
        area, style = TRAIN_AREAS[number % 5], S3DIS_STYLES[number % 4]
        place = f"s3dis/Area_{area}/{style}_{number // 5 + 1}"
        found.append(RoomJob(place, style, "train", (settings.seed, 0, number)))
    for number in range(settings.s3dis_test):
        style = S3DIS_STYLES[number % 4]
        place = f"s3dis/Area_{TEST_AREA}/{style}_{number // 4 + 1}"
        found.append(RoomJob(place, style, "test", (settings.seed, 1, number)))
    return found


def scannet_jobs(settings: RoomSetSettings) -> list[RoomJob]:
    """The scenes in the layout of ScanNet."""
    counts = {"train": settings.scannet_train, "val": settings.scannet_val, "test": settings.scannet_test}
    return [
        RoomJob(
            f"scannet/{'scans_test' if split == 'test' else 'scans'}/scene{SPLIT_STARTS[split] + number:04d}_00",
            SCANNET_STYLES[number % 4],
            split,
            (settings.seed, SPLIT_KEYS[split], number),
        )
        for split, count in counts.items()
        for number in range(count)
    ]


def write_room_set(
    out: str | Path,
    settings: RoomSetSettings,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    workers: int = 1,
) -> bool:
    """Write a data card, `out`/s3dis/Area_N/ROOM and `out`/scannet/{scans,scans_test}/SCENE.

    What a room's folder holds is described in room_s3dis and room_scannet. A room depends on the seed and its own
    number, not on how many are made. The whole set appears at once or not at all.

    Args:
        out: folder to make.
        settings: see `RoomSetSettings`.
        overwrite: replace another synthetic set.
        progress: called with (rooms done, rooms in all).
        workers: processes that make rooms; the files do not depend on it.

    Returns:
        False if `out` already holds exactly this set, so that nothing was done.

    Raises:
        UserError: `out` holds another set and `overwrite` is not set, or something that is no set.
    """
    card = {"set": NAME, "format": FORMAT, "settings": asdict(settings)}
    write = partial(_write_all, settings=settings, progress=progress, workers=workers)
    return write_set(out, card, write, overwrite=overwrite)


def _write_all(root: Path, settings: RoomSetSettings, progress: Callable[[int, int], None], workers: int) -> None:
    s3dis, scannet = s3dis_jobs(settings), scannet_jobs(settings)
    jobs, done = [*s3dis, *scannet], count(1)
    map_in_processes(
        partial(_write_room, root=root, settings=settings),
        jobs,
        workers=workers,
        done=lambda: progress(next(done), len(jobs)),
    )
    _write_alignments(root, s3dis)
    if scannet:
        _write_lists(root / "scannet", scannet)


def _write_room(job: RoomJob, *, root: Path, settings: RoomSetSettings) -> None:
    write = _write_s3dis if job.place.startswith("s3dis/") else _write_scannet
    write(root, job, settings, _photos())


@lru_cache(maxsize=1)
def _photos() -> dict[str, NDArray]:
    return load_room_photos()


def _write_s3dis(root: Path, job: RoomJob, settings: RoomSetSettings, photos: Mapping[str, NDArray]) -> None:
    scanning = ScanSettings(points=settings.s3dis_points, positions=settings.positions)
    room, scan = furnish_and_scan(job.style, split=job.split, key=job.key, settings=scanning, photos=photos)
    offset = np.random.default_rng([*job.key, 1]).uniform((-20, -20, -0.2), (20, 20, 0.2))
    first = job.split == "test" and job.key[2] == 0
    write_s3dis_room(root / job.place, room, scan, offset=offset, dirty=settings.dirty and first)


def _write_scannet(root: Path, job: RoomJob, settings: RoomSetSettings, photos: Mapping[str, NDArray]) -> None:
    scanning = ScanSettings(points=settings.scannet_points, positions=settings.positions, heights=(1.2, 1.6))
    room, scan = furnish_and_scan(
        job.style,
        split="train" if job.split == "train" else "test",
        key=job.key,
        settings=scanning,
        photos=photos,
        ceiling=job.key[2] % 2 == 1,
    )
    rng = np.random.default_rng([*job.key, 1])
    write_scannet_scene(
        root / job.place, room, scan,
        yaw=float(rng.uniform(-np.pi, np.pi)), offset=tuple(rng.uniform(-2, 2, 3).tolist()),
        labelled=job.split != "test",
    )  # fmt: skip


def _write_alignments(root: Path, jobs: list[RoomJob]) -> None:
    rooms = defaultdict(list)
    for job in jobs:
        rooms[root / Path(job.place).parent].append(Path(job.place).name)
    for area, names in rooms.items():
        write_alignment(area, names)


def _write_lists(root: Path, jobs: list[RoomJob]) -> None:
    for split in SPLIT_STARTS:
        names = [Path(job.place).name for job in jobs if job.split == split]
        (root / f"scannetv2_{split}.txt").write_text("".join(f"{name}\n" for name in names))
    write_label_table(root / TSV)
