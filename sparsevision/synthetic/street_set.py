"""Write the synthetic street as files, by day and night, in the layouts of DSEC and DDD17."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.esim import PRESETS, EventCameraSettings
from sparsevision.synthetic.set_folder import write_set
from sparsevision.synthetic.street_camera import StreetCamera
from sparsevision.synthetic.street_files import write_day, write_ddd17, write_night
from sparsevision.synthetic.street_recording import Moments, StreetRecording, record_street
from sparsevision.synthetic.street_scene import make_street
from sparsevision.synthetic.street_textures import load_photos, make_textures
from sparsevision.utils import UserError
from sparsevision.utils.processes import map_in_processes

NAME = "TinyStreet"
FORMAT = 2  # raise when the same settings would give other files
DAY_PIXELS = replace(PRESETS["published"], contrast_on=0.25, contrast_off=0.25)
NIGHT_EXPOSURE = 0.12
DSEC_ROWS = 440 / 480  # share of the sensor's rows that labels show
DDD17_ROWS = 0.75
DDD17_HELD_OUT = frozenset({1, 4})  # folders that no one trains on
FIRST_CLOCK, CLOCK_STEP = 40_000_000_000, 60_000_000  # microseconds: where the clocks of the recordings start


@dataclass(frozen=True)
class StreetSetSettings:
    """What the files depend on.

    Attributes:
        seed: of everything.
        train, test: numbers of recordings by day.
        night: number of recordings by night.
        ddd17: number of recordings in the layout of DDD17; its splits need seven.
        height, width: of the sensor in pixels.
        seconds: length of a recording.
        events_before, events_after: only moments with so many events before and after them are labelled. In the layout
            of DDD17, whose reversed streams are no longer than the others, `events_before` holds for both.
    """

    seed: int = 0
    train: int = 24
    test: int = 8
    night: int = 6
    ddd17: int = 7
    height: int = 96
    width: int = 128
    seconds: float = 1.5
    events_before: int = 15_000
    events_after: int = 75_000

    def __post_init__(self) -> None:
        counts = (self.train, self.test, self.night, self.ddd17)
        if min(counts) < 0 or max(counts) < 1 or min(self.height, self.width) < 24 or not self.seconds >= 0.1:
            raise UserError(
                "Expected train, test, night, ddd17 >= 0 and not all 0, height, width >= 24 and seconds >= 0.1, got "
                f"{self}."
            )


SMALL = StreetSetSettings(
    train=2, test=1, night=1, ddd17=7, height=24, width=32, seconds=0.3, events_before=20, events_after=20
)


@dataclass(frozen=True)
class Part:
    """Recordings of one kind.

    Attributes:
        key: number that tells its random numbers from those of other parts.
        names: of the folders, one for each recording.
        write: from street_files.
        exposure, pixels, distortion: how they are taken, see `record_street` and `StreetCamera`.
        rows: share of the sensor's rows that labels show.
        events_after: see `StreetSetSettings`.
        held_out: numbers of the recordings with textures for testing.
        clock: number of the first one's clock.
    """

    key: int
    names: tuple[str, ...]
    write: Callable[..., None]
    events_after: int
    exposure: float = 1.0
    pixels: EventCameraSettings = DAY_PIXELS
    distortion: float = 1.0
    rows: float = DSEC_ROWS
    held_out: frozenset[int] = frozenset()
    clock: int = 0


def parts_of(settings: StreetSetSettings) -> tuple[Part, ...]:
    """What the set holds."""
    days = [f"street_day_{number:02d}" for number in range(settings.train + settings.test)]
    train, test = days[: settings.train], days[settings.train :]
    after = settings.events_after
    night = tuple(f"dsec_night/street_night_{number:02d}" for number in range(settings.night))
    return (
        Part(0, tuple(f"dsec/train/{name}" for name in train), write_day, after),
        Part(
            1, tuple(f"dsec/test/{name}" for name in test), write_day, after,
            held_out=frozenset(range(len(test))), clock=len(train),
        ),
        Part(
            2, night, write_night, after,
            exposure=NIGHT_EXPOSURE, pixels=PRESETS["noisy"], rows=1.0, clock=len(days),
        ),
        Part(
            3, tuple(f"ddd17/dir{number}" for number in range(settings.ddd17)), write_ddd17, settings.events_before,
            distortion=0.0, rows=DDD17_ROWS, held_out=DDD17_HELD_OUT, clock=len(days) + len(night),
        ),
    )  # fmt: skip


def write_street_set(
    out: str | Path,
    settings: StreetSetSettings,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    workers: int = 1,
) -> bool:
    """Write a data card and `out`/{dsec/{train,test}/street_day_NN,dsec_night/street_night_NN,ddd17/dirN}.

    What a recording's folder holds is described in street_files. The whole set appears at once or not at all.

    Args:
        out: folder to make.
        settings: see `StreetSetSettings`.
        overwrite: replace another synthetic set.
        progress: called with (recordings done, recordings in all).
        workers: processes that make recordings; the files do not depend on it.

    Returns:
        False if `out` already holds exactly this set, so that nothing was done.

    Raises:
        UserError: `out` holds another set and `overwrite` is not set, or something that is no set.
    """
    card = {"set": NAME, "format": FORMAT, "settings": asdict(settings)}
    write = partial(_write_all, settings=settings, progress=progress, workers=workers)
    return write_set(out, card, write, overwrite=overwrite)


def _write_all(root: Path, settings: StreetSetSettings, progress: Callable[[int, int], None], workers: int) -> None:
    jobs = [(part, index) for part in parts_of(settings) for index in range(len(part.names))]
    done = count(1)
    map_in_processes(
        partial(_write_recording, root=root, settings=settings),
        jobs,
        workers=workers,
        done=lambda: progress(next(done), len(jobs)),
    )


def _write_recording(job: tuple[Part, int], *, root: Path, settings: StreetSetSettings) -> None:
    part, index = job
    camera = StreetCamera(settings.height, settings.width, distortion=part.distortion)
    recording = _record(_photos(), camera, part, index, settings)
    clock = FIRST_CLOCK + CLOCK_STEP * (part.clock + index)
    part.write(root / part.names[index], recording, camera.rectify_map(), clock=clock, seed=settings.seed)


@lru_cache(maxsize=1)
def _photos() -> dict[str, NDArray]:
    return load_photos()


def _record(
    photos: dict[str, NDArray], camera: StreetCamera, part: Part, index: int, settings: StreetSetSettings
) -> StreetRecording:
    rng = np.random.default_rng([settings.seed, part.key, index])
    split = "test" if index in part.held_out else "train"
    street = make_street(make_textures(photos, split=split, rng=rng), rng=rng)
    recording = record_street(
        street,
        camera,
        seconds=settings.seconds,
        exposure=part.exposure,
        pixels=part.pixels,
        moments=Moments(round(settings.height * part.rows), settings.events_before, part.events_after),
        rng=rng,
    )
    if not len(recording.labelled):
        raise UserError(
            f"{part.names[index]}: its {len(recording.events)} events leave no moment with {settings.events_before} "
            f"before and {part.events_after} after it; ask for fewer, or for longer recordings."
        )
    return recording
