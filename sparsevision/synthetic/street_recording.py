"""Drives the event camera through a street and keeps its events and the labels."""

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


@dataclass(frozen=True)
class StreetRecording:
    """Events by raw pixel and labels in the rectified frame; times in microseconds from the beginning.

    Attributes:
        events: times in [0, duration).
        label_times: int64 (N,).
        labels: uint8 (N, rows, width), class ids.
    """

    events: Events
    label_times: NDArray
    labels: NDArray


def record_street(
    street: Street,
    camera: StreetCamera,
    *,
    seconds: float,
    exposure: float,
    pixels: EventCameraSettings,
    rng: np.random.Generator,
    events_before: int,
    events_after: int,
) -> StreetRecording:
    """Record a street for a while.

    Args:
        street, camera: what is seen, and through what.
        seconds: length of the recording.
        exposure: factor on the brightness: 1 by day, less by night.
        pixels: of the event camera.
        rng: for its noise.
        events_before, events_after: only times with so many events before and after them are labelled.
    """
    simulator = EventSimulator((camera.height, camera.width), settings=pixels, rng=rng)
    duration = round(seconds * SECOND)
    pieces = [
        simulator.push(camera.frame(street, time / SECOND) * exposure, time)
        for time in range(0, duration + FRAME_US, FRAME_US)
    ]
    events = _joined(pieces, duration)
    times = np.arange(LABEL_US, duration, LABEL_US)
    before = np.searchsorted(events.t, times)
    times = times[(before >= events_before) & (len(events) - before >= events_after)]
    rows = camera.label_rows
    labels = np.array([camera.labelled(street, time / SECOND).label for time in times], np.uint8)
    return StreetRecording(events, times, labels.reshape(len(times), rows, camera.width))


def _joined(pieces: list[Events], duration: int) -> Events:
    """All events before `duration`. A piece ends where the next begins; events of that instant may be out of order."""
    columns = [np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("x", "y", "t", "p")]
    order = np.argsort(columns[2], kind="stable")
    order = order[columns[2][order] < duration]
    return Events(*(column[order] for column in columns), pieces[0].sensor_size)
