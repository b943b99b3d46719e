"""Between pixels and the world: cameras with OpenGL axes, poses camera to world, depths along the view axis.

Pixel (x, y) = (column, row) with integer centres.
"""

import cv2
import numpy as np

from sparsevision.datasets.views.scene import Intrinsics

UNDISTORTION_STEPS = 20


def project(
    points: np.ndarray, pose: np.ndarray, camera: Intrinsics, *, undistort: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Where points of the world are seen.

    Args:
        points: (..., 3) in the world.
        pose: (3, 4) camera to world: right, up, back, centre.
        camera: of the view.
        undistort: follow the camera's lens distortion, as `rays_at` does; published: ignored.

    Returns:
        xy (..., 2) in pixels, and depths (...); a point with a depth of 0 or less is behind the camera and its pixel
        means nothing.
    """
    local = (points - pose[:, 3]) @ pose[:, :3]
    depth = -local[..., 2]
    safe = np.where(depth == 0, np.finfo(np.float64).tiny, depth)
    x, y = local[..., 0] / safe, -local[..., 1] / safe
    if undistort and camera.distortion:
        x, y = _distorted(x, y, camera.distortion)
    return np.stack([camera.cx + camera.fx * x, camera.cy + camera.fy * y], axis=-1), depth


def unproject(
    xy: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: Intrinsics, *, undistort: bool = False
) -> np.ndarray:
    """The points of the world (..., 3) at pixels (..., 2) and depths (...); the inverse of `project`."""
    x = (xy[..., 0] - camera.cx) / camera.fx
    y = (xy[..., 1] - camera.cy) / camera.fy
    if undistort and camera.distortion:
        x, y = _undistorted(x, y, camera.distortion)
    local = np.stack([x, -y, -np.ones_like(x)], axis=-1) * np.asarray(depth)[..., None]
    return local @ pose[:, :3].T + pose[:, 3]


def _distorted(x: np.ndarray, y: np.ndarray, lens: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """OpenCV's lens model: ideal coordinates -> those in the image."""
    k1, k2, p1, p2 = lens
    square = x**2 + y**2
    radial = 1 + square * (k1 + square * k2)
    bent_x = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x**2)
    bent_y = y * radial + p1 * (square + 2 * y**2) + 2 * p2 * x * y
    return bent_x, bent_y


def _undistorted(x: np.ndarray, y: np.ndarray, lens: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    bent = np.stack([x, y], axis=-1).reshape(-1, 1, 2).astype(np.float64)
    until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, UNDISTORTION_STEPS, 1e-12)
    ideal = cv2.undistortPoints(bent, np.eye(3), np.array(lens), criteria=until).reshape(*x.shape, 2)
    return ideal[..., 0], ideal[..., 1]


def pixels_of(mask: np.ndarray) -> np.ndarray:
    """(n, 2) as (x, y) of the set pixels of a mask (H, W), row by row."""
    return np.argwhere(mask)[:, ::-1]


def nearest_pixels(
    xy: np.ndarray, depth: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels that projected points fall into: rows, columns (int64, 0 where outside) and inside (bool), (...)."""
    rounded = np.floor(np.clip(xy, -1e6, 1e6) + 0.5).astype(np.int64)
    columns, rows = rounded[..., 0], rounded[..., 1]
    inside = (depth > 0) & (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
    return np.where(inside, rows, 0), np.where(inside, columns, 0), inside
