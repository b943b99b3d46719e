"""Points on their way through a clip: whole ways on the first frame, and how far they have come in each."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError
from sparsevision.visualization.canvas import as_rgb, class_colours, point_radius, stroke_width

WHITE = (255, 255, 255)
FROZEN = 0.45  # brightness that is left of what may not move
STILL = 0.5  # pixels; a shorter way is a point that stays
SUBPIXEL_BITS = 4


def draw_tracks(
    image: ArrayLike, starts: ArrayLike, tracks: ArrayLike, *, frozen: ArrayLike | None = None, arrows: bool = True
) -> NDArray[np.uint8]:
    """Ways from their starts to their ends, each in a colour of its own; points that stay are rings.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        starts: (n,2) pixels (x, y).
        tracks: (F,n,2), where the points are afterwards; F may be 0.
        frozen: (H,W) bool, darkened: what may not move.
        arrows: whether ways end in an arrowhead.

    Raises:
        UserError: starts and tracks of other numbers of points, or `frozen` of another size.
    """
    drawn = as_rgb(image)
    ways = _ways(starts, tracks)
    if frozen is not None:
        frozen = np.asarray(frozen, dtype=bool)
        if frozen.shape != drawn.shape[:2]:
            raise UserError(f"frozen has shape {frozen.shape}, but the image is {drawn.shape[:2]} (height, width).")
        drawn[frozen] = np.rint(drawn[frozen] * FROZEN).astype(np.uint8)
    for way, colour in zip(ways, class_colours(len(ways)).tolist(), strict=True):
        _draw_way(drawn, way, tuple(colour), arrows=arrows)
    return drawn


def frames_with_tracks(video: NDArray[np.uint8], starts: ArrayLike, tracks: ArrayLike) -> Iterator[NDArray[np.uint8]]:
    """Frames (1+F,H,W,3) with the way that each point has come so far.

    Raises:
        UserError: tracks (F,n,2) of another number of frames.
    """
    tracks = np.asarray(tracks, dtype=np.float64)
    if len(tracks) != len(video) - 1:
        raise UserError(f"{len(tracks)} places of each track for {len(video)} frames; expected one fewer than frames.")
    for index, frame in enumerate(video):
        yield draw_tracks(frame, starts, tracks[:index], arrows=False)


def _ways(starts: ArrayLike, tracks: ArrayLike) -> NDArray[np.float64]:
    """(n,1+F,2)."""
    starts = np.asarray(starts, dtype=np.float64).reshape(-1, 2)
    tracks = np.asarray(tracks, dtype=np.float64)
    if tracks.ndim != 3 or tracks.shape[1:] != starts.shape:
        raise UserError(f"tracks of shape {tracks.shape} for {len(starts)} starts; expected (F,{len(starts)},2).")
    return np.concatenate([starts[None], tracks]).transpose(1, 0, 2)


def _draw_way(drawn: NDArray, way: NDArray, colour: tuple[int, int, int], *, arrows: bool) -> None:
    radius, width = point_radius(drawn), stroke_width(drawn)
    points = np.rint(way * 2**SUBPIXEL_BITS).astype(np.int32)
    if np.abs(way - way[0]).max() < STILL:
        ring = 4 * radius << SUBPIXEL_BITS
        cv2.circle(drawn, tuple(points[0].tolist()), ring, WHITE, width + 2, cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.circle(drawn, tuple(points[0].tolist()), ring, colour, width, cv2.LINE_AA, SUBPIXEL_BITS)
        return
    for thickness, own in ((width + 2, WHITE), (width, colour)):
        cv2.polylines(drawn, [points[:, None]], False, own, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
        if arrows:
            cv2.polylines(drawn, [_head(way, 4 * radius)], False, own, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
    cv2.circle(drawn, tuple(points[0].tolist()), radius << SUBPIXEL_BITS, colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)


def _head(way: NDArray, length: float) -> NDArray[np.int32]:
    """The two strokes (3,1,2) of an arrow's head at the end of a way, in fractions of pixels."""
    lengths = np.linalg.norm(way[-1] - way, axis=1)
    before = way[np.flatnonzero(lengths >= min(length, lengths.max()))[-1]]
    along = (way[-1] - before) / max(np.linalg.norm(way[-1] - before), 1e-9)
    across = np.array([-along[1], along[0]])
    corners = [way[-1] - length * along + side * length / 2 * across for side in (1, -1)]
    return np.rint(np.stack([corners[0], way[-1], corners[1]]) * 2**SUBPIXEL_BITS).astype(np.int32)[:, None]
