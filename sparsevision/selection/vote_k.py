"""vote-k: points that many others resemble, spread over the data."""

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.annotation.errors import AnnotationError
from sparsevision.selection.greedy import lazy_greedy
from sparsevision.selection.neighbours import nearest, unit_rows
from sparsevision.selection.selector import checked_budget, feature_matrix, is_count, labelled_rows

DIGITS = 12  # of a score that count: sums of the same votes in another order are ties


class VoteK:
    """Every point votes for its k nearest by cosine; a vote of a voter who already got l of his points counts rho^-l.

    Su et al., "Selective annotation makes language models better few-shot learners", ICLR 2023. Without `confidence`
    this is the paper's fast form; equal scores go to the lower index. It is exact and draws nothing.

    Args:
        k: votes of each point; at most N - 1 are given.
        rho: how fast the votes of those who are served lose weight, above 1.

    Raises:
        AnnotationError: k < 1 or rho <= 1.
    """

    def __init__(self, *, k: int = 150, rho: float = 10.0) -> None:
        if not is_count(k) or not 1 < rho < np.inf:
            raise AnnotationError(f"VoteK: expected k of at least 1 and rho above 1, got k={k}, rho={rho}.")
        self.k, self.rho = int(k), float(rho)

    def select(
        self,
        features: ArrayLike,
        budget: int,
        *,
        labelled: ArrayLike | None = None,
        rng: np.random.Generator | None = None,
        confidence: ArrayLike | None = None,
    ) -> np.ndarray:
        """See `Selector.select`; `rng` is not used.

        Args:
            confidence: (N,) of a model in each row, for the full form: a tenth of the budget is chosen as in the fast
                form, the remaining rows are sorted by confidence into `budget` buckets, and the best score is taken
                from each of the least confident ones in turn. The buckets depend on the budget, so that here, and only
                here, a smaller budget is not the beginning of a larger one.
        """
        unit = unit_rows(feature_matrix(features))
        labelled = labelled_rows(labelled, len(unit))
        budget = checked_budget(budget, count=len(unit), labelled=labelled)
        sure = None if confidence is None else _confidences(confidence, len(unit))
        ballot = _Ballot(nearest(unit, self.k), self.rho, labelled)
        if sure is None:
            return ballot.best(budget)
        first = ballot.best(budget // 10) if budget >= 10 else np.zeros(0, dtype=np.int64)
        rest = np.flatnonzero(ballot.free)
        buckets = np.array_split(rest[np.argsort(sure[rest], kind="stable")], budget)
        return np.append(first, [ballot.best_of(bucket) for bucket in buckets[: budget - len(first)]])


class _Ballot:
    """Who votes for whom, what is chosen, and what the votes are worth."""

    def __init__(self, votes: np.ndarray, rho: float, labelled: np.ndarray) -> None:
        """votes (N, k): row v names the points that v votes for."""
        count, k = votes.shape
        order = np.argsort(votes.ravel(), kind="stable")
        self.voters = (order // max(k, 1)).astype(np.int32)  # of point u: voters[start[u] : start[u + 1]]
        self.start = np.append(0, np.cumsum(np.bincount(votes.ravel(), minlength=count)))
        self.served = np.zeros(count, dtype=np.int64)  # how many points of v are chosen; k + 1 once v itself is
        self.worth = np.append(rho ** -np.arange(k + 1.0), 0.0)
        self.free = np.ones(count, dtype=bool)
        for index in labelled:
            self.choose(index)

    def best(self, budget: int) -> np.ndarray:
        """Choose the `budget` best in turn."""
        bounds = np.where(self.free, np.diff(self.start).astype(float), -np.inf)
        return lazy_greedy(bounds, budget, gain=self.score, choose=self.choose)

    def best_of(self, bucket: np.ndarray) -> int:
        """Choose the best of some indices."""
        best = min(bucket.tolist(), key=lambda index: (-self.score(index), index))
        self.choose(best)
        return best

    def score(self, index: int) -> float:
        """Sum of rho^-served over the voters of a point that are not chosen themselves."""
        served = np.bincount(self.served[self._voters(index)], minlength=len(self.worth))
        return float(f"{(served * self.worth).sum():.{DIGITS}g}")

    def choose(self, index: int) -> None:
        """The point's voters are served once more, and it votes no longer."""
        voters = self._voters(index)
        self.served[voters] = np.minimum(self.served[voters] + 1, len(self.worth) - 1)
        self.served[index] = len(self.worth) - 1
        self.free[index] = False

    def _voters(self, index: int) -> np.ndarray:
        return self.voters[self.start[index] : self.start[index + 1]]


def _confidences(confidence: ArrayLike, count: int) -> np.ndarray:
    array = np.asarray(confidence)
    if array.shape != (count,) or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise AnnotationError(
            f"confidence: expected {count} finite numbers, one a row, got {array.dtype} of shape {array.shape}."
        )
    return array
