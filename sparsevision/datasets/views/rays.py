"""Camera rays in the world of LLFF: x right, y up, the camera looks along its -z.

Directions are not normalised: their share along the optical axis is 1, so that a ray parameter is a depth, not a
distance. Pixel (x, y) = (column, row); its centre lies at integers unless `pixel_centre` says otherwise.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from sparsevision.datasets.views.scene import Intrinsics

UNDISTORTION_STEPS = 10


def get_rays(height: int, width: int, focal: float, c2w: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
    """Rays through all pixels of a camera with one focal length and its centre at (width / 2, height / 2).

    Args:
        height, width, focal: in pixels.
        c2w: (3,4) camera to world.

    Returns:
        Origins and directions, each (H,W,3) float32; integer pixel centres, not normalised.
    """
    pose = _pose(c2w)
    xy = pixel_grid(height, width, device=pose.device)
    local = _looking_along((xy[..., 0] - 0.5 * width) / focal, (xy[..., 1] - 0.5 * height) / focal)
    return _to_world(local, pose)


def rays_at(
    xy: Tensor,
    intrinsics: "Intrinsics",
    c2w: Tensor | np.ndarray,
    *,
    pixel_centre: float = 0.0,
    undistort: bool = False,
) -> tuple[Tensor, Tensor]:
    """Rays through given places of an image.

    Args:
        xy: (...,2) columns and rows, also between pixels.
        intrinsics: of the image; both focal lengths and the principal point are used.
        c2w: (3,4), or (...,3,4) with a pose for each place.
        pixel_centre: what lies between a pixel's index and its centre: 0 (published) or 0.5 (COLMAP).
        undistort: follow the lens distortion of the intrinsics (k1, k2, p1, p2 of OpenCV); published: ignored.

    Returns:
        Origins and directions, each (...,3) float32, not normalised.
    """
    pose = _pose(c2w).to(xy.device)
    centred = xy.to(torch.float32) + pixel_centre
    x = (centred[..., 0] - intrinsics.cx) / intrinsics.fx
    y = (centred[..., 1] - intrinsics.cy) / intrinsics.fy
    if undistort and any(intrinsics.distortion):
        x, y = _undistorted(x, y, intrinsics.distortion)
    return _to_world(_looking_along(x, y), pose)


def ndc_rays(
    height: int, width: int, focal: float, near: float, origins: Tensor, directions: Tensor
) -> tuple[Tensor, Tensor]:
    """Rays in normalised device coordinates of a camera in the origin (Mildenhall et al. 2020, appendix C).

    Args:
        height, width, focal: in pixels.
        near: depth of the near plane; origins are moved onto it first.
        origins, directions: (...,3) of rays that look along -z.

    Returns:
        Origins and directions, each (...,3); the ray parameter runs from 0 (near plane) to 1 (infinity).
    """
    origins = origins - (near + origins[..., 2:]) / directions[..., 2:] * directions
    scale = origins.new_tensor([-2 * focal / width, -2 * focal / height])
    at_origin = origins[..., :2] / origins[..., 2:]
    along = directions[..., :2] / directions[..., 2:] - at_origin
    far = 2 * near / origins[..., 2:]
    return torch.cat([scale * at_origin, 1 + far], -1), torch.cat([scale * along, -far], -1)


def pixel_grid(height: int, width: int, *, device: torch.device | str = "cpu") -> Tensor:
    """(H,W,2) float32: column and row of each pixel."""
    rows, columns = torch.meshgrid(
        torch.arange(height, device=device, dtype=torch.float32),
        torch.arange(width, device=device, dtype=torch.float32),
        indexing="ij",
    )
    return torch.stack([columns, rows], -1)


def _pose(c2w: Tensor | np.ndarray) -> Tensor:
    return torch.as_tensor(c2w).to(torch.float32)[..., :3, :4]


def _looking_along(x: Tensor, y: Tensor) -> Tensor:
    """(...,3) directions in the camera's frame; image rows count downward."""
    return torch.stack([x, -y, -torch.ones_like(x)], -1)


def _to_world(local: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
    directions = (local[..., None, :] * pose[..., :3, :3]).sum(-1)
    return pose[..., :3, 3].expand_as(directions), directions


def _undistorted(x: Tensor, y: Tensor, distortion: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Ideal image coordinates of distorted ones, by fixed-point steps."""
    k1, k2, p1, p2 = (*distortion, 0.0, 0.0, 0.0, 0.0)[:4]
    ideal_x, ideal_y = x, y
    for _ in range(UNDISTORTION_STEPS):
        square = ideal_x**2 + ideal_y**2
        radial = 1 + square * (k1 + square * k2)
        shift_x = 2 * p1 * ideal_x * ideal_y + p2 * (square + 2 * ideal_x**2)
        shift_y = p1 * (square + 2 * ideal_y**2) + 2 * p2 * ideal_x * ideal_y
        ideal_x, ideal_y = (x - shift_x) / radial, (y - shift_y) / radial
    return ideal_x, ideal_y
