"""Write the synthetic street as files, in the layouts of DSEC-Semantic."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.dsec_classes import CLASSES_11
from sparsevision.datasets.events.formats.dsec_writer import write_dsec_events, write_rectify_map
from sparsevision.datasets.events.points import simulate_point_folder
from sparsevision.datasets.image_io import write_png
from sparsevision.synthetic.esim import PRESETS, EventCameraSettings
from sparsevision.synthetic.street_camera import StreetCamera
from sparsevision.synthetic.street_recording import StreetRecording, record_street
from sparsevision.synthetic.street_scene import make_street
from sparsevision.synthetic.street_textures import load_photos, make_textures
from sparsevision.utils import UserError, atomic_write

NAME = "TinyStreet"
CARD = "dataset.json"
FORMAT = 1  # raise when the same settings would give other files
CLICKS = (1, 10)  # per class, each in a folder of its own
DAY_PIXELS = replace(PRESETS["published"], contrast_on=0.25, contrast_off=0.25)
FIRST_CLOCK, CLOCK_STEP = 40_000_000_000, 60_000_000  # microseconds: where the clocks of the recordings start


@dataclass(frozen=True)
class StreetSetSettings:
    """What the files depend on.

    Attributes:
        seed: of everything.
        train, test: numbers of recordings by day.
        height, width: of the sensor in pixels.
        seconds: length of a recording.
        events_before, events_after: only moments with so many events before and after them are labelled.
    """

    seed: int = 0
    train: int = 24
    test: int = 8
    height: int = 96
    width: int = 128
    seconds: float = 1.5
    events_before: int = 15_000
    events_after: int = 75_000

    def __post_init__(self) -> None:
        if min(self.train, self.test) < 1 or min(self.height, self.width) < 24 or not self.seconds >= 0.2:
            raise UserError(f"Expected train, test >= 1, height, width >= 24 and seconds >= 0.2, got {self}.")


@dataclass(frozen=True)
class Part:
    """Recordings of one kind: their number in the seed, where they go and how they are taken."""

    key: int
    folder: str
    split: str
    count: int
    first: int
    exposure: float
    pixels: EventCameraSettings


def parts_of(settings: StreetSetSettings) -> tuple[Part, ...]:
    """What the set holds."""
    return (
        Part(0, "dsec/train", "train", settings.train, 0, 1.0, DAY_PIXELS),
        Part(1, "dsec/test", "test", settings.test, settings.train, 1.0, DAY_PIXELS),
    )


def write_street_set(
    out: str | Path,
    settings: StreetSetSettings,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Write `out`/dsec/{train,test}/street_day_NN/ in the layout of DSEC-Semantic, and a data card.

    A recording holds events/left/{events.h5,rectify_map.h5}, 11classes/NNNNNN.png, the clicks beside them, and the
    times of the labels. The folder appears whole or not at all.

    Args:
        out: folder to make.
        settings: see `StreetSetSettings`.
        overwrite: replace a folder that holds something else.
        progress: called with (recordings done, recordings in all).

    Returns:
        False if `out` already holds exactly this set, so that nothing was done.

    Raises:
        UserError: `out` holds something else and `overwrite` is not set.
    """
    out = Path(out)
    if _is_current(out, settings):
        return False
    if out.exists() and any(out.iterdir()) and not overwrite:
        raise UserError(f"'{out}' holds other files. Pass --overwrite to replace the folder, or choose another --out.")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        _write_all(temporary, settings, progress)
        os.chmod(temporary, 0o755)
        if out.exists():
            shutil.rmtree(out)
        os.replace(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return True


def _is_current(out: Path, settings: StreetSetSettings) -> bool:
    try:
        card = json.loads((out / CARD).read_text())
    except (OSError, ValueError):
        return False
    return card == _card(settings)


def _card(settings: StreetSetSettings) -> dict:
    return {"set": NAME, "format": FORMAT, "settings": asdict(settings)}


def _write_all(root: Path, settings: StreetSetSettings, progress: Callable[[int, int], None]) -> None:
    photos = load_photos()
    total = sum(part.count for part in parts_of(settings))
    for done, (part, index) in enumerate(_recordings(settings), start=1):
        recording = _record(photos, part, index, settings)
        _write_day(root / part.folder, f"street_day_{part.first + index:02d}", recording, part, index, settings)
        progress(done, total)
    (root / CARD).write_text(json.dumps(_card(settings), indent=2) + "\n")


def _recordings(settings: StreetSetSettings) -> Iterator[tuple[Part, int]]:
    for part in parts_of(settings):
        for index in range(part.count):
            yield part, index


def _record(photos: dict[str, NDArray], part: Part, index: int, settings: StreetSetSettings) -> StreetRecording:
    rng = np.random.default_rng([settings.seed, part.key, index])
    street = make_street(make_textures(photos, split=part.split, rng=rng), rng=rng)
    return record_street(
        street,
        StreetCamera(settings.height, settings.width),
        seconds=settings.seconds,
        exposure=part.exposure,
        pixels=part.pixels,
        rng=rng,
        events_before=settings.events_before,
        events_after=settings.events_after,
    )


def _write_day(
    folder: Path, name: str, recording: StreetRecording, part: Part, index: int, settings: StreetSetSettings
) -> None:
    home = folder / name
    clock = FIRST_CLOCK + CLOCK_STEP * (part.first + index)
    events = replace(recording.events, t=recording.events.t + clock)
    write_dsec_events(home / "events/left/events.h5", events, t_offset=clock)
    write_rectify_map(home / "events/left/rectify_map.h5", StreetCamera(settings.height, settings.width).rectify_map())
    times = "".join(f"{time + clock}\n" for time in recording.label_times)
    with atomic_write(home / f"{name}_semantic_timestamps.txt") as stream:
        stream.write(times.encode())
    for number, labels in enumerate(recording.labels):
        write_png(home / f"11classes/{number:06d}.png", labels)
    for clicks in CLICKS:
        simulate_point_folder(
            home / "11classes",
            home / f"11classes_weak_{clicks}point_per_class",
            per_class=clicks,
            seed=settings.seed,
            key=f"street/{name}",
            classes=range(len(CLASSES_11)),
        )
