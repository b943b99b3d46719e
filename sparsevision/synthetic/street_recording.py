"""Drives the event camera through a street and keeps its events, its grey pictures and the labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.types import Events
from sparsevision.synthetic.esim import EventCameraSettings, EventSimulator
from sparsevision.synthetic.street_camera import StreetCamera
from sparsevision.synthetic.street_scene import Street

SECOND = 1_000_000  # microseconds
FRAME_US = 4_000  # 250 pictures a second: things move by less than a pixel between two
LABEL_US = 50_000  # 20 labels a second
WHITE = 255


@dataclass(frozen=True)
class Moments:
    """Which of the moments of a recording are labelled, and how.

    Attributes:
        rows: height of the label maps: the upper part of the rectified frame.
        events_before, events_after: a moment is labelled if the recording has so many events before and after it.
    """

    rows: int
    events_before: int
    events_after: int


@dataclass(frozen=True)
class StreetRecording:
    """Events by raw pixel, labels in the rectified frame; times in microseconds from the beginning.

    Attributes:
        events: times in [0, duration).
        times: int64 (M,), 20 a second.
        images: uint8 (M, H, W), the raw sensor's grey pictures at these times.
        labelled: int64 (N,), which of the times have labels.
        labels: uint8 (N, rows, W), class ids.
    """

    events: Events
    times: NDArray
    images: NDArray
    labelled: NDArray
    labels: NDArray


def record_street(
    street: Street,
    camera: StreetCamera,
    *,
    seconds: float,
    exposure: float,
    pixels: EventCameraSettings,
    moments: Moments,
    rng: np.random.Generator,
) -> StreetRecording:
    """Record a street for a while.

    Args:
        street, camera: what is seen, and through what.
        seconds: length of the recording.
        exposure: factor on the brightness: 1 by day, less by night.
        pixels: of the event camera.
        moments: what is labelled.
        rng: for the camera's noise.
    """
    duration = round(seconds * SECOND)
    events = _events(street, camera, duration, exposure, EventSimulator(camera.size, settings=pixels, rng=rng))
    times = np.arange(LABEL_US, duration, LABEL_US)
    images = [camera.frame(street, time / SECOND) * exposure * WHITE for time in times]
    before = np.searchsorted(events.t, times)
    enough = (before >= moments.events_before) & (len(events) - before >= moments.events_after)
    labelled = np.flatnonzero(enough)
    labels = [camera.labelled(street, time / SECOND, rows=moments.rows).label for time in times[labelled]]
    return StreetRecording(
        events,
        times,
        np.rint(images).astype(np.uint8).reshape(len(times), *camera.size),
        labelled,
        np.array(labels, np.uint8).reshape(len(labels), moments.rows, camera.width),
    )


def _events(street: Street, camera: StreetCamera, duration: int, exposure: float, simulator: EventSimulator) -> Events:
    """All events before `duration`. Where one piece ends and the next begins, equal times may have to be merged."""
    pieces = [
        simulator.push(camera.frame(street, time / SECOND) * exposure, time)
        for time in range(0, duration + FRAME_US, FRAME_US)
    ]
    columns = [np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("x", "y", "t", "p")]
    order = np.argsort(columns[2], kind="stable")
    order = order[columns[2][order] < duration]
    return Events(*(column[order] for column in columns), camera.size)
