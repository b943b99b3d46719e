"""Greedy choice where gains only shrink: a stale gain is an upper bound, so few have to be computed anew."""

import heapq
from collections.abc import Callable

import numpy as np


def lazy_greedy(
    bounds: np.ndarray, budget: int, *, gain: Callable[[int], float], choose: Callable[[int], None]
) -> np.ndarray:
    """Indices (budget,) by largest gain, the lower index where gains are equal.

    Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978.

    Args:
        bounds: (N,) no less than the gains at the start; -inf for what must not be chosen.
        gain: of an index, given what `choose` was called with so far; never grows.
        choose: told of every choice.
    """
    heap = [(-float(bound), index) for index, bound in enumerate(bounds) if bound > -np.inf]
    heapq.heapify(heap)
    chosen: list[int] = []
    while len(chosen) < budget:
        _, index = heapq.heappop(heap)
        candidate = (-gain(index), index)
        if heap and candidate > heap[0]:
            heapq.heappush(heap, candidate)
            continue
        choose(index)
        chosen.append(index)
    return np.array(chosen, dtype=np.int64)
