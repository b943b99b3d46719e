"""Which points a camera sees, and the colours that they have in its picture."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sparsevision.utils import UserError

NUMBERS = 12  # of a 3x4 matrix


def read_calibration(path: Path) -> dict[str, np.ndarray]:
    """The matrices (3,4) float64 of a KITTI calib.txt by their names: P0 ... P3, Tr.

    Raises:
        UserError: no such file, or no P2 or Tr of 12 finite numbers.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; it is part of KITTI's odometry download (calibration files).")
    matrices = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, numbers = line.partition(":")
        try:
            values = np.array(numbers.split(), dtype=np.float64)
        except ValueError:
            continue
        if len(values) == NUMBERS and np.isfinite(values).all():
            matrices[name.strip()] = values.reshape(3, 4)
    if missing := [name for name in ("P2", "Tr") if name not in matrices]:
        raise UserError(f"{path}: has no line '{missing[0]}:' with 12 numbers. Get it again.")
    return matrices


def project(points: np.ndarray, calibration: Mapping[str, np.ndarray]) -> np.ndarray:
    """Column, row and depth (n,3) float64 of points (n,3) in the picture of camera 2; depth <= 0 lies behind it.

    Tr leads from the laser to camera 0, P2 from there to pixels: P2 Tr (x, y, z, 1). Columns and rows are whole numbers
    at pixel centres. Written out sum by sum: a matrix product rounds differently from one machine to the next.
    """
    in_camera = _apply(calibration["Tr"], points.astype(np.float64).T)
    column, row, depth = _apply(calibration["P2"], in_camera)
    away = np.where(depth == 0, 1, depth)
    return np.stack([column / away, row / away, depth], axis=1)


def _apply(matrix: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """(3,n): matrix (3,4) times coordinates (3,n) with a 1 below."""
    x, y, z = coordinates
    return np.stack([a * x + b * y + c * z + d for a, b, c, d in matrix])


def is_inside(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n,) bool: points (n,3) of `project` in front of the camera and between the centres of the picture's pixels.

    `size` is (height, width).
    """
    column, row, depth = pixels.T
    height, width = size
    return (depth > 0) & (column >= 0) & (column <= width - 1) & (row >= 0) & (row <= height - 1)


def bilinear_colours(image: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Colours (n,3) uint8 at pixels (n,2+) as (column, row) inside of image (H,W,3), from the four nearest centres."""
    height, width = image.shape[:2]
    column, row = pixels[:, 0], pixels[:, 1]
    left = np.minimum(np.floor(column).astype(np.int64), max(width - 2, 0))
    top = np.minimum(np.floor(row).astype(np.int64), max(height - 2, 0))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (column - left)[:, None], (row - top)[:, None]
    upper = image[top, left] * (1 - across) + image[top, right] * across
    lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
    return np.rint(upper * (1 - down) + lower * down).astype(np.uint8)
