"""Segment event recordings, without a Runner: moments of a file, a file grid by grid, or a camera as it runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.model import BaseModel
from numpy.typing import NDArray
from torch import Tensor

from sparsevision.apis.event_settings import EventSettings, event_settings
from sparsevision.apis.model import given_model
from sparsevision.datasets.events.formats.hdf5 import refuse_holes
from sparsevision.datasets.events.reader import EventReader, open_events, read_rectify_map
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError

RECTIFY_MAP = "rectify_map.h5"  # beside a recording of DSEC
MapLike = str | Path | NDArray | None


@dataclass(frozen=True)
class EventSegResult:
    """What was seen at one moment.

    Attributes:
        time: the moment in microseconds on the recording's clock; only events before it were looked at.
        labels: uint8 (H, W), class ids.
        confidence: float32 (H, W), probability of that class.
        events: those of the newest grid, rectified if the network gets them so.
    """

    time: int
    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    events: Events


@dataclass(frozen=True)
class OpenedRecording:
    """A recording and how it is to be read."""

    reader: EventReader
    rectify_map: NDArray | None
    settings: EventSettings


RecordingLike = str | Path | OpenedRecording


class EventSegInferencer:
    """`EventSegInferencer(config, checkpoint)(recording, times)`: the classes of all pixels at these times.

    Grids are made as the config's test pipeline makes them: events per grid, bins, rounding, rectify map, crop.

    Args:
        model: a shipped config's name, a path, a Config, or a model of `init_model`.
        checkpoint: weights; None with a model.
        device: None takes a GPU if there is one, and leaves a model where it is.

    Raises:
        UserError: no such config or checkpoint, or not those of an event method.
    """

    def __init__(
        self,
        model: str | Path | Config | BaseModel,
        checkpoint: str | Path | None = None,
        *,
        device: str | None = None,
    ) -> None:
        model = given_model(model, checkpoint, device=device)
        self.model = model.eval()
        if not hasattr(model, "step"):
            raise UserError(
                f"{type(model).__name__} does not read events step by step; EventSegInferencer needs an event method, "
                "e.g. a config of configs/ev_wsss."
            )
        self.settings = event_settings(model.cfg)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, index = class id."""
        return self.settings.classes

    @property
    def palette(self) -> NDArray[np.uint8]:
        """(C, 3) RGB, index = class id."""
        return self.settings.palette

    def __call__(self, recording: RecordingLike, times: int | Iterable[int], **options) -> list[EventSegResult]:
        """Segment moments of a recording, each from the events before it, with no memory of other moments.

        Args:
            recording: whatever `open_events` reads, or what `open` returned.
            times: microseconds on the recording's clock, in any order.
            options: see `open`.

        Raises:
            UserError: a time outside of the recording or without enough events before it, and see `open`.
        """
        return list(self.iterate(recording, times, **options))

    def iterate(self, recording: RecordingLike, times: int | Iterable[int], **options) -> Iterator[EventSegResult]:
        """As a call, but one result after the other, for long recordings. Times are checked before the first one."""
        opened = recording if isinstance(recording, OpenedRecording) else self.open(recording, **options)
        times = [int(time) for time in np.atleast_1d(np.asarray(times if np.isscalar(times) else list(times)))]
        for time in times:
            past_of(opened, time)
        return self._offline(opened, times)

    def _offline(self, opened: OpenedRecording, times: list[int]) -> Iterator[EventSegResult]:
        with opened.reader as reader:
            for time in times:
                yield self._segment(reader.read(*past_of(opened, time)), time, opened)

    @torch.inference_mode()
    def _segment(self, events: Events, time: int, opened: OpenedRecording) -> EventSegResult:
        settings = opened.settings
        grids = settings.grids(events, count=settings.num_grids, rectify_map=opened.rectify_map)
        length = len(events) // settings.num_grids
        newest = events[(settings.num_grids - 1) * length : settings.num_grids * length]
        scores = self.model(self.prepare(grids), mode="tensor")
        return result_of(
            scores, time=time, events=rectified(newest, opened.rectify_map), shape=grids.shape[1:], settings=settings
        )

    def stream(
        self, recording: RecordingLike, *, start: int | None = None, stop: int | None = None, **options
    ) -> Iterator[EventSegResult]:
        """Go through a recording one grid a step, with the network's memory carried on: a result after every grid.

        With `start` the first result is that of a call for the time `start`: memory begins empty, and the grids before
        `start` are read one by one. Without, the first result is that after the recording's first grid. The others
        follow after `events_per_grid` more events each; memory is never emptied.

        Args:
            recording: whatever `open_events` reads, or what `open` returned.
            start: microseconds on the recording's clock.
            stop: events from this time on are left out; None: to the end. A last grid that is not full is left out.
            options: see `open`.

        Raises:
            UserError: start lies outside of the recording, or too few events between it and stop; and see `open`.
        """
        opened = recording if isinstance(recording, OpenedRecording) else self.open(recording, **options)
        reader, length = opened.reader, opened.settings.events_per_grid
        last = len(reader) if stop is None else reader.index_of(stop)
        warm_up = None if start is None else past_of(opened, start)
        first = 0 if warm_up is None else warm_up[1]
        if last < first + (0 if warm_up else length):
            raise UserError(
                f"{reader.path}: {max(last - first, 0)} events between start={start} and stop={stop} us; a grid takes "
                f"{length}. {_span(reader)}"
            )
        return self._streamed(opened, warm_up, start, range(first, last - length + 1, length))

    def _streamed(
        self, opened: OpenedRecording, warm_up: tuple[int, int] | None, start: int | None, places: range
    ) -> Iterator[EventSegResult]:
        live = EventStream(self, settings=opened.settings, rectify_map=opened.rectify_map)
        with opened.reader as reader:
            if warm_up is not None:
                events, count = reader.read(*warm_up), opened.settings.num_grids
                length = len(events) // count
                for grid in range(count - 1):
                    live.push(events[grid * length : (grid + 1) * length], answer=False)
                yield live.push(events[(count - 1) * length : count * length], time=start)
            for first in places:
                yield live.push(reader.read(first, first + opened.settings.events_per_grid))

    def live(
        self,
        *,
        rectify_map: MapLike = None,
        sensor_size: tuple[int, int] | None = None,
        crop_bottom: int | None = None,
    ) -> "EventStream":
        """A stream that is fed by hand, e.g. from a camera; arguments as for `open`, but the map has to be given."""
        settings = self.settings.with_sensor(sensor_size, crop_bottom)
        return EventStream(self, settings=settings, rectify_map=chosen_map(rectify_map, None, settings))

    def open(
        self,
        recording: str | Path,
        *,
        rectify_map: MapLike = None,
        sensor_size: tuple[int, int] | None = None,
        crop_bottom: int | None = None,
        **reading,
    ) -> OpenedRecording:
        """A recording, checked against what the network expects.

        Args:
            recording: whatever `open_events` reads.
            rectify_map: a DSEC rectify_map.h5 or an array (H, W, 2); None takes the file of that name beside the
                recording if the config's data are rectified; "none" leaves events where they are.
            sensor_size: (height, width) of a sensor unlike that of the config.
            crop_bottom: lowest rows that are left out; None: as in the config.
            reading: `format`, `recover`, `time_unit` of `open_events`.

        Raises:
            UserError: the recording is of another sensor than `sensor_size` or the config says, is empty, or lacks a
                rectify map.
            EventFileError: it cannot be read.
        """
        settings = self.settings.with_sensor(sensor_size, crop_bottom)
        reader = open_events(recording, sensor_size=settings.sensor_size, **reading)
        said = reader.recording.sensor_size
        if said is not None and said != settings.sensor_size:
            reader.close()
            raise UserError(
                f"{recording}: wrong sensor size: the recording is of {said[0]} rows and {said[1]} columns, expected "
                f"{settings.sensor_size[0]} and {settings.sensor_size[1]}. Give sensor_size=({said[0]}, {said[1]}) "
                f"(--sensor-size {said[0]} {said[1]}) and a fitting crop_bottom if the network may be used so."
            )
        return OpenedRecording(reader, chosen_map(rectify_map, reader.path, settings), settings)

    def prepare(self, grids: Tensor) -> dict[str, Tensor]:
        """Grids (T * channels, H, W) -> the network's inputs, a padded batch of one on its device."""
        return self.model.data_preprocessor({"inputs": {"events": [grids]}})["inputs"]


