"""IDEAL: the points from which influence spreads furthest over the graph of neighbours."""

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.annotation import random_keys
from sparsevision.annotation.errors import AnnotationError
from sparsevision.selection.cascades import LiveEdges, influence_graph
from sparsevision.selection.greedy import lazy_greedy
from sparsevision.selection.neighbours import nearest, pair_cosines, unit_rows
from sparsevision.selection.selector import checked_budget, feature_matrix, is_count, labelled_rows


class IDEAL:
    """Greedy choice of the set whose independent cascade activates most points.

    Zhang et al., "IDEAL: Influence-driven selective annotations empower in-context learners", ICLR 2024. Edges lead
    from each point to its k nearest by cosine, with p(u, v) = cos(u, v) / sum of the cosines of u (negative ones count
    as 0). The influence is averaged over sampled live-edge graphs, in which greedy maximum coverage by the reachable
    sets gives the usual 1 - 1/e; equal gains go to the lower index. The first choice is the best single point.

    Args:
        k: edges out of each point; at most N - 1.
        graphs: sampled live-edge graphs; the more, the less the estimate depends on the seed.
        max_places: how many (sample, point) places may be kept in memory, 4 bytes each.

    Raises:
        AnnotationError: a number below 1; when selecting, more places than `max_places`.
    """

    def __init__(self, *, k: int = 10, graphs: int = 32, max_places: int = 400_000_000) -> None:
        if not all(map(is_count, (k, graphs, max_places))):
            raise AnnotationError(
                "IDEAL: k, graphs and max_places are at least 1 and whole, got "
                f"k={k}, graphs={graphs}, max_places={max_places}."
            )
        self.k, self.graphs, self.max_places = int(k), int(graphs), int(max_places)

    def select(
        self,
        features: ArrayLike,
        budget: int,
        *,
        labelled: ArrayLike | None = None,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """See `Selector.select`. What the labelled rows influence counts as reached."""
        unit = unit_rows(feature_matrix(features))
        labelled = labelled_rows(labelled, len(unit))
        budget = checked_budget(budget, count=len(unit), labelled=labelled)
        root = random_keys.draw_root(rng)
        targets = nearest(unit, self.k)
        cosines = pair_cosines(unit, np.repeat(np.arange(len(unit)), targets.shape[1]), targets.ravel())
        probabilities = influence_graph(targets, cosines.reshape(targets.shape))
        edges = LiveEdges(targets, probabilities, graphs=self.graphs, root=root)
        return _widest_cover(*edges.reached(limit=self.max_places), budget, labelled)


def _widest_cover(start: np.ndarray, places: np.ndarray, budget: int, labelled: np.ndarray) -> np.ndarray:
    """Greedy maximum coverage, (budget,). Set u is places[start[u] : start[u + 1]]; `labelled` sets are in already."""
    covered = np.zeros(int(places.max()) + 1, dtype=bool)

    def gain(index: int) -> float:
        part = places[start[index] : start[index + 1]]
        return len(part) - float(np.count_nonzero(covered[part]))

    def choose(index: int) -> None:
        covered[places[start[index] : start[index + 1]]] = True

    for index in labelled:
        choose(index)
    bounds = np.diff(start).astype(float)
    bounds[labelled] = -np.inf
    return lazy_greedy(bounds, budget, gain=gain, choose=choose)
