"""How good fields of flow are: against the truth, and against the frames that they should explain.

Flow is (F,2,H,W) in pixels as (dx,dy), from the first frame to each of F later ones; masks are bool (F,H,W) or (H,W).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.annotation.tracks import visible_by_consistency
from sparsevision.utils import UserError

OUTLIER_PIXELS, OUTLIER_SHARE = 3.0, 0.05  # KITTI: Menze and Geiger, "Object scene flow", CVPR 2015


def endpoint_errors(pred: NDArray, true: NDArray) -> NDArray:
    """Euclidean distances (F,H,W) in pixels of two flows (F,2,H,W).

    Raises:
        UserError: not two flows of one shape.
    """
    pred, true = np.asarray(pred, np.float64), np.asarray(true, np.float64)
    if pred.shape != true.shape or pred.ndim != 4 or pred.shape[1] != 2:
        raise UserError(f"flow is compared as two arrays of one shape (F,2,H,W), got {pred.shape} and {true.shape}.")
    return np.linalg.norm(pred - true, axis=1)


def flow_scores(
    pred: NDArray, true: NDArray, *, known: NDArray | None = None, objects: NDArray | None = None
) -> dict[str, float]:
    """Scores of a predicted flow; NaN where nothing counts.

    Keys: EPE, mean endpoint error in pixels; Fl, share of pixels that are off by more than 3 pixels and by more than 5
    percent of the true length; angle, mean of the angle between (dx,dy,1) and its truth in degrees (Barron, Fleet and
    Beauchemin, 1994); displacement, mean length of the prediction, which is no quality; with objects also EPE_object
    and EPE_background.

    Args:
        known: where the truth is known; None is everywhere.
        objects: what moves, not zero, in the first frame (H,W).

    Raises:
        UserError: see `endpoint_errors`; masks of another size.
    """
    errors = endpoint_errors(pred, true)
    pred, true = np.asarray(pred, np.float64), np.asarray(true, np.float64)
    known = _mask(known, errors.shape, "known")
    length = np.linalg.norm(true, axis=1)
    scores = {
        "EPE": _mean(errors, known),
        "Fl": _mean((errors > OUTLIER_PIXELS) & (errors > OUTLIER_SHARE * length), known),
        "angle": _mean(_angles(pred, true), known),
        "displacement": _mean(np.linalg.norm(pred, axis=1), known),
    }
    if objects is not None:
        moving = _mask(objects, errors.shape, "objects")
        scores |= {"EPE_object": _mean(errors, known & moving), "EPE_background": _mean(errors, known & ~moving)}
    return scores


def flow_leak(pred: NDArray, frozen: NDArray) -> float:
    """Mean length in pixels of a flow (F,2,H,W) where nothing may move: frozen (H,W), not zero there. 0 is right.

    Raises:
        UserError: masks of another size.
    """
    length = np.linalg.norm(np.asarray(pred, np.float64), axis=1)
    return _mean(length, _mask(frozen, length.shape, "frozen"))


def warp_error(first: NDArray, frames: NDArray, flow: NDArray, visible: NDArray | None = None) -> float:
    """Mean absolute difference of the first frame and what later ones show where the flow leads.

    Pixels that leave the image, and those that are hidden, do not count.

    Args:
        first: (C,H,W).
        frames: (F,C,H,W), in the same scale.
        flow: (F,2,H,W).
        visible: bool (F,H,W), see `visible_both_ways`; None is all.

    Raises:
        UserError: arrays that do not fit.
    """
    first, frames, flow = (np.asarray(array, np.float32) for array in (first, frames, flow))
    size = first.shape[-2:]
    if frames.shape[1:] != first.shape or flow.shape != (len(frames), 2, *size):
        raise UserError(f"warp_error: frame {first.shape}, frames {frames.shape} and flow {flow.shape} do not fit.")
    counts = _mask(visible, (len(frames), *size), "visible")
    brought = np.stack([_brought_back(frame, field) for frame, field in zip(frames, flow, strict=True)])
    return _mean(np.abs(brought - first).mean(axis=1), counts & _inside(flow))


def visible_both_ways(forward: NDArray, backward: NDArray) -> NDArray[np.bool_]:
    """Where the way to a later frame and back ends near its beginning, bool (F,H,W); see `visible_by_consistency`.

    Args:
        forward: (F,2,H,W) from the first frame to each later one.
        backward: (F,2,H,W) from each later frame to the first.
    """
    return visible_by_consistency(np.moveaxis(np.asarray(forward), 1, -1), np.moveaxis(np.asarray(backward), 1, -1))


def _places(field: NDArray) -> tuple[NDArray, NDArray]:
    y, x = np.mgrid[: field.shape[1], : field.shape[2]].astype(np.float32)
    return x + field[0], y + field[1]


def _brought_back(frame: NDArray, field: NDArray) -> NDArray:
    """The frame (C,H,W) at the places where the field (2,H,W) leads."""
    x, y = _places(field)
    return np.stack([cv2.remap(c, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for c in frame])


def _inside(flow: NDArray) -> NDArray[np.bool_]:
    height, width = flow.shape[-2:]
    places = [_places(field) for field in flow]
    return np.stack([(x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1) for x, y in places])


def _angles(pred: NDArray, true: NDArray) -> NDArray:
    dot = (pred * true).sum(axis=1) + 1
    lengths = np.sqrt(((pred**2).sum(axis=1) + 1) * ((true**2).sum(axis=1) + 1))
    return np.degrees(np.arccos(np.clip(dot / lengths, -1, 1)))


def _mask(mask: NDArray | None, shape: tuple[int, ...], name: str) -> NDArray[np.bool_]:
    if mask is None:
        return np.ones(shape, bool)
    mask = np.asarray(mask) != 0
    if mask.shape not in (shape, shape[1:]):
        raise UserError(f"{name}: expected a mask of shape {shape} or {shape[1:]}, got {mask.shape}.")
    return np.broadcast_to(mask, shape)


def _mean(values: NDArray, where: NDArray) -> float:
    return float(values[where].mean()) if where.any() else float("nan")
