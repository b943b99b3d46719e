"""The input of the compiled passes: arrays of known types, checked once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.datasets.events.representations.kernels import first_disorder
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError


@dataclass(frozen=True)
class Columns:
    """Events as the passes read them: x, y both uint16 or both float32, t int64 never falling, p uint8 in {0, 1}.

    What comes in these types already is not copied.
    """

    x: NDArray
    y: NDArray
    t: NDArray
    p: NDArray

    def __len__(self) -> int:
        return len(self.t)


def columns_of(x: ArrayLike, y: ArrayLike, t: ArrayLike, p: ArrayLike) -> Columns:
    """Check and convert the arrays of one group of events.

    Raises:
        UserError: lengths differ, times are no integers or go backwards, polarities are not 0 and 1, or places are no
            numbers.
    """
    events = Events(*(np.asarray(values) for values in (x, y, t, p)))
    x, y = _places(events.x, events.y)
    return Columns(x=x, y=y, t=_times(events.t), p=_polarities(events.p))


def _places(x: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
    for name, values in (("x", x), ("y", y)):
        if values.dtype.kind not in "uif":
            raise UserError(f"{name} of events must be pixels, integers or floats, got {values.dtype}.")
    whole = all(_fits_uint16(values) for values in (x, y))
    return tuple(np.ascontiguousarray(values, np.uint16 if whole else np.float32) for values in (x, y))


def _fits_uint16(values: NDArray) -> bool:
    if values.dtype.kind == "f" or values.dtype == np.uint16 or len(values) == 0:
        return values.dtype.kind != "f"
    return bool(values.min() >= 0 and values.max() <= np.iinfo(np.uint16).max)


def _times(t: NDArray) -> NDArray:
    if t.dtype.kind not in "ui":
        raise UserError(f"t of events must be integer microseconds, got {t.dtype}; multiply seconds by 1e6 and round.")
    t = np.ascontiguousarray(t, np.int64)
    index = first_disorder(t)
    if index >= 0:
        raise UserError(
            f"timestamps go backwards at event {index}: {t[index]} us after {t[index - 1]} us. Sort the events by t."
        )
    return t


def _polarities(p: NDArray) -> NDArray:
    if p.dtype.kind not in "uifb" or (len(p) and not (p.dtype.kind == "b" or _zero_or_one(p))):
        found = p.dtype if p.dtype.kind not in "uif" else f"values from {p.min()} to {p.max()}"
        raise UserError(f"p of events must be 1 (brighter) or 0 (darker), got {found}; pass p > 0 for signed ones.")
    return np.ascontiguousarray(p, np.uint8)


def _zero_or_one(p: NDArray) -> bool:
    inside = p.min() >= 0 and p.max() <= 1
    return bool(inside and (p.dtype.kind != "f" or np.all(p == np.rint(p))))


def check_rectify_map(rectify_map: Any, events: Columns, sensor_size: tuple[int, int] | None) -> NDArray:
    """The map as float32 (H, W, 2); an empty one for None.

    Raises:
        UserError: not such an array, for another sensor, or the events are rectified already.
    """
    if rectify_map is None:
        return np.zeros((0, 0, 2), np.float32)
    rectify_map = np.ascontiguousarray(rectify_map, np.float32)
    if rectify_map.ndim != 3 or rectify_map.shape[2] != 2:
        raise UserError(f"a rectify map must be (height, width, 2) of (x, y) in pixels, got shape {rectify_map.shape}.")
    size = rectify_map.shape[:2]
    if sensor_size is not None and tuple(sensor_size) != size:
        raise UserError(f"the rectify map is for a sensor of {size} (height, width), the events for {sensor_size}.")
    if events.x.dtype != np.uint16:
        raise UserError("events with fractional or negative places are rectified already; pass rectify_map=None.")
    if len(events) and (events.y.max() >= size[0] or events.x.max() >= size[1]):
        raise UserError(
            f"an event in row {events.y.max()} or column {events.x.max()} lies outside of the rectify map, which is "
            f"for a sensor of {size} (height, width)."
        )
    return rectify_map
