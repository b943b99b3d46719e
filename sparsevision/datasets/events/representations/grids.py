"""Events as images: voxel grids, counts, time surfaces, Ev-SegNet's six channels.

x, y are pixels, pixel centres at whole numbers; t integer microseconds that never fall; p 1 (brighter) or 0 (darker). A
grid is float32 (channels, height, width). Events outside of it, or not finite, are left out. All functions but the
trilinear one count a sub-pixel event for the pixel with the nearest centre.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from sparsevision.datasets.events.representations import kernels
from sparsevision.datasets.events.representations.columns import Columns, check_rectify_map, columns_of
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError, did_you_mean, require

ROUNDINGS = ("trunc", "floor")
DECAY = 50_000.0  # microseconds
KINDS = ("trilinear", "temporal", "histogram", "time_surface", "ev_segnet")


def trilinear_voxel_grid(
    x: ArrayLike,
    y: ArrayLike,
    t: ArrayLike,
    p: ArrayLike,
    *,
    bins: int,
    height: int,
    width: int,
    rounding: str = "trunc",
) -> NDArray:
    """DSEC's voxel grid: each event, signed, spread over the eight nearest cells in x, y and time.

    With tau = (bins - 1) (t - t_first) / (t_last - t_first) in float32, in the published order of operations,
    V[b, Y, X] += (2p - 1) (1 - |X - x|) (1 - |Y - y|) (1 - |b - tau|) for X in {x0, x0 + 1} and so on. If all times are
    equal, tau is 0 and all events are in bin 0 (the published code gives NaN).

    Args:
        x, y, t, p: (N,) events of one group, see the module.
        bins, height, width: of the grid.
        rounding: how x0 and y0 come from x and y. "trunc": toward zero, as published: an event in (-1, 0) gives its
            second column or row a negative weight, one in (-2, -1) the first. "floor": the right neighbours.

    Returns:
        float32 (bins, height, width). No events: zeros for "floor".

    Raises:
        UserError: arrays that do not fit (lengths, types, falling times), sizes below 1, another rounding, or no
            events for "trunc".
    """
    if rounding == "floor" and np.size(t) == 0:
        _check_sizes(bins=bins, height=height, width=width)
        return np.zeros((bins, height, width), np.float32)
    form = _form("trilinear", bins=bins, rounding=rounding)
    return _single(form, x, y, t, p, height=height, width=width)


def temporal_voxel_grid(
    x: ArrayLike,
    y: ArrayLike,
    t: ArrayLike,
    p: ArrayLike,
    *,
    bins: int,
    height: int,
    width: int,
    separate_polarity: bool = False,
) -> NDArray:
    """The voxel grid of ESS for DDD17: each event spread over the two nearest bins in time.

    With tau = (bins - 1) (t - t_first) / (t_last - t_first) in float64 (0 if all times are equal) and b0 = floor(tau),
    bin b0 gets 1 - (tau - b0) and bin b0 + 1 the rest.

    Returns:
        float32 (bins, height, width), brighter minus darker; with separate_polarity (2 bins, height, width), brighter
        ones first.

    Raises:
        UserError: arrays that do not fit (lengths, types, falling times), no events, or sizes below 1.
    """
    form = _form("temporal", bins=bins, separate_polarity=separate_polarity)
    return _single(form, x, y, t, p, height=height, width=width)


def event_histogram(x: ArrayLike, y: ArrayLike, t: ArrayLike, p: ArrayLike, *, height: int, width: int) -> NDArray:
    """Counts of darker and of brighter events, float32 (2, height, width). Raises UserError as the others do."""
    return _single(_form("histogram"), x, y, t, p, height=height, width=width)


def time_surface(
    x: ArrayLike, y: ArrayLike, t: ArrayLike, p: ArrayLike, *, height: int, width: int, decay: float = DECAY
) -> NDArray:
    """Exponential time surface at the time of the last event (Lagorce et al., HOTS, TPAMI 2017, Eq. 2 and 3).

    S(p, y, x) = exp(-(t_last - T(p, y, x)) / decay), T the newest event of that polarity at that pixel; 0 without one.

    Args:
        x, y, t, p: (N,) events.
        height, width: of the image.
        decay: microseconds in which an event fades to 1/e.

    Returns:
        float32 (2, height, width) in [0, 1], darker ones first.

    Raises:
        UserError: as the others do, or decay is not above 0.
    """
    return _single(_form("time_surface", decay=decay), x, y, t, p, height=height, width=width)


def ev_segnet_image(x: ArrayLike, y: ArrayLike, t: ArrayLike, p: ArrayLike, *, height: int, width: int) -> NDArray:
    """The six channels of Ev-SegNet (Alonso and Murillo, CVPRW 2019): count, mean and deviation of time.

    Times are scaled to s in [0, 1] over the group. Per pixel and polarity: n, m = sum(s) / n, and
    sqrt(sum((s - m)^2) / (n - 1)), 0 where n < 2. Counts are not scaled. The released files of that work were scaled
    in a way that it does not state; these are its formulas.

    Returns:
        float32 (6, height, width): counts, means, deviations, each of darker, then of brighter events.

    Raises:
        UserError: as the others do.
    """
    return _single(_form("ev_segnet"), x, y, t, p, height=height, width=width)


def normalise_nonzero(grid: NDArray, *, unbiased: bool = True) -> NDArray:
    """(v - mean) / std over the cells that are not 0, which stay 0; only the mean is taken off if std is 0.

    Args:
        grid: float32, any shape.
        unbiased: divide by n - 1 in the variance (DSEC's trilinear grid), or by n (ESS's temporal grid).

    Returns:
        A new float32 array.
    """
    filled = grid != 0
    values = grid[filled].astype(np.float64)
    out = np.zeros_like(grid, dtype=np.float32)
    if len(values):
        deviation = values.std(ddof=1 if unbiased else 0) if len(values) > 1 else 0.0
        out[filled] = (values - values.mean()) / (deviation or 1.0)
    return out


def event_grids(
    events: Events,
    *,
    num_grids: int,
    bins: int,
    height: int,
    width: int,
    kind: str = "trilinear",
    rounding: str = "trunc",
    rectify_map: NDArray | None = None,
    reverse: bool = False,
    flip: bool = False,
    separate_polarity: bool = False,
    decay: float = DECAY,
    normalise: Callable[[NDArray], NDArray] | None = None,
    threads: int | None = None,
) -> NDArray:
    """Split events into groups and turn each into a grid, in one compiled pass over the events.

    A group has floor(N / num_grids) events; the last ones that remain over, in the order of reading, are left out. Each
    grid is filled by one thread, in the order of its events, so the result does not depend on their number.

    Args:
        events: oldest first, places as recorded (or rectified, without `rectify_map`).
        num_grids: T.
        bins: of voxel grids; other kinds have channels of their own.
        height, width: of the grids; with fewer rows than the sensor's the lower ones are cropped.
        kind: "trilinear", "temporal", "histogram", "time_surface" or "ev_segnet": the functions of this module.
        rounding: of `trilinear_voxel_grid`.
        rectify_map: (H, W, 2) float32, the place (x, y) of each pixel of the sensor.
        reverse: read backwards in time with polarities swapped, as `reverse_events` does.
        flip: mirror the grids left to right.
        separate_polarity: voxel grids of brighter, then of darker events, instead of their difference.
        decay: of `time_surface`.
        normalise: applied to each grid, e.g. `normalise_nonzero`.
        threads: None follows numba and torch, whichever allows fewer (in a loader's worker torch allows one).

    Returns:
        float32 (num_grids * channels, height, width), grids in the order of reading.

    Raises:
        UserError: fewer events than grids; arrays, sizes, rectify map or options that do not fit.
    """
    form = _form(kind, bins=bins, rounding=rounding, separate_polarity=separate_polarity, decay=decay)
    _check_sizes(num_grids=num_grids, height=height, width=width)
    columns = columns_of(events.x, events.y, events.t, events.p)
    rectify_map = check_rectify_map(rectify_map, columns, events.sensor_size)
    count = len(columns) // num_grids
    if count == 0:
        raise UserError(f"{len(columns)} events are too few for {num_grids} grids; widen the window.")
    out = np.zeros((num_grids, form.channels, height, width), np.float32)
    step, start = (-1, len(columns) - 1) if reverse else (1, 0)

    def fill(index: int) -> None:
        form.fill(out[index], columns, rectify_map, start + step * index * count, count, step, flip)
        if normalise is not None:
            out[index] = normalise(out[index])

    _for_each(fill, num_grids, threads=_threads() if threads is None else threads)
    return out.reshape(-1, height, width)


@dataclass(frozen=True)
class Form:
    """A representation: its compiled pass, the pass's last arguments, and its channels."""

    kernel: Callable
    channels: int
    options: tuple = field(default=())

    def fill(
        self, out: NDArray, events: Columns, rectify_map: NDArray, first: int, count: int, step: int, flip: bool
    ) -> None:
        """Add `count` events from index `first` on to the zeros of `out`."""
        self.kernel(
            out, events.x, events.y, events.t, events.p, rectify_map, first, count, step, bool(flip), *self.options
        )


def _form(
    kind: str, *, bins: int = 1, rounding: str = "trunc", separate_polarity: bool = False, decay: float = DECAY
) -> Form:
    """What to run. Raises UserError for an unknown option."""
    if kind not in KINDS:
        raise UserError(f"kind={kind!r}; expected one of {', '.join(KINDS)}.{did_you_mean(str(kind), KINDS)}")
    if rounding not in ROUNDINGS:
        raise UserError(f"rounding={rounding!r}; expected 'trunc' (as published) or 'floor'.")
    if not decay > 0:
        raise UserError(f"decay={decay!r}; expected microseconds above 0.")
    _check_sizes(bins=bins)
    separate = bool(separate_polarity)
    channels = 2 * bins if separate else bins
    return {
        "trilinear": Form(kernels.trilinear, channels, (separate, rounding == "floor")),
        "temporal": Form(kernels.temporal, channels, (separate,)),
        "histogram": Form(kernels.histogram, 2),
        "time_surface": Form(kernels.surface, 2, (float(decay),)),
        "ev_segnet": Form(kernels.moments, 6),
    }[kind]


def _single(form: Form, x: Any, y: Any, t: Any, p: Any, *, height: int, width: int) -> NDArray:
    """One grid of all events."""
    _check_sizes(height=height, width=width)
    events = columns_of(x, y, t, p)
    if not len(events):
        raise UserError("there are no events to make a grid of; widen the window.")
    out = np.zeros((form.channels, height, width), np.float32)
    form.fill(out, events, check_rectify_map(None, events, None), 0, len(events), 1, flip=False)
    return out


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int | np.integer) or size < 1:
            raise UserError(f"{name}={size!r}; expected a whole number of at least 1.")


def _threads() -> int:
    numba = require("numba", extra="event", why="event representations")
    return min(numba.get_num_threads(), torch.get_num_threads())


def _for_each(fill: Callable[[int], None], count: int, *, threads: int) -> None:
    """Plain threads, because numba's own do not survive the fork of a loader's workers."""
    if min(threads, count) < 2:
        for index in range(count):
            fill(index)
        return
    with ThreadPoolExecutor(min(threads, count)) as pool:
        list(pool.map(fill, range(count)))
