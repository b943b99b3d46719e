"""Tracks as the trajectory ControlNet sees them: sparse flow fields and a mask of where they are known.

Source: Shi et al., Motion-I2V, SIGGRAPH 2024, section 3.3, and the rules of the released demo.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sparsevision.annotation import Tracks
from sparsevision.methods.motion_i2v.brush import checked_brush
from sparsevision.methods.motion_i2v.paths import TrackPaths, annotated_paths, clicked_paths
from sparsevision.methods.motion_i2v.regions import BoxRegion, Region, nearest_pixel, squared_distance
from sparsevision.methods.motion_i2v.speed import Speed, steady
from sparsevision.utils import UserError

PUBLISHED_UNIT = 64
NEAREST = 1e-6  # squared pixels; keeps a start's own motion finite where nearness is infinite


def rasterise_tracks(
    tracks: Sequence[ArrayLike] | Tracks,
    *,
    height: int,
    width: int,
    frames: int,
    unit: int = PUBLISHED_UNIT,
    brush: ArrayLike | None = None,
    region: Region | None = None,
    speed: Speed | Sequence[Speed] = steady,
    by_distance: bool = False,
    still_clicks: bool = False,
) -> tuple[Tensor, Tensor]:
    """Drags to sparse flow fields flow (F,2,H,W) float32, in pixels, and mask (F,1,H,W) float32, 1 = known.

    Args:
        tracks: a list of (k, 2) clicks (x, y) in pixels, one array a drag, joined by `interpolate_track`; or annotated
            `Tracks` of a clip of `frames` + 1 frames.
        height: H of the image.
        width: W of the image.
        frames: F, the number of flow fields: 15 for a clip of 16.
        unit: half the side of the box that moves with a drag's start. See `BoxRegion`.
        brush: (H, W), 1 = frozen: known not to move. Drags move nothing there.
        region: moves other pixels than the box: `GaussianRegion`, `ObjectRegion`.
        speed: one curve for all drags, or one for each. For clicks alone.
        by_distance: see `interpolate_track`. For clicks alone.
        still_clicks: a single click is a point that stays; the published code lets it drift by a pixel.

    Returns:
        flow is the displacement from frame 0 to frames 1 .. F and 0 where the mask is 0. Later boxes lie on top.

    Raises:
        UserError: no track, a track outside the image, Tracks of another clip length, a brush of another size or with
            values between 0 and 1, a frame count or unit below 1.
    """
    if not isinstance(frames, int | np.integer) or frames < 1:
        raise UserError(f"frames: expected the number of flow fields, 1 or more, got {frames}.")
    size = (height, width)
    if isinstance(tracks, Tracks):
        paths = annotated_paths(tracks, size=size, frames=frames)
    else:
        options = {"speed": speed, "by_distance": by_distance, "still_clicks": still_clicks}
        paths = clicked_paths(tracks, size=size, frames=frames, **options)
    flow, mask = paint_paths(paths, region=BoxRegion(unit) if region is None else region, size=size)
    if brush is not None:
        frozen = checked_brush(brush, size)
        flow[:, :, frozen], mask[:, :, frozen] = 0, 1
    return torch.from_numpy(flow), torch.from_numpy(mask)


def paint_paths(paths: TrackPaths, *, region: Region, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """flow (F,2,H,W) and mask (F,1,H,W), float32, of points that take the pixels around them along."""
    weights = (region(start, size) for start in paths.starts)
    if region.later_wins:
        return _later_on_top(paths, weights, size)
    flow, mask = _by_nearness(paths, weights, size)
    for start, displacement, known in zip(paths.starts, paths.displacements, paths.known, strict=True):
        column, row = nearest_pixel(start, size)
        flow[known, :, row, column] = displacement[known]
    return flow, mask


def _blank(paths: TrackPaths, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    frames = paths.displacements.shape[1]
    return np.zeros((frames, 2, *size), np.float32), np.zeros((frames, 1, *size), np.float32)


def _later_on_top(
    paths: TrackPaths, weights: Iterable[np.ndarray], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    flow, mask = _blank(paths, size)
    for own, displacement, known in zip(weights, paths.displacements, paths.known, strict=True):
        window = _window(own)
        taken = own[window] > 0
        for frame in np.flatnonzero(known):
            flow[frame][:, *window][:, taken] = own[window][taken] * displacement[frame][:, None]
            mask[frame][:, *window][:, taken] = 1
    return flow, mask


def _window(weights: np.ndarray) -> tuple[slice, slice]:
    """The smallest rectangle around what is not zero."""
    sides = [np.flatnonzero((weights > 0).any(axis=axis)) for axis in (1, 0)]
    rows, columns = (slice(side[0], side[-1] + 1) if side.size else slice(0) for side in sides)
    return rows, columns


def _by_nearness(
    paths: TrackPaths, weights: Iterable[np.ndarray], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel: the mean of the drags that claim it by weight / squared distance, as strong as the strongest."""
    flow, mask = _blank(paths, size)
    total, peak = np.zeros_like(mask), np.zeros_like(mask)
    for start, own, displacement, known in zip(paths.starts, weights, paths.displacements, paths.known, strict=True):
        nearness = (own / (squared_distance(start, own.shape) + NEAREST)).astype(np.float32)
        flow[known] += nearness * displacement[known, :, None, None]
        total[known] += nearness
        peak[known] = np.maximum(peak[known], own)
    mask = (total > 0).astype(np.float32)
    return flow * (peak / np.where(total > 0, total, 1)), mask


def encode_sparse_flow(flow: Tensor | np.ndarray, mask: Tensor | np.ndarray) -> Tensor:
    """Sparse flow in the [0, 1] form that the flow autoencoder reads: 0.5 where nothing moves or nothing is known.

    Args:
        flow: (..., 2, H, W) in pixels.
        mask: (..., 1, H, W), 1 = known.

    Returns:
        (..., 2, H, W): (dx / W + 1) / 2 and (dy / H + 1) / 2 inside the mask.
    """
    flow, mask = torch.as_tensor(flow), torch.as_tensor(mask)
    height, width = flow.shape[-2:]
    centred = flow / flow.new_tensor([width, height]).view(2, 1, 1) / 2
    return centred * mask + 0.5
