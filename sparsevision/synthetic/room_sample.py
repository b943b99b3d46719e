"""Furnishes and scans a room: the same arguments give the same points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.points.classes import S3DIS13
from sparsevision.synthetic.room_classes import KINDS
from sparsevision.synthetic.room_materials import load_room_photos
from sparsevision.synthetic.room_scanner import RoomScan, ScanSettings, scan_room
from sparsevision.synthetic.room_styles import Room, make_room


@dataclass(frozen=True)
class RoomSample:
    """The points of one room.

    Attributes:
        points: float32 (n,3) metres.
        colours: uint8 (n,3) RGB.
        labels: int64 (n,), classes of S3DIS13.
        instances: int64 (n,), from 1.
    """

    points: NDArray
    colours: NDArray
    labels: NDArray
    instances: NDArray


def sample_room(
    *, seed: int = 0, points: int = 60_000, style: str = "conferenceRoom", split: str = "train"
) -> RoomSample:
    """One room as arrays, without files.

    Args:
        seed: of everything.
        points: about so many.
        style: a key of room_styles.STYLES.
        split: "train" or "test": which textures and tints are used.
    """
    room, scan = furnish_and_scan(style, split=split, key=(seed,), settings=ScanSettings(points=points))
    labels = np.array([S3DIS13.classes.index(KINDS[thing.kind].s3dis) for thing in room.things])
    return RoomSample(scan.points.astype(np.float32), scan.colours, labels[scan.thing], scan.thing + 1)


def furnish_and_scan(
    style: str,
    *,
    split: str,
    key: Sequence[int],
    settings: ScanSettings,
    photos: Mapping[str, NDArray] | None = None,
    ceiling: bool = True,
) -> tuple[Room, RoomScan]:
    """A room and its points, decided by `key` alone; see `make_room` and `scan_room`."""
    rng = np.random.default_rng([*key])
    room = make_room(style, photos=photos or load_room_photos(), split=split, rng=rng, ceiling=ceiling)
    return room, scan_room(room, settings, rng=rng)
