"""Between pixels and the world: pinhole cameras with OpenGL axes, poses camera to world, depths along the view axis.

Pixel (x, y) = (column, row) with integer centres. Lens distortion is ignored, as SPIn-NeRF does.
"""

import numpy as np

from sparsevision.datasets.views.scene import Intrinsics


def project(points: np.ndarray, pose: np.ndarray, camera: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
    """Where points of the world are seen.

    Args:
        points: (..., 3) in the world.
        pose: (3, 4) camera to world: right, up, back, centre.
        camera: of the view.

    Returns:
        xy (..., 2) in pixels, and depths (...); a point with a depth of 0 or less is behind the camera and its pixel
        means nothing.
    """
    local = (points - pose[:, 3]) @ pose[:, :3]
    depth = -local[..., 2]
    safe = np.where(depth == 0, np.finfo(np.float64).tiny, depth)
    x = camera.cx + camera.fx * local[..., 0] / safe
    y = camera.cy - camera.fy * local[..., 1] / safe
    return np.stack([x, y], axis=-1), depth


def unproject(xy: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: Intrinsics) -> np.ndarray:
    """The points of the world (..., 3) at pixels (..., 2) and depths (...); the inverse of `project`."""
    x = (xy[..., 0] - camera.cx) / camera.fx
    y = (camera.cy - xy[..., 1]) / camera.fy
    local = np.stack([x, y, -np.ones_like(x)], axis=-1) * depth[..., None]
    return local @ pose[:, :3].T + pose[:, 3]


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
