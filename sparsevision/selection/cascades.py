"""The independent cascade on a graph, sampled as live-edge graphs; what each node reaches in them.

A cascade from u activates v in one sample exactly if v can be reached from u over edges that are live there, each with
its own probability (Kempe, Kleinberg and Tardos, "Maximizing the spread of influence through a social network", KDD
2003).
"""

from collections.abc import Iterator

import numpy as np

from sparsevision.annotation import random_keys
from sparsevision.annotation.errors import AnnotationError

SEEN_VALUES = 2**27  # marks of one block of sources: 128 MiB


def influence_graph(targets: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """Probabilities p(u, v) = cos(u, v) / sum over targets w of cos(u, w), float64 (N, k).

    Negative cosines count as 0; where all are 0 nothing is passed on. `targets` and `cosines` are (N, k).
    """
    weight = np.maximum(cosines.astype(np.float64), 0)
    total = weight.sum(axis=1, keepdims=True) if targets.size else np.ones((len(targets), 1))
    return np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)


class LiveEdges:
    """`graphs` samples of which edges are live, as one graph whose node r * N + v is node v in sample r.

    Args:
        targets: (N, k) heads of the edges out of each node.
        probabilities: (N, k) that an edge is live.
        graphs: number of samples R.
        root: number that names the samples, see `random_keys`.
    """

    def __init__(self, targets: np.ndarray, probabilities: np.ndarray, *, graphs: int, root: int) -> None:
        self.count, self.graphs = len(targets), graphs
        heads, degrees = [], []
        for graph in range(graphs):
            coins = random_keys.keys(root, graph, count=targets.size).reshape(targets.shape)
            live = random_keys.unit_numbers(coins) < probabilities
            heads.append(targets[live].astype(np.int32))
            degrees.append(np.count_nonzero(live, axis=1))
        self.heads = np.concatenate(heads)
        self.degree = np.concatenate(degrees)
        self.start = np.cumsum(self.degree) - self.degree

    def reached(self, *, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """What each node reaches, itself included: (start (N + 1,), places (sum,) int32 = r * N + v, ascending).

        Those of node u are places[start[u] : start[u + 1]].

        Args:
            limit: refuse to hold more places than this.

        Raises:
            AnnotationError: there are more; says what to do.
        """
        parts, lengths, held = [], [], 0
        for sources, places in self._blocks():
            held += len(places)
            if held > limit:
                raise AnnotationError(
                    f"IDEAL: the first {sources[-1] + 1} of {self.count} nodes reach more than {limit} places in "
                    f"{self.graphs} sampled graphs, too many to keep; take fewer graphs, or raise max_places "
                    "(4 bytes each)."
                )
            parts.append((places % (self.graphs * self.count)).astype(np.int32))
            lengths.append(np.bincount(places // (self.graphs * self.count), minlength=len(sources)))
        return np.append(0, np.cumsum(np.concatenate(lengths))), np.concatenate(parts)

    def _blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Blocks of sources with sorted numbers s * R * N + place for the s-th source of the block."""
        nodes = self.graphs * self.count
        height = max(1, SEEN_VALUES // nodes)
        seen = np.zeros(min(height, self.count) * nodes, dtype=bool)
        for first in range(0, self.count, height):
            sources = np.arange(first, min(first + height, self.count))
            copies = sources[:, None] + np.arange(self.graphs) * self.count
            seeds = (np.arange(len(sources))[:, None] * nodes + copies).ravel()
            yield sources, self._closure(seeds, seen)

    def _closure(self, seeds: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """All that the seeds reach, sorted; `seen` is false everywhere before and after."""
        nodes = self.graphs * self.count
        seen[seeds] = True
        found, frontier = [seeds], seeds
        while frontier.size:
            fresh = self._successors(frontier, nodes)
            fresh = np.unique(fresh[~seen[fresh]])
            seen[fresh] = True
            found.append(fresh)
            frontier = fresh
        everything = np.concatenate(found)
        seen[everything] = False
        return np.sort(everything)

    def _successors(self, frontier: np.ndarray, nodes: int) -> np.ndarray:
        """Heads of all live edges out of places (F,) of a block, in the same numbering."""
        place = frontier % nodes
        first, degree = self.start[place], self.degree[place]
        base = np.repeat(frontier - place % self.count, degree)
        within = np.arange(len(base)) - np.repeat(np.cumsum(degree) - degree, degree)
        return base + self.heads[np.repeat(first, degree) + within]
