"""Where the dragged points are in every frame: clicks joined by a smooth curve, or annotated `Tracks`.

Pixels have whole-number centres, x to the right and y down. Displacements are anchored in frame 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from sparsevision.annotation import AnnotationError, Tracks
from sparsevision.annotation.checks import inside_image, real_array
from sparsevision.methods.motion_i2v.speed import Speed, steady
from sparsevision.utils import UserError

CLICK_DRIFT = 1.0  # pixels to the right and down that the published code moves a single click by


@dataclass(frozen=True, kw_only=True)
class TrackPaths:
    """N points of frame 0 and where they go.

    Args:
        starts: (N, 2) as (x, y) in frame 0.
        displacements: (N, F, 2) as (dx, dy) from frame 0 to frames 1 .. F.
        known: (N, F) bool, false where a point is hidden.
    """

    starts: np.ndarray
    displacements: np.ndarray
    known: np.ndarray


def interpolate_track(points: ArrayLike, n: int, *, speed: Speed = steady, by_distance: bool = False) -> np.ndarray:
    """A smooth curve through clicks that nowhere overshoots them (PCHIP), at n moments: (n, 2) float64.

    Args:
        points: (k, 2) clicks in the order of time, k >= 1.
        n: moments, evenly spread from the first click to the last.
        speed: share of the way at each share of the time.
        by_distance: the published code spends the same time between any two clicks, so that a doubled click is a rest;
            true spends it in proportion to their distance.

    Raises:
        UserError: points of another shape, or n below 1.
    """
    clicks = np.asarray(points, dtype=np.float64)
    if clicks.ndim != 2 or clicks.shape[1] != 2 or not len(clicks) or not np.isfinite(clicks).all():
        raise UserError(f"a track: expected clicks (k, 2) as (x, y), finite, at least one; got shape {clicks.shape}.")
    if n < 1:
        raise UserError(f"a track: expected at least 1 moment, got n={n}.")
    knots = np.linspace(0, 1, len(clicks))
    if by_distance:
        clicks, knots = _spread_by_distance(clicks)
    if len(clicks) == 1:
        return np.repeat(clicks, n, axis=0)
    return PchipInterpolator(knots, clicks)(speed(np.linspace(0, 1, n)))


def _spread_by_distance(clicks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clicks without repetitions, and knots in [0, 1] in proportion to the way between them."""
    steps = np.linalg.norm(np.diff(clicks, axis=0), axis=1)
    clicks = clicks[np.concatenate([[True], steps > 0])]
    way = np.concatenate([[0.0], np.cumsum(steps[steps > 0])])
    return clicks, way / max(way[-1], 1e-300)


def scale_clicks(
    clicks: ArrayLike, *, size: tuple[int, int], to: tuple[int, int], truncate: bool = False
) -> np.ndarray:
    """Clicks (k, 2) in an image of size (height, width) at the same places of the image resized to `to`, float64.

    Args:
        clicks: (x, y) in pixels of the image.
        size: of the image that was clicked in.
        to: of the resized one.
        truncate: the published demo scales corners instead of centres and drops the fractions.
    """
    clicks = np.asarray(clicks, dtype=np.float64)
    scale = np.array([to[1] / size[1], to[0] / size[0]])
    if truncate:
        return np.trunc(clicks * scale)
    return np.clip((clicks + 0.5) * scale - 0.5, 0, (to[1] - 1, to[0] - 1))


def clicked_paths(
    tracks: Sequence[ArrayLike],
    *,
    size: tuple[int, int],
    frames: int,
    speed: Speed | Sequence[Speed] = steady,
    by_distance: bool = False,
    still_clicks: bool = False,
) -> TrackPaths:
    """Drags as a person clicks them.

    Args:
        tracks: N arrays (k, 2) of clicks (x, y) in the image.
        size: (height, width) of the image.
        frames: how many frames come after frame 0.
        speed: one curve for all drags, or one for each.
        by_distance: see `interpolate_track`.
        still_clicks: the published code moves a track of one click by one pixel right and down over the clip; true
            makes it what it is meant to be, a point that stays where it is.

    Raises:
        UserError: no track, one that is no array of clicks or leaves the image, or another number of curves.
    """
    if not len(tracks):
        raise UserError("tracks: the list is empty; draw at least one drag, or sample without control.")
    clicks = [_clicks_inside(track, size, f"tracks[{index}]") for index, track in enumerate(tracks)]
    speeds = [speed] * len(clicks) if callable(speed) else list(speed)
    if len(speeds) != len(clicks):
        raise UserError(f"speed: {len(speeds)} curves for {len(clicks)} tracks; give one, or one for each.")
    if not still_clicks:
        clicks = [np.concatenate([one, one + CLICK_DRIFT]) if len(one) == 1 else one for one in clicks]
    curves = np.stack(
        [
            interpolate_track(one, frames + 1, speed=curve, by_distance=by_distance)
            for one, curve in zip(clicks, speeds, strict=True)
        ]
    )
    return TrackPaths(
        starts=np.stack([one[0] for one in clicks]),
        displacements=curves[:, 1:] - curves[:, :1],
        known=np.ones((len(clicks), frames), dtype=bool),
    )


def annotated_paths(tracks: Tracks, *, size: tuple[int, int], frames: int) -> TrackPaths:
    """Tracks with frame numbers: each begins in frame 0 and is a smooth curve to its last entry, unknown after it.

    Raises:
        UserError: no track, tracks of another image size or clip length, or one that does not begin in frame 0.
    """
    if tuple(tracks.size) != tuple(size):
        raise UserError(f"tracks: they belong to an image (height, width) = {tracks.size}, this one is {tuple(size)}.")
    if tracks.num_frames != frames + 1:
        raise UserError(
            f"tracks: they have num_frames={tracks.num_frames}, but {frames} flow fields belong to a clip of "
            f"{frames + 1} frames; resample the tracks or change the number of frames."
        )
    if not len(tracks):
        raise UserError("tracks: there is none; draw at least one drag, or sample without control.")
    late = [index for index, numbers in enumerate(tracks.frames) if numbers[0] != 0]
    if late:
        raise UserError(
            f"tracks: entry {late[0]} begins in frame {tracks.frames[late[0]][0]}; motion is counted from frame 0."
        )
    curves = [_through_frames(numbers, path, frames) for numbers, path in zip(tracks.frames, tracks.paths, strict=True)]
    starts = np.stack([path[0] for path in tracks.paths])
    known = np.stack([np.arange(1, frames + 1) <= numbers[-1] for numbers in tracks.frames])
    return TrackPaths(starts=starts, displacements=np.stack(curves) - starts[:, None], known=known)


def _through_frames(numbers: np.ndarray, path: np.ndarray, frames: int) -> np.ndarray:
    """Locations (F, 2) in frames 1 .. F; at the last entry from there on."""
    if len(path) == 1:
        return np.repeat(path, frames, axis=0)
    return PchipInterpolator(numbers, path)(np.minimum(np.arange(1, frames + 1), numbers[-1]))


def _clicks_inside(track: ArrayLike, size: tuple[int, int], field: str) -> np.ndarray:
    try:
        clicks = real_array(np.asarray(track), field=field, columns=2)
        if not len(clicks):
            raise UserError(f"{field}: expected at least one click (x, y), got none.")
        inside_image(clicks, size, field=field)
    except AnnotationError as error:
        raise UserError(f"{error} Draw tracks in pixels of the image.") from error
    return clicks
