"""Tracks made from dense optical flow: spots of the first frame, followed through a video."""

from typing import Any

import numpy as np

from sparsevision.annotation import checks, raster
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.random_keys import draw_root, keys
from sparsevision.annotation.types import Tracks


def simulate_tracks(
    flow: Any,
    *,
    rng: np.random.Generator,
    count: int = 1,
    visible: Any = None,
    inside: Any = None,
    moving: float = 0.0,
    stride: int = 1,
) -> Tracks:
    """Follow a few pixels of the first frame through a video whose flow is known.

    Start points are pixel centres of frame 0 in an order that does not depend on `count`: a smaller count gives the
    first of the tracks of a larger one, for a generator in the same state. One number is drawn from `rng`. A point
    moves on by the bilinear mean of the flow at the four pixel centres around it (beyond the outermost centres: at the
    nearest ones), and its track ends when it leaves the image, is hidden, or meets a flow that is not a number.

    Args:
        flow: displacements (T - 1, height, width, 2) in pixels as (dx, dy), from frame t to t + 1. See `read_flow`.
        rng: `numpy.random.default_rng(seed)`.
        count: how many tracks; fewer come back when there are fewer start pixels.
        visible: bool (T - 1, height, width), false where a pixel of frame t cannot be seen in t + 1 any more; the pixel
            that a point lies on decides. See `visible_by_consistency`.
        inside: bool (height, width), the pixels of frame 0 where tracks may start; None for all.
        moving: b in [0, 1]; start points are drawn from the share 1 - b of the pixels that move farthest in the first
            step, and from slower ones once these are used up. 0 is uniform.
        stride: frames 0, stride, 2 stride, ... are annotated.

    Raises:
        AnnotationError: arrays of another shape or type, or an option out of range.
    """
    flow = flow_field(flow)
    steps, shape = len(flow), flow.shape[1:3]
    checks.whole_number(count, field="count", low=0)
    checks.whole_number(stride, field="stride", low=1, high=checks.MAX_SIDE)
    if not 0 <= moving <= 1:
        raise AnnotationError(f"moving: expected a number from 0 (uniform) to 1 (the fastest pixel), got {moving}.")
    seen = np.ones((steps, *shape), dtype=bool) if visible is None else _flags(visible, (steps, *shape), "visible")
    allowed = np.ones(shape, dtype=bool) if inside is None else _flags(inside, shape, "inside")
    root = draw_root(rng)
    starts = _start_order(np.flatnonzero(allowed), flow[0], root, moving)[:count]
    xy, alive = _follow(starts, flow, seen)
    annotated = np.arange(0, steps + 1, stride)
    frames = [annotated[alive[annotated, track]] for track in range(len(starts))]
    meta = {"simulator": "simulate_tracks", "root": root, "moving": moving, "stride": stride}
    return Tracks(
        paths=[xy[own, track] for track, own in enumerate(frames)],
        frames=frames,
        num_frames=steps + 1,
        size=shape,
        meta=meta | {"inside": inside is not None, "visible": visible is not None},
    )


def visible_by_consistency(forward: Any, backward: Any) -> np.ndarray:
    """Where the way there and back ends where it began: bool (T - 1, height, width) for `simulate_tracks`.

    A pixel counts as hidden in the next frame when |f + b|^2 >= 0.01 (|f|^2 + |b|^2) + 0.5, with f its forward flow and
    b the backward flow where it arrives: Sundaram, Brox and Keutzer, "Dense point trajectories by GPU-accelerated large
    displacement optical flow", ECCV 2010. Pixels that leave the image are hidden, too.

    Args:
        forward: flow (T - 1, height, width, 2) from frame t to t + 1.
        backward: flow of the same shape from frame t + 1 to t.
    """
    forward, backward = flow_field(forward), flow_field(backward, name="backward")
    if forward.shape != backward.shape:
        raise AnnotationError(f"backward: has shape {backward.shape}, forward has {forward.shape}; they must agree.")
    shape = forward.shape[1:3]
    rows, columns = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    xy = np.stack([columns, rows], axis=1).astype(np.float64)
    return np.stack([_consistent(xy, there, back) for there, back in zip(forward, backward, strict=True)])


