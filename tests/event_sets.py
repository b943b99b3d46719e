"""Tiny event data sets on disk, written here with h5py and numpy alone, in every convention of folders."""

from pathlib import Path

import h5py
import numpy as np
from PIL import Image

SENSOR = (24, 32)
CROP = 8
LABEL_SIZE = (16, 32)
T_OFFSET = 1_000_000
STEP = 10  # microseconds between two events
EVENTS = 4000
FRAME_STEP = 2000  # microseconds between two labels


def write_dsec_events(path: Path, *, count: int = EVENTS, seed: int = 0, sensor: tuple[int, int] = SENSOR) -> None:
    """An events.h5 of `count` events, `STEP` apart, as the format's page says."""
    rng = np.random.default_rng(seed)
    times = np.arange(count) * STEP
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["events/x"] = rng.integers(0, sensor[1], count).astype(np.uint16)
        file["events/y"] = rng.integers(0, sensor[0], count).astype(np.uint16)
        file["events/p"] = rng.integers(0, 2, count).astype(np.uint8)
        file["events/t"] = times.astype(np.uint32)
        milliseconds = np.arange(times[-1] // 1000 + 1) * 1000
        file["ms_to_idx"] = np.searchsorted(times, milliseconds).astype(np.uint64)
        file["t_offset"] = np.int64(T_OFFSET)


def write_rectify_map(path: Path, *, sensor: tuple[int, int] = SENSOR, shift: float = 0.25) -> None:
    """A map that moves everything by `shift` pixels."""
    rows, columns = np.mgrid[: sensor[0], : sensor[1]].astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["rectify_map"] = np.stack([columns + shift, rows - shift], axis=-1).astype(np.float32)


def write_png(path: Path, labels: np.ndarray) -> None:
    """A label map as 8-bit PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels.astype(np.uint8)).save(path)


def label_map(number: int, *, classes: int = 11, size: tuple[int, int] = LABEL_SIZE) -> np.ndarray:
    """Blocks of three classes and an unlabelled corner; different for every number."""
    labels = np.full(size, number % classes)
    labels[size[0] // 2 :] = (number + 1) % classes
    labels[:, size[1] // 2 :] = (number + 2) % classes
    labels[:2, :2] = 255
    return labels


def clicks_of(labels: np.ndarray, per_class: int = 1) -> np.ndarray:
    """The first pixels of every class, nothing else."""
    clicks = np.full(labels.shape, 255)
    for label in np.unique(labels[labels != 255]):
        rows, columns = np.nonzero(labels == label)
        clicks[rows[:per_class], columns[:per_class]] = label
    return clicks


def frame_times(count: int) -> np.ndarray:
    """Absolute label times inside the recording, in microseconds."""
    return T_OFFSET + 5000 + FRAME_STEP * np.arange(count)


PLACES = {
    "official": ("{split}/{seq}/{coding}", "{split}/{seq}/{seq}_semantic_timestamps.txt", "{split}/{seq}/events/left"),
    "ess": (
        "{split}/{seq}/semantic/left/{coding}/data",
        "{split}/{seq}/semantic/timestamps.txt",
        "{split}/{seq}/events/left",
    ),
    "ev_wsss": ("DSEC_Semantic/{split}/{seq}/{coding}", "DSEC_Semantic/{split}/{seq}/timestamps.txt",
                "DSEC_Semantic/{split}/{seq}/left"),
    "archives": (
        "train_semantic_segmentation/{split}/{seq}/{coding}",
        "train_semantic_segmentation/{split}/{seq}/{seq}_semantic_timestamps.txt",
        "train_events/{seq}/events/left",
    ),
}  # fmt: skip


def write_dsec_sequence(
    root: Path, seq: str, *, convention: str = "official", split: str = "train", frames: int = 10, classes: int = 11,
    points: tuple[int, ...] = (), seed: int = 0,
) -> dict[str, Path]:  # fmt: skip
    """One sequence with everything; returns its paths: labels, times, events (folder)."""
    coding = f"{classes}classes"
    labels, times, events = (root / place.format(split=split, seq=seq, coding=coding) for place in PLACES[convention])
    for number in range(frames):
        dense = label_map(number, classes=classes)
        write_png(labels / f"{number:06d}.png", dense)
        for per_class in points:
            folder = root / PLACES[convention][0].format(
                split=split, seq=seq, coding=f"{coding}_weak_{per_class}point_per_class"
            )
            write_png(folder / f"{number:06d}.png", clicks_of(dense, per_class))
    times.parent.mkdir(parents=True, exist_ok=True)
    times.write_text("".join(f"{time}\n" for time in frame_times(frames)))
    write_dsec_events(events / "events.h5", seed=seed)
    write_rectify_map(events / "rectify_map.h5")
    return {"labels": labels, "times": times, "events": events}


def write_night_sequence(root: Path, seq: str, *, frames: int = 6, seed: int = 0) -> Path:
    """A sequence of DSEC Night-Point: even frames have clicks, odd ones dense labels; returns its folder.

    Labels have the whole sensor's size and Cityscapes' trainIds.
    """
    home = root / seq
    write_dsec_events(home / "events/left/events.h5", seed=seed)
    write_rectify_map(home / "events/left/rectify_map.h5")
    for number in range(frames):
        dense = label_map(number, classes=19, size=SENSOR)
        name = f"labels_test/{seq}_{number:06d}_grey_gtFine_labelTrainIds" if number % 2 else f"labels/{number:06d}"
        write_png(home / f"{name}.png", dense if number % 2 else clicks_of(dense))
    (home / "timestamps.txt").write_text("".join(f"{time}\n" for time in frame_times(frames)))
    return home


def write_ddd17_sequence(
    root: Path, name: str, *, frames: int = 6, points: tuple[int, ...] = (), seed: int = 0
) -> Path:
    """A sequence of DDD17-Seg, as ESS' archive holds it; returns its folder. Image 1 has no mask."""
    home, rng = root / name, np.random.default_rng(seed)
    home.mkdir(parents=True, exist_ok=True)
    times = T_OFFSET + STEP * np.arange(EVENTS)
    (times * 1000).astype("<i8").tofile(home / "events.dat.t")
    places = [rng.integers(0, SENSOR[1], EVENTS), rng.integers(0, SENSOR[0], EVENTS), rng.integers(0, 2, EVENTS)]
    np.stack(places, axis=1).astype("<i2").tofile(home / "events.dat.xyp")
    images = frame_times(frames)
    (home / "index").mkdir(exist_ok=True)
    for span in (10, 50, 250):
        before = [np.maximum(np.searchsorted(times, moment) - 1, 0) for moment in (images, images - 1000 * span)]
        np.save(home / f"index/index_{span}ms.npy", np.stack([images * 1000, *before], axis=1))
    for number in range(2, frames + 1):
        dense = label_map(number, classes=6)
        write_png(home / f"segmentation_masks/segmentation_{number:08d}.png", dense)
        for per_class in points:
            folder = home / f"weak_{per_class}point_per_class"
            write_png(folder / f"segmentation_{number:08d}.png", clicks_of(dense, per_class))
    return home
