"""How well points follow the tracks that were asked for. Tracks are (F,n,2), places (x,y) in pixels in F frames."""

import numpy as np
from numpy.typing import NDArray

from sparsevision.utils import UserError


def track_scores(pred: NDArray, true: NDArray, visible: NDArray | None = None) -> dict[str, float]:
    """Distances of tracks in pixels, to be reported with the frames' size; NaN where nothing counts.

    Keys:
        TrajError: mean of |dx| + |dy| over all points and frames (Zhang et al., Tora, 2024).
        ObjMC: mean Euclidean distance over all points and frames (Wang et al., MotionCtrl, 2024).
        EPE_tracks: the same over visible points only (Geng et al., Motion Prompting, 2025).
        end: mean Euclidean distance in the last frame.

    Args:
        visible: bool (F,n); None is all.

    Raises:
        UserError: shapes that do not fit.
    """
    pred, true = np.asarray(pred, np.float64), np.asarray(true, np.float64)
    if pred.shape != true.shape or pred.ndim != 3 or pred.shape[2] != 2:
        raise UserError(f"tracks are compared as two arrays of one shape (F,n,2), got {pred.shape} and {true.shape}.")
    seen = np.ones(pred.shape[:2], bool) if visible is None else np.asarray(visible, bool)
    if seen.shape != pred.shape[:2]:
        raise UserError(f"visible: expected shape {pred.shape[:2]} (frames, tracks), got {seen.shape}.")
    off = pred - true
    distances = np.linalg.norm(off, axis=2)
    return {
        "TrajError": _mean(np.abs(off).sum(axis=2)),
        "ObjMC": _mean(distances),
        "EPE_tracks": _mean(distances[seen]),
        "end": _mean(distances[-1:]),
    }


def tracks_of_flow(flow: NDArray, starts: NDArray) -> NDArray[np.float64]:
    """Where a flow from the first frame takes points of it: (F,n,2); between pixel centres the flow is bilinear.

    Args:
        flow: (F,2,H,W) in pixels.
        starts: (n,2), places (x,y) in the first frame; beyond the outermost pixel centres the flow there counts.

    Raises:
        UserError: other shapes, or a start outside of the image.
    """
    flow, starts = np.asarray(flow, np.float64), np.asarray(starts, np.float64)
    if flow.ndim != 4 or flow.shape[1] != 2 or starts.ndim != 2 or starts.shape[1] != 2:
        raise UserError(f"expected flow (F,2,H,W) and starts (n,2), got {flow.shape} and {starts.shape}.")
    height, width = flow.shape[2:]
    if not ((starts >= -0.5) & (starts < np.array([width, height]) - 0.5)).all():
        raise UserError(f"starts: a point lies outside of the image of {width} x {height} pixels.")
    x, y = np.clip(starts, 0, [width - 1, height - 1]).T
    left, top = (np.minimum(np.floor(place).astype(int), side - 1) for place, side in ((x, width), (y, height)))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = x - left, y - top
    upper = flow[..., top, left] * (1 - across) + flow[..., top, right] * across
    lower = flow[..., bottom, left] * (1 - across) + flow[..., bottom, right] * across
    return starts + np.moveaxis(upper * (1 - down) + lower * down, 1, 2)


def _mean(values: NDArray) -> float:
    return float(values.mean()) if values.size else float("nan")