class EventStream:
    """A network that reads events grid by grid and remembers; made by `EventSegInferencer.live`.

    Args:
        inferencer: whose network it is.
        settings: how grids are made.
        rectify_map: (H, W, 2) float32, or None.
    """

    def __init__(self, inferencer: EventSegInferencer, *, settings: EventSettings, rectify_map: NDArray | None) -> None:
        self._inferencer = inferencer
        self._settings = settings
        self._rectify_map = rectify_map
        self.reset()

    def reset(self) -> None:
        """Forget everything, as at the start."""
        self._state = None
        self._newest: int | None = None

    @torch.inference_mode()
    def push(self, events: Events, *, time: int | None = None, answer: bool = True) -> EventSegResult | None:
        """Read one more grid.

        Args:
            events: of the grid, oldest first; the config's `events_per_grid` of them are what the network knows.
            time: of the result; None: just after the newest event.
            answer: False only remembers, and returns None.

        Raises:
            UserError: no events, events outside of the sensor, or times that go backwards within these events or
                since the last call.
        """
        self._check(events)
        grid = self._settings.grids(events, count=1, rectify_map=self._rectify_map)
        inputs = self._inferencer.prepare(grid)["events"]
        scores, self._state = self._inferencer.model.step(inputs, self._state)
        self._newest = int(events.t[-1])
        if not answer:
            return None
        time = self._newest + 1 if time is None else time
        shown = rectified(events, self._rectify_map)
        return result_of(scores, time=time, events=shown, shape=grid.shape[1:], settings=self._settings)

    def _check(self, events: Events) -> None:
        if not len(events):
            raise UserError("there are no events to make a grid of; wait for some.")
        if self._newest is not None and events.t[0] < self._newest:
            raise UserError(
                f"timestamps go backwards: these events begin at {int(events.t[0])} us, those before ended at "
                f"{self._newest} us. Call reset() before another recording."
            )
        height, width = self._settings.sensor_size
        row, column = events.y.max(), events.x.max()
        if row >= height or column >= width:
            raise UserError(
                f"wrong sensor size: an event in row {row} or column {column}, outside of {height} rows and {width} "
                "columns. Give the sensor_size of the camera."
            )


