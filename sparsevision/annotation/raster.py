"""Which pixels an annotation covers. Plain comparisons on float64: the same answer on every machine.

Frame: (x, y) with whole numbers at pixel centres, so pixel [row, column] has its centre at (x, y) = (column, row).
"""

import itertools

import numpy as np

_ROWS_AT_ONCE = 64


def pixel_of(xy: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (N,), (N,) of the pixels of an image that the locations xy (N, 2) belong to: halves round up."""
    columns, rows = np.floor(np.asarray(xy, dtype=np.float64) + 0.5).astype(np.int64).T
    return np.clip(rows, 0, shape[0] - 1), np.clip(columns, 0, shape[1] - 1)


def stroke_mask(polyline: np.ndarray, width: float, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre lies within width / 2 of the polyline (K, 2), and those of its corners.

    Returns a bool array of the given shape (height, width).
    """
    mask = np.zeros(shape, dtype=bool)
    window, patch = stroke_patch(polyline, width, shape)
    mask[window] = patch
    return mask


def stroke_patch(polyline: np.ndarray, width: float, shape: tuple[int, int]) -> tuple[tuple[slice, slice], np.ndarray]:
    """`stroke_mask` without the empty rest: index of a window around the stroke, and the bool array there."""
    low, high = np.floor(polyline.min(axis=0) - width / 2), np.ceil(polyline.max(axis=0) + width / 2)
    left, top = np.maximum(low, 0).astype(np.int64).tolist()
    right, bottom = np.minimum(high + 1, shape[::-1]).astype(np.int64).tolist()
    patch = np.zeros((bottom - top, right - left), dtype=bool)
    rows, columns = pixel_of(polyline, shape)
    patch[rows - top, columns - left] = True
    segments = itertools.pairwise(polyline) if len(polyline) > 1 else [(polyline[0], polyline[0])]
    for start, end in segments:
        _cover_segment(patch, (top, left), start, end, width / 2)
    return (slice(top, bottom), slice(left, right)), patch


def square_mask(row: int, column: int, side: int, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Index of the square of `side` (odd) pixels around a pixel, clipped to the image."""
    reach = side // 2
    return (
        slice(max(row - reach, 0), min(row + reach + 1, shape[0])),
        slice(max(column - reach, 0), min(column + reach + 1, shape[1])),
    )


def box_mask(xyxy: np.ndarray, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Index of the pixels whose centre lies in the box given by its edges (x0, y0, x1, y1): x0 <= column + 0.5 < x1."""
    left, top, right, bottom = np.ceil(np.asarray(xyxy, dtype=np.float64) - 0.5).astype(np.int64)
    return slice(max(top, 0), min(bottom, shape[0])), slice(max(left, 0), min(right, shape[1]))


def _cover_segment(
    patch: np.ndarray, corner: tuple[int, int], start: np.ndarray, end: np.ndarray, reach: float
) -> None:
    """Add a thick segment to a patch of the image whose top left pixel is `corner` (row, column)."""
    low, high = np.minimum(start, end) - reach, np.maximum(start, end) + reach
    first, last = max(int(np.floor(low[1])), corner[0]), min(int(np.ceil(high[1])), corner[0] + patch.shape[0] - 1)
    for top in range(first, last + 1, _ROWS_AT_ONCE):
        bottom = min(top + _ROWS_AT_ONCE, last + 1)
        left, right = _columns_near(start, end, reach, top, bottom - 1)
        left, right = max(left, corner[1]), min(right + 1, corner[1] + patch.shape[1])
        if left < right:
            part = patch[top - corner[0] : bottom - corner[0], left - corner[1] : right - corner[1]]
            part |= _near_segment(start, end, reach, top, bottom, left, right)


def _columns_near(start: np.ndarray, end: np.ndarray, reach: float, top: int, bottom: int) -> tuple[int, int]:
    """A generous range of columns of the part of a thick segment in the rows top..bottom."""
    (ax, ay), (bx, by) = (start, end) if start[1] <= end[1] else (end, start)
    if by - ay <= 1:
        near = (ax, bx)
    else:
        shares = np.clip([(top - reach - ay) / (by - ay), (bottom + reach - ay) / (by - ay)], 0, 1)
        near = ax + shares * (bx - ax)
    return int(np.floor(min(near) - reach)) - 1, int(np.ceil(max(near) + reach)) + 1


def _near_segment(
    start: np.ndarray, end: np.ndarray, reach: float, top: int, bottom: int, left: int, right: int
) -> np.ndarray:
    y, x = np.mgrid[top:bottom, left:right].astype(np.float64)
    px, py = x - start[0], y - start[1]
    dx, dy = end - start
    length2 = dx * dx + dy * dy
    along = px * dx + py * dy
    near_ends = np.minimum(px * px + py * py, (x - end[0]) ** 2 + (y - end[1]) ** 2) <= reach * reach
    beside = (length2 > 0) & (along >= 0) & (along <= length2) & ((px * dy - py * dx) ** 2 <= reach * reach * length2)
    return near_ends | beside
