"""What a config says about the way from a recording to its network's input: the part that inference needs."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from numpy.typing import NDArray
from torch import Tensor

from sparsevision.datasets.events.dataset import EventSegDataset
from sparsevision.datasets.events.representations import event_grids
from sparsevision.datasets.events.types import Events
from sparsevision.datasets.transforms.event_grids import LoadEventGrids
from sparsevision.datasets.transforms.event_labels import ResizeEvents, resize_grids
from sparsevision.registry import DATASETS, TRANSFORMS
from sparsevision.utils import UserError


@dataclass(frozen=True)
class EventSettings:
    """How a config's test pipeline makes grids, and what its classes are.

    Attributes:
        num_grids: T, grids of the past that an answer rests on.
        events_per_grid: how many events each of them holds.
        form: `bins`, `kind`, `rounding`, `separate_polarity` of `event_grids`.
        rectified: whether places are moved by a rectify map before they are counted.
        sensor_size: (height, width) in pixels of the sensors that the network was trained with.
        crop_bottom: lowest rows of the sensor that grids leave out.
        resized: (height, width) that grids are resized to; None: as they are.
        classes: names.
        palette: (C, 3) uint8 RGB.
    """

    num_grids: int
    events_per_grid: int
    form: Mapping[str, Any]
    rectified: bool
    sensor_size: tuple[int, int]
    crop_bottom: int
    resized: tuple[int, int] | None
    classes: tuple[str, ...]
    palette: NDArray

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the answers."""
        return self.sensor_size[0] - self.crop_bottom, self.sensor_size[1]

    def with_sensor(self, sensor_size: tuple[int, int] | None, crop_bottom: int | None) -> "EventSettings":
        """The same for another sensor; None keeps what the config says.

        Raises:
            UserError: no row or column is left.
        """
        size = self.sensor_size if sensor_size is None else tuple(int(length) for length in sensor_size)
        crop = self.crop_bottom if crop_bottom is None else int(crop_bottom)
        if len(size) != 2 or min(size) < 1 or not 0 <= crop < size[0]:
            raise UserError(
                f"sensor_size={size} (height, width) and crop_bottom={crop} leave no picture; expected sizes of at "
                "least 1 and fewer cropped rows than the sensor has."
            )
        return replace(self, sensor_size=size, crop_bottom=crop)

    def grids(self, events: Events, *, count: int, rectify_map: NDArray | None) -> Tensor:
        """Split events into `count` grids, oldest first: float32 (count * channels, H, W).

        Raises:
            UserError: fewer events than grids, falling times, or a map that does not fit.
        """
        height, width = self.size
        grids = event_grids(
            events, num_grids=count, height=height, width=width, rectify_map=rectify_map, **dict(self.form)
        )
        return torch.from_numpy(grids if self.resized is None else resize_grids(grids, self.resized))


def event_settings(cfg: Config) -> EventSettings:
    """The settings of a config with a data set of events; nothing is read but the config.

    Raises:
        UserError: the config tests on something else.
    """
    wanted = dict(cfg.get("test_dataloader", {}).get("dataset", {}))
    kind = DATASETS.get(wanted["type"]) if isinstance(wanted.get("type"), str) else wanted.get("type")
    if not (inspect.isclass(kind) and issubclass(kind, EventSegDataset)):
        name = getattr(kind, "__name__", kind)
        raise UserError(
            f"the config's test_dataloader holds {name}, no data set of events; EventSegInferencer needs the config "
            "of an event method, e.g. one of configs/ev_wsss."
        )
    steps = [TRANSFORMS.build(step) for step in wanted.pop("pipeline", ())]
    loader = _step(steps, LoadEventGrids)
    if loader is None:
        raise UserError("the config's test pipeline has no LoadEventGrids, which says how events become grids.")
    resize = _step(steps, ResizeEvents)
    dataset = DATASETS.build({**wanted, "pipeline": [], "lazy_init": True})
    return EventSettings(
        num_grids=loader.num_grids,
        events_per_grid=loader.events_per_grid,
        form={key: value for key, value in loader.form.items() if key != "num_grids"},
        rectified=loader.rectify and dataset.rectified,
        sensor_size=dataset.sensor_size,
        crop_bottom=dataset.crop_bottom,
        resized=None if resize is None else resize.size,
        classes=tuple(dataset.metainfo["classes"]),
        palette=np.array(dataset.metainfo["palette"], np.uint8).reshape(-1, 3),
    )


def _step(steps: list, kind: type) -> Any:
    """The first step of a kind; None without any."""
    return next((step for step in steps if isinstance(step, kind)), None)
