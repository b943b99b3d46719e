"""k-center: every point close to a chosen one."""

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.selection.selector import checked_budget, feature_matrix, labelled_rows

BLOCK_VALUES = 2**17  # differences of one block: 1 MiB, stays in the cache


class KCenter:
    """Greedy farthest point: start at the point closest to the mean, add the point farthest from all chosen.

    Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985: never more than twice the best radius.
    Distances are Euclidean, summed in float64 and compared as float32; equal ones go to the lower index. With labelled
    rows these are where it starts. It draws nothing.
    """

    def select(
        self,
        features: ArrayLike,
        budget: int,
        *,
        labelled: ArrayLike | None = None,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """See `Selector.select`; `rng` is not used."""
        points = feature_matrix(features)
        labelled = labelled_rows(labelled, len(points))
        budget = checked_budget(budget, count=len(points), labelled=labelled)
        points = points / (np.abs(points).max() or 1)
        gap = np.full(len(points), np.inf, dtype=np.float32)
        for index in labelled:
            np.minimum(gap, squared_distances(points, points[index]), out=gap)
        if not labelled.size:
            gap = -squared_distances(points, points.mean(axis=0))
        chosen: list[int] = []
        while len(chosen) < budget:
            gap[labelled], gap[chosen] = -np.inf, -np.inf
            chosen.append(int(np.argmax(gap)))
            near = squared_distances(points, points[chosen[-1]])
            gap = near if len(chosen) == 1 and not labelled.size else np.minimum(gap, near)
        return np.array(chosen, dtype=np.int64)


def squared_distances(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Squared Euclidean distance float32 (N,) of each of points (N, D) from centre (D,)."""
    result = np.empty(len(points), dtype=np.float32)
    step = max(1, BLOCK_VALUES // points.shape[1])
    for start in range(0, len(points), step):
        difference = points[start : start + step] - centre
        result[start : start + step] = np.einsum("nd,nd->n", difference, difference)
    return result
