"""Exact nearest neighbours by cosine, in blocks of a float32 matrix product.

The product only proposes: what it cannot tell apart within its own rounding is decided by the cosine in float64,
rounded to float32, and equal cosines by the lower index. The answer therefore depends neither on the number of
threads nor on the library of the product, duplicates are exact ties, and a zero vector has cosine 0 with everything.
"""

import numpy as np

BLOCK_VALUES = 2**25  # cosines of one block: 128 MiB
PAIRS_A_ROW = 64  # above this the float64 product of a whole block is cheaper than single pairs
GATHERED_VALUES = 2**21


def unit_rows(features: np.ndarray) -> np.ndarray:
    """Rows (N, D) float64 scaled to length 1; zero rows stay zero."""
    largest = np.abs(features).max(axis=1, keepdims=True)
    scaled = features / np.where(largest > 0, largest, 1)
    length = np.sqrt(np.einsum("nd,nd->n", scaled, scaled))[:, None]
    return np.divide(scaled, length, out=scaled, where=length > 0)


def pair_cosines(unit: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Cosine float32 (P,) of unit[rows[p]] and unit[columns[p]], summed in float64."""
    result = np.empty(len(rows), dtype=np.float32)
    step = max(1, GATHERED_VALUES // unit.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        result[part] = np.einsum("pd,pd->p", unit[rows[part]], unit[columns[part]])
    return result


def nearest(unit: np.ndarray, k: int) -> np.ndarray:
    """The min(k, N - 1) nearest rows of every row by cosine, without itself: indices (N, k) int32, ascending.

    Args:
        unit: from `unit_rows`.
        k: how many, at least 1.
    """
    count = len(unit)
    k = min(k, count - 1)
    result = np.empty((count, k), dtype=np.int32)
    if k == 0:
        return result
    single = unit.astype(np.float32)
    height = max(1, BLOCK_VALUES // count)
    buffer = np.empty((min(height, count), count), dtype=np.float32)
    for start in range(0, count, height):
        rows = np.arange(start, min(start + height, count))
        cosines = np.matmul(single[rows], single.T, out=buffer[: len(rows)])
        cosines[np.arange(len(rows)), rows] = -np.inf
        result[rows] = _block_nearest(unit, rows, cosines, k)
    return result


def _block_nearest(unit: np.ndarray, rows: np.ndarray, cosines: np.ndarray, k: int) -> np.ndarray:
    """Nearest (R, k) of `rows` (R,) from their approximate cosines (R, N); those with themselves are -inf."""
    doubt = 2 * _rounding_bound(unit.shape[1])
    near = np.flatnonzero(cosines >= _kth_bound(cosines, k)[:, None] - doubt)  # far quicker than nonzero in 2-D
    row, column = np.divmod(near, cosines.shape[1])
    value = cosines.ravel()[near]
    gap = value - _kth_largest(row, value, len(rows), k)[row]
    sure, open_pairs = gap > doubt, np.abs(gap) <= doubt
    if np.count_nonzero(open_pairs) > PAIRS_A_ROW * len(rows):
        return _nearest_of_block(unit, rows, k)
    missing = k - np.bincount(row[sure], minlength=len(rows))
    row_open, column_open = row[open_pairs], column[open_pairs]
    exact = pair_cosines(unit, rows[row_open], column_open)
    order = np.lexsort((column_open, -exact, row_open))
    first = np.searchsorted(row_open, np.arange(len(rows)))
    rank = np.arange(len(order)) - first[row_open]  # row_open is sorted, so sorting within rows leaves it as it is
    taken = order[rank < missing[row_open]]
    row, column = np.append(row[sure], row_open[taken]), np.append(column[sure], column_open[taken])
    return column[np.lexsort((column, row))].reshape(len(rows), k)


def _rounding_bound(dimensions: int) -> float:
    """How far the float32 product of two unit vectors may lie from their cosine rounded to float32."""
    return (dimensions + 4) * 2.0**-24  # Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1


def _kth_bound(cosines: np.ndarray, k: int) -> np.ndarray:
    """A lower bound (R,) of the k-th largest cosine of each row: the k-th largest among the maxima of groups."""
    count = cosines.shape[1]
    groups = min(count, max(512, 4 * k))
    whole = count // groups * groups
    largest = cosines[:, :whole].reshape(len(cosines), -1, groups).max(axis=1)
    return np.partition(largest, groups - k, axis=1)[:, groups - k]


def _kth_largest(row: np.ndarray, value: np.ndarray, rows: int, k: int) -> np.ndarray:
    """The k-th largest value (rows,) of each row; `row` (P,) is sorted and has every row at least k times."""
    lengths = np.bincount(row, minlength=rows)
    place = np.arange(len(row)) - (np.cumsum(lengths) - lengths)[row]
    table = np.full((rows, lengths.max()), -np.inf, dtype=value.dtype)
    table[row, place] = value
    return np.partition(table, table.shape[1] - k, axis=1)[:, table.shape[1] - k]


def _nearest_of_block(unit: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """The same from all cosines in float64: for blocks full of ties."""
    result = np.empty((len(rows), k), dtype=np.int32)
    step = max(1, BLOCK_VALUES // 4 // len(unit))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        cosines = (unit[some] @ unit.T).astype(np.float32)
        cosines[np.arange(len(some)), some] = -np.inf
        limits = np.partition(cosines, len(unit) - k, axis=1)[:, len(unit) - k]
        for place, (values, limit) in enumerate(zip(cosines, limits, strict=True), start):
            above = np.flatnonzero(values > limit)
            equal = np.flatnonzero(values == limit)[: k - len(above)]
            result[place] = np.sort(np.append(above, equal))
    return result
