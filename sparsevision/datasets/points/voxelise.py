"""From points to voxels: the first raw point of a voxel stands for it.

Voxel coordinates are floor(A x) minus their minimum, in float64. Rows of a voxelised cloud are in the order of the raw
points that stand for them, so the row of a surviving raw point is its rank among the survivors.
"""

from dataclasses import dataclass

import numpy as np

from sparsevision.datasets.points.cloud import checked_points
from sparsevision.utils import UserError

MAX_EXTENT = 2**31 - 1024  # voxels along an axis: int32 with room for a shift


@dataclass(frozen=True, kw_only=True)
class Voxels:
    """m voxels made of n raw points.

    Args:
        coords: (m,3) int32 voxel coordinates; least value 0 on each axis as long as no voxel is dropped or shifted.
        representative: (m,) int64, ascending: the raw point that gives the voxel its colour and its label.
        inverse: (n,) int64 row of the voxel in which a raw point lies; -1 where that voxel is gone.
    """

    coords: np.ndarray
    representative: np.ndarray
    inverse: np.ndarray

    def __len__(self) -> int:
        return len(self.coords)

    @property
    def alive(self) -> np.ndarray:
        """(n,) bool: the raw points that stand for a voxel."""
        alive = np.zeros(len(self.inverse), dtype=bool)
        alive[self.representative] = True
        return alive

    def keep(self, rows: np.ndarray) -> "Voxels":
        """Only the voxels `rows` (k,), given in ascending order; raw points of the others get row -1."""
        new_row = np.full(len(self) + 1, -1, dtype=np.int64)
        new_row[rows] = np.arange(len(rows))
        return Voxels(coords=self.coords[rows], representative=self.representative[rows], inverse=new_row[self.inverse])


def voxelize(
    points: np.ndarray,
    *,
    voxel_size: float | None = None,
    matrix: np.ndarray | None = None,
    inside: np.ndarray | None = None,
    labelled: np.ndarray | None = None,
) -> Voxels:
    """Voxels of a cloud; the first raw point of each voxel stands for it.

    Args:
        points: (n,3) metres.
        voxel_size: side of a voxel in metres; the same as `matrix` = identity / voxel_size. Give one of the two.
        matrix: (3,3) A of floor(A x): rotation and scale, divided by the side of a voxel.
        inside: (n,) bool, the points that take part (the others were cropped away); all of them by default.
        labelled: (n,) bool. Deviation from the published code, which does not look at labels: the first labelled point
            of a voxel stands for it, so that no voxel loses its label (at 5 cm, two of three are lost otherwise).

    Raises:
        UserError: no point, NaN, a wrong shape, or a cloud too large for its voxels.
    """
    points = checked_points(points)
    count = len(points)
    taking_part = _flags(inside, count=count, field="inside")
    coords = voxel_coordinates(points[taking_part], _affine(voxel_size, matrix))
    group, first = _group(coords)
    raw = np.flatnonzero(taking_part)
    if labelled is not None:
        labelled_rows = np.flatnonzero(_flags(labelled, count=count, field="labelled")[taking_part])
        having_label, where = np.unique(group[labelled_rows], return_index=True)
        first[having_label] = labelled_rows[where]
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    inverse = np.full(count, -1, dtype=np.int64)
    inverse[raw] = rank[group]
    return Voxels(coords=coords[first[order]], representative=raw[first[order]], inverse=inverse)


def voxel_coordinates(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """floor(matrix x) minus the least value of each axis, (n,3) int32, computed in float64.

    Written out axis by axis: a matrix product rounds differently from one machine to the next.

    Raises:
        UserError: no point, NaN, or more voxels along an axis than a coordinate can count.
    """
    x, y, z = checked_points(points).astype(np.float64).T
    cells = np.stack([np.floor(a * x + b * y + c * z) for a, b, c in np.asarray(matrix, dtype=np.float64)], axis=1)
    cells -= cells.min(axis=0)
    if cells.max() > MAX_EXTENT:
        raise UserError(
            f"points: the cloud is {cells.max():.3g} voxels long. Expected metres and a voxel size that fits; look for "
            "single points far away from the others."
        )
    return cells.astype(np.int32)


def _affine(voxel_size: float | None, matrix: np.ndarray | None) -> np.ndarray:
    if (voxel_size is None) == (matrix is None):
        raise TypeError("voxelize: give voxel_size or matrix, and not both")
    if voxel_size is not None:
        if not (np.isfinite(voxel_size) and voxel_size > 0):
            raise UserError(f"voxel_size: expected metres greater than 0, got {voxel_size}.")
        return np.eye(3) * (1 / voxel_size)
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise UserError(f"matrix: expected 3 x 3 finite numbers, got shape {matrix.shape}.")
    return matrix


def _flags(flags: np.ndarray | None, *, count: int, field: str) -> np.ndarray:
    if flags is None:
        return np.ones(count, dtype=bool)
    flags = np.asarray(flags)
    if flags.shape != (count,) or flags.dtype != bool:
        raise UserError(f"{field}: expected {count} truth values, one a point, got {flags.dtype} of {flags.shape}.")
    return flags


def _group(coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the voxel of each point (n,), and the first point of each voxel (m,)."""
    sides = [int(side) + 1 for side in coords.max(axis=0)]
    if sides[0] * sides[1] * sides[2] < 2**63:
        x, y, z = coords.astype(np.int64).T
        keys = (x * sides[1] + y) * sides[2] + z
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    else:
        _, first, group = np.unique(coords, axis=0, return_index=True, return_inverse=True)
    return group.reshape(-1), first