def past_of(opened: OpenedRecording, time: int) -> tuple[int, int]:
    """First and last + 1 event that the answer at a time rests on.

    Raises:
        UserError: the time lies outside of the recording, or too few events lie before it.
    """
    reader, settings = opened.reader, opened.settings
    if not reader.first_time <= time <= reader.last_time:
        raise UserError(f"{reader.path}: {time} us lies outside of the recording. {_span(reader)}")
    last = reader.index_of(time)
    first = max(last - settings.num_grids * settings.events_per_grid, 0)
    if last - first < settings.num_grids:
        raise UserError(
            f"{reader.path}: empty window: {last - first} events before {time} us, too few for {settings.num_grids} "
            f"grids. Ask for a later time. {_span(reader)}"
        )
    return first, last


def chosen_map(given: MapLike, recording: Path | None, settings: EventSettings) -> NDArray | None:
    """The rectify map to use; None where there is nothing to rectify. See `EventSegInferencer.open`.

    Raises:
        UserError: it is missing, for another sensor, or has values that are not finite.
    """
    if isinstance(given, str) and given == "none":
        return None
    if given is None and not settings.rectified:
        return None
    found = given
    if given is None:
        found = None if recording is None else recording.with_name(RECTIFY_MAP)
        if found is None or not found.is_file():
            raise UserError(
                f"{found or RECTIFY_MAP}: the rectify map is missing. The network was trained on rectified events: "
                "give rectify_map= (--rectify-map), or 'none' if they are rectified already or there is no map."
            )
    where = "the rectify map" if isinstance(found, np.ndarray) else f"{found}: the rectify map"
    values = found if isinstance(found, np.ndarray) else read_rectify_map(found)
    if values.shape != (*settings.sensor_size, 2):
        raise UserError(
            f"{where} has the shape {values.shape}, expected {(*settings.sensor_size, 2)}: rectified x and y of each "
            "pixel of the sensor. Is it another camera's?"
        )
    refuse_holes(values, where)
    return values


def rectified(events: Events, rectify_map: NDArray | None) -> Events:
    """Events moved by a rectify map (H, W, 2), float32 places; as they are without a map."""
    if rectify_map is None:
        return events
    places = rectify_map[events.y, events.x]
    return replace(events, x=places[:, 0], y=places[:, 1])


def result_of(
    scores: Tensor, *, time: int, events: Events, shape: tuple[int, int], settings: EventSettings
) -> EventSegResult:
    """Logits (1, C, H, W), padded -> classes and confidences at the sensor's size without its cropped rows.

    Args:
        scores: of the network.
        time, events: of the result.
        shape: (height, width) of the grids before padding.
        settings: where the wanted size stands.
    """
    scores = scores[..., : shape[0], : shape[1]].float()
    if settings.size != tuple(shape):
        scores = F.interpolate(scores, size=settings.size, mode="bilinear", align_corners=True)
    confidence, labels = scores[0].softmax(dim=0).max(dim=0)
    return EventSegResult(
        time=time, labels=labels.cpu().numpy().astype(np.uint8), confidence=confidence.cpu().numpy(), events=events
    )


def _span(reader: EventReader) -> str:
    return f"It covers {reader.first_time} to {reader.last_time} us."
