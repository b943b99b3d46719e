"""What a person asks for, image, drags and brush, as Motion-I2V is told it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sparsevision.annotation import Tracks
from sparsevision.apis.video_generation.stages import Stages
from sparsevision.datasets.image_io import read_image
from sparsevision.datasets.video.brush import brush_from_painting, read_painting
from sparsevision.layers.promptable import GrabCut
from sparsevision.methods.motion_i2v import (
    BoxRegion,
    GaussianRegion,
    ObjectRegion,
    Region,
    Speed,
    TrackPaths,
    annotated_paths,
    checked_brush,
    clicked_paths,
    freeze_anchors,
    named_speed,
    paint_paths,
    scale_clicks,
)
from sparsevision.utils import UserError, did_you_mean

LONGEST_SIDE = 512  # of images where neither config nor caller names a size
REGIONS = ("box", "gaussian", "object")
DragList = Sequence[ArrayLike] | Tracks


@dataclass(frozen=True, kw_only=True)
class DragSettings:
    """How drags act.

    Args:
        speed: along the way: a name in `SPEEDS`, a curve (`keyed_speed`), or one for each drag.
        by_distance: see `interpolate_track`.
        region: what moves with a drag's start: "box", "gaussian", "object" (the thing under it, by GrabCut), any
            `Region` for the resized image, or None for the model's own.
        unit: half the side of the box, or sigma of the gaussian, in pixels of the resized image; None as the model's.
        hold: radius, in pixels of the image, around points that stay (drags of one click) which is frozen exactly as a
            brush does; None leaves them to the network.
    """

    speed: str | Speed | Sequence[str | Speed] = "steady"
    by_distance: bool = False
    region: str | Region | None = None
    unit: float | None = None
    hold: float | None = None


@dataclass(frozen=True, kw_only=True)
class Steering:
    """An image at the model's size with what shall move, in its pixels.

    Attributes:
        name: stem of the file, or "image".
        image: uint8 RGB (H,W,3).
        starts: (N,2) float32, dragged points.
        tracks: (F,N,2) float32, where they shall be in each later frame.
        flow: (F,2,H,W) float32, sparse motion; None where nothing is asked for.
        mask: (F,1,H,W) float32, 1 = known; None likewise.
        brush: (H,W) bool, true = frozen; None where nothing is.
    """

    name: str
    image: NDArray[np.uint8]
    starts: NDArray[np.float32]
    tracks: NDArray[np.float32]
    flow: Tensor | None
    mask: Tensor | None
    brush: NDArray[np.bool_] | None


def steer(
    stages: Stages,
    image: str | Path | NDArray[np.uint8],
    *,
    tracks: DragList | None,
    brush: str | Path | ArrayLike | None,
    size: tuple[int, int] | None,
    drags: DragSettings,
) -> Steering:
    """Read, check and bring to the model's size.

    Raises:
        UserError: see `I2VInferencer`.
    """
    picture, name = _picture(image)
    before, after = picture.shape[:2], target_size(picture.shape[:2], stages, size)
    shown = cv2.resize(picture, after[::-1], interpolation=cv2.INTER_AREA)
    frozen = None if brush is None else _brush(brush, before, after)
    if tracks is None:
        paths = TrackPaths(
            starts=np.zeros((0, 2)),
            displacements=np.zeros((0, stages.fields, 2)),
            known=np.ones((0, stages.fields), bool),
        )
    else:
        paths = _paths(tracks, before, stages, drags)
    scaled = _scaled(paths, before, after)
    frozen = _with_held_points(frozen, scaled, drags.hold, before, after)
    flow, mask = (None, None) if stages.motion is None else _sparse(scaled, shown, frozen, stages, drags)
    return Steering(
        name=name,
        image=shown,
        starts=scaled.starts.astype(np.float32),
        tracks=(scaled.starts[:, None] + scaled.displacements).transpose(1, 0, 2).astype(np.float32),
        flow=flow,
        mask=mask,
        brush=frozen,
    )


def target_size(size: tuple[int, int], stages: Stages, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) that the model works at: the wanted one, that of its config, or near the image's own.

    Raises:
        UserError: the wanted one is no multiple of what the model needs.
    """
    multiple = stages.multiple
    chosen = wanted or stages.image_size
    if chosen is None:
        shrink = min(1, LONGEST_SIDE / max(size))
        return tuple(max(multiple, round(side * shrink / multiple) * multiple) for side in size)
    if len(chosen) != 2 or min(chosen) < 1 or any(side % multiple for side in chosen):
        raise UserError(f"size={tuple(chosen)}: expected (height, width) in multiples of {multiple}.")
    return int(chosen[0]), int(chosen[1])


