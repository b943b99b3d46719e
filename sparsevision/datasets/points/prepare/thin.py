"""Thinning a cloud: one point a cell, the first."""

import numpy as np

from sparsevision.utils import UserError

MOST_CELLS = 2**62
MOVED = 1 << 18  # rows at a time


def thin_rows(coord: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """The first point of each cell of side `size`, and in which cell each point lies.

    The cells are those of `voxelize(coord, voxel_size=size)`, and so are the results; this one makes no copy of the
    cloud: it holds one whole number of 64 bits a point, and what sorting them takes.

    Args:
        coord: (N,3) metres, finite.
        size: metres.

    Returns:
        first (m,) int64, rising: the points that stay. inverse (N,) int32: the row among them of each point's cell.

    Raises:
        UserError: the cloud is too large for cells of this size.
    """
    keys, cells = np.zeros(len(coord), dtype=np.int64), 1
    for axis in range(3):
        places = np.floor(coord[:, axis].astype(np.float64) * (1 / size))
        places -= places.min()
        cells *= (side := places.max() + 1)
        if not cells <= MOST_CELLS:  # infinite coordinates make NaN
            raise UserError(f"the cloud is too large for cells of {size} m; are its coordinates metres?")
        keys *= int(side)
        keys += places.astype(np.int64)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return first[order], rank[inverse.reshape(-1)]


def mixed_cells(labels: np.ndarray, first: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """(m,) bool: the cells whose points do not all have the same label; labels (N,), first (m,), inverse (N,)."""
    mixed = np.zeros(len(first), dtype=bool)
    mixed[inverse[labels != labels[first][inverse]]] = True
    return mixed


def keep_rows(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """array[rows] for rising rows (m,), moved to the front of the array itself; a view, no second copy is made."""
    for start in range(0, len(rows), MOVED):
        part = rows[start : start + MOVED]
        array[start : start + len(part)] = array[part]  # rows rise, so no row that is still needed is overwritten
    return array[: len(rows)]
