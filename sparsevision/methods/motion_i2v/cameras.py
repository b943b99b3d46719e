"""Camera moves as dense flow, exact and without any network: the whole picture pans, zooms or rolls."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sparsevision.methods.motion_i2v.speed import Speed, steady
from sparsevision.utils import UserError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class CameraMove:
    """What the camera has done by the end of the clip; the picture moves the other way.

    Args:
        pan: to the right, in widths of the picture.
        tilt: down, in heights of the picture.
        zoom: magnification, 1 = none.
        roll: clockwise, in degrees.

    Raises:
        UserError: a zoom that is not above 0.
    """

    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 1.0
    roll: float = 0.0

    def __post_init__(self) -> None:
        if not self.zoom > 0:
            raise UserError(f"zoom: expected a magnification above 0, got {self.zoom}.")


CAMERA_MOVES: dict[str, CameraMove] = {
    "pan_left": CameraMove(pan=-0.2),
    "pan_right": CameraMove(pan=0.2),
    "tilt_up": CameraMove(tilt=-0.2),
    "tilt_down": CameraMove(tilt=0.2),
    "zoom_in": CameraMove(zoom=1.3),
    "zoom_out": CameraMove(zoom=1 / 1.3),
    "roll_clockwise": CameraMove(roll=15),
    "roll_counterclockwise": CameraMove(roll=-15),
}


def camera_flow(move: CameraMove | str, *, height: int, width: int, frames: int, speed: Speed = steady) -> Tensor:
    """Flow (F,2,H,W) float32 in pixels from frame 0 to frames 1 .. F while the camera moves.

    Args:
        move: the move, or a name in `CAMERA_MOVES`.
        height: H of the image.
        width: W of the image.
        frames: F, 15 for a clip of 16.
        speed: share of the move at each share of the time.

    Raises:
        UserError: an unknown name, or no frame.
    """
    if isinstance(move, str):
        move = named_move(move)
    if frames < 1:
        raise UserError(f"frames: expected the number of flow fields, 1 or more, got {frames}.")
    share = torch.from_numpy(np.asarray(speed(np.linspace(0, 1, frames + 1)))[1:].copy()).view(-1, 1, 1)
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
    angle, scale = -math.radians(move.roll) * share, move.zoom**share
    moved_x = scale * (angle.cos() * x - angle.sin() * y) - move.pan * width * share
    moved_y = scale * (angle.sin() * x + angle.cos() * y) - move.tilt * height * share
    return torch.stack([moved_x - x, moved_y - y], dim=1).float()


def named_move(name: str) -> CameraMove:
    """The move of that name, see `CAMERA_MOVES`.

    Raises:
        UserError: there is none.
    """
    if name not in CAMERA_MOVES:
        raise UserError(
            f"there is no camera move '{name}'.{did_you_mean(name, CAMERA_MOVES)} Known: {', '.join(CAMERA_MOVES)}."
        )
    return CAMERA_MOVES[name]