def _picture(image: str | Path | NDArray[np.uint8]) -> tuple[NDArray[np.uint8], str]:
    if isinstance(image, str | Path):
        return read_image(image, upright=True), Path(image).stem
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise UserError(f"an image array must be uint8 RGB (H,W,3), got {array.dtype} {array.shape}")
    return array, "image"


def _brush(brush: str | Path | ArrayLike, before: tuple[int, int], after: tuple[int, int]) -> NDArray[np.bool_]:
    """(H,W) bool, true = frozen, at the model's size."""
    if not isinstance(brush, str | Path):
        frozen = checked_brush(brush, before)
        return cv2.resize(frozen.astype(np.uint8), after[::-1], interpolation=cv2.INTER_NEAREST) > 0
    painting = read_painting(brush)
    if painting.shape != before:
        raise UserError(
            f"brush: {brush} is {painting.shape[1]} x {painting.shape[0]} pixels, the image {before[1]} x {before[0]}; "
            "paint over the image itself."
        )
    return brush_from_painting(painting, size=after)


def _paths(tracks: DragList, size: tuple[int, int], stages: Stages, drags: DragSettings) -> TrackPaths:
    if isinstance(tracks, Tracks):
        return annotated_paths(tracks, size=size, frames=stages.fields)
    still = drags.hold is not None or stages.motion is None or stages.motion.switches.still_clicks
    return clicked_paths(
        tracks,
        size=size,
        frames=stages.fields,
        speed=_speeds(drags.speed),
        by_distance=drags.by_distance,
        still_clicks=still,
    )


def _speeds(speed: str | Speed | Sequence[str | Speed]) -> Speed | list[Speed]:
    if isinstance(speed, str):
        return named_speed(speed)
    return speed if callable(speed) else [_speeds(one) for one in speed]


def _scaled(paths: TrackPaths, before: tuple[int, int], after: tuple[int, int]) -> TrackPaths:
    scale = np.array([after[1] / before[1], after[0] / before[0]])
    return TrackPaths(
        starts=scale_clicks(paths.starts, size=before, to=after),
        displacements=paths.displacements * scale,
        known=paths.known,
    )


def _with_held_points(
    frozen: NDArray[np.bool_] | None,
    paths: TrackPaths,
    hold: float | None,
    before: tuple[int, int],
    after: tuple[int, int],
) -> NDArray[np.bool_] | None:
    if hold is None:
        return frozen
    if not hold >= 0:
        raise UserError(f"hold={hold}: expected a radius in pixels, 0 or more.")
    still = paths.starts[~paths.displacements.any(axis=(1, 2))]
    scale = (after[0] * after[1] / (before[0] * before[1])) ** 0.5
    return freeze_anchors(still, radius=hold * scale, size=after, brush=frozen)


def _sparse(
    paths: TrackPaths,
    image: NDArray[np.uint8],
    frozen: NDArray[np.bool_] | None,
    stages: Stages,
    drags: DragSettings,
) -> tuple[Tensor | None, Tensor | None]:
    """Sparse flow and mask; None where nothing is asked for."""
    size = image.shape[:2]
    if not len(paths.starts) and frozen is None:
        return None, None
    region = _region(drags, stages.motion.region, image)
    flow, mask = paint_paths(paths, region=region, size=size)
    if frozen is not None:
        flow[:, :, frozen], mask[:, :, frozen] = 0, 1
    return torch.from_numpy(flow), torch.from_numpy(mask)


def _region(drags: DragSettings, own: Region, image: NDArray[np.uint8]) -> Region:
    kind, unit = drags.region, drags.unit
    if kind is None and unit is not None:
        kind = "box"
    if not isinstance(kind, str):
        return own if kind is None else kind
    if kind not in REGIONS:
        raise UserError(f"there is no region '{kind}'.{did_you_mean(kind, REGIONS)} Known: {', '.join(REGIONS)}.")
    if kind == "object":
        return ObjectRegion(image, GrabCut())
    width = getattr(own, "half", getattr(own, "sigma", 1)) if unit is None else unit
    return GaussianRegion(width) if kind == "gaussian" else BoxRegion(int(width) if width == int(width) else width)
