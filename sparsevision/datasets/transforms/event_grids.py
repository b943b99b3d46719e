"""Transforms that read events as grids, and the last one, which packs them.

Grids are float32 (num_grids * bins, H, W), oldest grid first; class maps int64 (H, W). Keys: `events` (the past),
`events_reversed` (the future, backwards), `gt_sem_seg`, `sparse_sem_seg`.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from sparsevision.datasets.events.reader import open_events, read_rectify_map
from sparsevision.datasets.events.representations import event_grids
from sparsevision.datasets.events.types import Events
from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

IDENTITY_KEYS = ("sample_id", "dataset", "sequence", "events_path", "time_us")
META_KEYS = (*IDENTITY_KEYS, "ori_shape", "img_shape", "num_grids", "flip")
STREAMS = {"past": "events", "future": "events_reversed"}
LABEL_KEYS = ("gt_sem_seg", "sparse_sem_seg")


@TRANSFORMS.register_module()
class DrawEventFlip(BaseTransform):
    """Decide whether the sample is mirrored left to right: sets `flip`, which the loading transforms obey.

    Polarity and time stay as they are. Draws from numpy's global generator.
    """

    def __init__(self, *, prob: float = 0.5) -> None:
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """See the class."""
        flip = bool(np.random.random() < self.prob)  # noqa: NPY002 (SeededDataset seeds the global generator)
        return {**results, "flip": flip}


@TRANSFORMS.register_module()
class LoadEventGrids(BaseTransform):
    """The events around a label's time as grids: `events`, `events_reversed`, `img_shape`, `num_grids`.

    The past holds the last `num_grids * events_per_grid` events with t < time; the future the first `reverse_multiple`
    times as many with t >= time, run backwards with polarities swapped, so that it ends at the label as well (spec:
    "longer reversed"). Where a recording has fewer, all of them. Each stream is split into `num_grids` grids of equally
    many events; see `event_grids`.

    Args:
        num_grids: T, steps of the recurrent network.
        events_per_grid: of the past.
        bins: channels of a grid.
        kind: representation, see `event_grids`: "trilinear" (DSEC), "temporal" (DDD17), ...
        rounding: "trunc" as published, "floor" without its fault at negative coordinates.
        rectify: move events by the sample's rectify map, if it has one.
        reverse_multiple: length of the future, in lengths of the past.
        reverse_start: where the future starts in data sets that name an event instead of a time (DDD17): "fixed" at
            the first event after the image; "published" begins two events earlier and ends one event earlier.
        separate_polarity: twice as many channels, one half for each polarity.
        streams: "past", "future" or both.
        keep_open: recordings that each process keeps open.

    Raises:
        UserError: a window holds fewer events than grids, an event or the rectify map does not fit the sensor's size,
            or an option is unknown.
    """

    def __init__(
        self,
        *,
        num_grids: int,
        events_per_grid: int,
        bins: int = 5,
        kind: str = "trilinear",
        rounding: str = "trunc",
        rectify: bool = True,
        reverse_multiple: float = 1.0,
        reverse_start: str = "fixed",
        separate_polarity: bool = False,
        streams: tuple[str, ...] = ("past", "future"),
        keep_open: int = 4,
    ) -> None:
        unknown = sorted(set(streams) - set(STREAMS))
        if unknown or not streams:
            raise UserError(f"LoadEventGrids: streams={streams!r}; expected some of {', '.join(STREAMS)}.")
        if reverse_start not in ("fixed", "published"):
            raise UserError(f"LoadEventGrids: reverse_start={reverse_start!r}; expected 'fixed' or 'published'.")
        numbers = {"num_grids": num_grids, "events_per_grid": events_per_grid, "bins": bins, "keep_open": keep_open}
        small = [f"{name}={value!r}" for name, value in numbers.items() if value < 1]
        if small or reverse_multiple <= 0:
            raise UserError(f"LoadEventGrids: {', '.join(small) or f'{reverse_multiple=}'}; expected more than 0.")
        self.num_grids = num_grids
        self.events_per_grid = events_per_grid
        self.rectify = rectify
        self.reverse_multiple = reverse_multiple
        self.reverse_start = reverse_start
        self.streams = tuple(streams)
        form = {"bins": bins, "kind": kind, "rounding": rounding, "separate_polarity": separate_polarity}
        self.form = {"num_grids": num_grids, **form}
        self.readers = KeptOpen(open_events, size=keep_open)
        self.rectify_maps = KeptOpen(read_rectify_map, size=keep_open)

    def transform(self, results: dict) -> dict:
        """See the class."""
        height, width = results["sensor_size"]
        shape = (height - results.get("crop_bottom", 0), width)
        rectify_map = self._rectify_map(results)
        grids = {}
        for stream in self.streams:
            grids[STREAMS[stream]] = event_grids(
                self._window(results, stream),
                **self.form,
                height=shape[0],
                width=shape[1],
                rectify_map=rectify_map,
                reverse=stream == "future",
                flip=bool(results.get("flip")),
            )
        return {**results, **grids, "img_shape": shape, "num_grids": self.num_grids}

    def _window(self, results: dict, stream: str) -> Events:
        """The events of one stream, oldest first."""
        reader = self.readers(results["events_path"])
        boundary = results.get("event_index")
        if boundary is None:
            boundary = reader.index_of(results["time_us"])
        first, last = self._bounds(boundary, stream, by_index=results.get("event_index") is not None)
        first, last = max(first, 0), min(last, len(reader))
        if last - first < self.num_grids:
            raise UserError(
                f"{results['events_path']}: {max(last - first, 0)} events in the {stream} of {results['sample_id']} at "
                f"{results['time_us']} us, too few for {self.num_grids} grids; is the window empty, or the label at "
                "the recording's edge?"
            )
        events = reader.read(first, last)
        check_sensor(events, results)
        return events

    def _bounds(self, boundary: int, stream: str, *, by_index: bool) -> tuple[int, int]:
        """First and last + 1 event of a stream; boundary: the first event of the future."""
        count = self.num_grids * self.events_per_grid
        if stream == "past":
            return boundary - count, boundary
        length = int(count * self.reverse_multiple)
        if by_index and self.reverse_start == "published":
            return boundary - 2, boundary - 1 + length
        return boundary, boundary + length

    def _rectify_map(self, results: dict) -> np.ndarray | None:
        path = results.get("rectify_path")
        if path is None or not self.rectify:
            return None
        found = self.rectify_maps(path)
        if found.shape[:2] != tuple(results["sensor_size"]):
            raise UserError(
                f"{path}: the rectify map is for a sensor of {found.shape[0]} rows and {found.shape[1]} columns, but "
                f"sensor_size is {tuple(results['sensor_size'])}. Correct the data set's sensor_size."
            )
        return found


@TRANSFORMS.register_module()
class PackEventInputs(BaseTransform):
    """Results -> {"inputs": {"events", "events_reversed": float32 (C, H, W), where loaded}, "data_samples"}.

    The SegDataSample holds `gt_sem_seg` and `sparse_sem_seg` (int64 (1, H, W)) where loaded, and those of `meta_keys`
    that are present.
    """

    def __init__(self, *, meta_keys: tuple[str, ...] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """See the class."""
        inputs = {key: _tensor(results[key], np.float32) for key in STREAMS.values() if key in results}
        sample = SegDataSample(metainfo={key: results[key] for key in self.meta_keys if key in results})
        for key in LABEL_KEYS:
            if key in results:
                sample.set_data({key: PixelData(data=_tensor(results[key], np.int64)[None])})
        return {"inputs": inputs, "data_samples": sample}


class KeptOpen:
    """Calls `make(path)` once a path and process, and keeps the last few answers.

    A forked or spawned worker starts with none, because file handles must not be shared between processes.
    """

    def __init__(self, make: Callable[[str], Any], *, size: int) -> None:
        self.make = make
        self.size = size
        self._forget()

    def __call__(self, path: str) -> Any:
        if self._process != os.getpid():
            self._forget()
        if path not in self._kept:
            self._kept[path] = self.make(path)
        self._kept.move_to_end(path)
        while len(self._kept) > self.size:
            _, oldest = self._kept.popitem(last=False)
            getattr(oldest, "close", lambda: None)()
        return self._kept[path]

    def _forget(self) -> None:
        self._process = os.getpid()
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def __getstate__(self) -> dict:
        return {"make": self.make, "size": self.size}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)


def check_sensor(events: Events, results: dict) -> None:
    """Raise UserError unless the events lie on a sensor of the sample's size."""
    height, width = results["sensor_size"]
    largest = int(events.y.max()), int(events.x.max())
    if largest[0] >= height or largest[1] >= width:
        raise UserError(
            f"{results['events_path']}: holds an event in row {largest[0]} or column {largest[1]}, outside of the "
            f"sensor_size ({height}, {width}) (height, width). Correct the data set's sensor_size."
        )


def _tensor(values: np.ndarray, dtype: type) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=dtype))