def flow_field(flow: Any, *, name: str = "flow") -> np.ndarray:
    """Displacements (T - 1, height, width, 2) as they are (float or whole numbers), or an `AnnotationError`."""
    array = np.asarray(flow)
    if array.ndim != 4 or array.shape[3] != 2 or array.size == 0 or array.dtype.kind not in "fiu":
        raise AnnotationError(
            f"{name}: expected numbers of shape (frames - 1, height, width, 2) as (dx, dy), got {array.dtype} of shape "
            f"{array.shape}."
        )
    return array


def _flags(value: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    array = np.asarray(value)
    if array.shape != shape or not (array.dtype == bool or np.isin(array, (0, 1)).all()):
        raise AnnotationError(
            f"{name}: expected true/false of shape {shape}, got {array.dtype} of shape {array.shape}."
        )
    return array.astype(bool)


def _start_order(candidates: np.ndarray, first_step: np.ndarray, root: int, moving: float) -> np.ndarray:
    """Flat indices of start pixels in the order in which they would be used."""
    rank = keys(root, count=first_step.shape[0] * first_step.shape[1])
    candidates = candidates[np.argsort(rank[candidates], kind="stable")]
    if not moving or not len(candidates):
        return candidates
    dx, dy = first_step.reshape(-1, 2)[candidates].astype(np.float64).T
    with np.errstate(over="ignore", invalid="ignore"):
        speed = np.nan_to_num(dx * dx + dy * dy, nan=-1.0)
    fast = np.argsort(-speed, kind="stable")
    drawn = max(1, int(np.ceil((1 - moving) * len(fast))))
    return candidates[np.concatenate([np.sort(fast[:drawn]), fast[drawn:]])]


def _follow(starts: np.ndarray, flow: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Locations (T, N, 2) and (T, N) bool, whether a track has got there."""
    rows, columns = np.unravel_index(starts, flow.shape[1:3])
    xy = np.zeros((len(flow) + 1, len(starts), 2))
    alive = np.zeros(xy.shape[:2], dtype=bool)
    xy[0], alive[0] = np.stack([columns, rows], axis=1), True
    for step, (displacement, seen) in enumerate(zip(flow, visible, strict=True)):
        going = np.flatnonzero(alive[step])
        here = xy[step, going]
        there = here + _bilinear(displacement, here)
        arrived = _in_image(there, seen.shape) & seen[raster.pixel_of(here, seen.shape)]
        xy[step + 1, going[arrived]] = there[arrived]
        alive[step + 1, going[arrived]] = True
    return xy, alive


def _bilinear(field: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """The field (height, width, 2) at the locations (N, 2), one product and one sum after the other in float64."""
    height, width = field.shape[:2]
    x, y = np.clip(xy[:, 0], 0, width - 1), np.clip(xy[:, 1], 0, height - 1)
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[:, None], (y - top)[:, None]
    upper = _between(field[top, left], field[top, right], across)
    lower = _between(field[bottom, left], field[bottom, right], across)
    return _between(upper, lower, down)


def _between(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """`first` where the share is 0, whatever `second` is."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(share > 0, (1 - share) * first + share * second, first)


def _in_image(xy: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    height, width = shape
    return (xy[:, 0] >= -0.5) & (xy[:, 0] < width - 0.5) & (xy[:, 1] >= -0.5) & (xy[:, 1] < height - 0.5)


def _consistent(xy: np.ndarray, forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    shape = forward.shape[:2]
    there = forward.reshape(-1, 2).astype(np.float64)
    arrived = _in_image(xy + there, shape)
    there = np.where(arrived[:, None], there, 0)
    back = _bilinear(backward, xy + there)
    with np.errstate(over="ignore", invalid="ignore"):
        gap = (there[:, 0] + back[:, 0]) ** 2 + (there[:, 1] + back[:, 1]) ** 2
        length = there[:, 0] ** 2 + there[:, 1] ** 2 + back[:, 0] ** 2 + back[:, 1] ** 2
        return (arrived & (gap < 0.01 * length + 0.5)).reshape(shape)
