"""Uncertainty: what a model that is there already knows least about."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.annotation import random_keys
from sparsevision.annotation.errors import AnnotationError
from sparsevision.selection.selector import checked_budget, feature_matrix, labelled_rows

SUM_TOLERANCE = 1e-3  # of a row of probabilities, which may come from half precision


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Shannon entropy (N,) in nats of probabilities (N, C), each row sorted; 0 log 0 is 0."""
    logarithm = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return -(probabilities * logarithm).sum(axis=1)


def margin(probabilities: np.ndarray) -> np.ndarray:
    """1 - (best - second best) (N,) of probabilities (N, C) that ascend in each row."""
    second = probabilities[:, -2] if probabilities.shape[1] > 1 else 0
    return 1 - (probabilities[:, -1] - second)


def least_confidence(probabilities: np.ndarray) -> np.ndarray:
    """1 - best (N,) of probabilities (N, C) that ascend in each row."""
    return 1 - probabilities[:, -1]


class Uncertainty:
    """The rows whose predicted probabilities are least certain; ties are broken by the generator.

    Settles, "Active learning literature survey", 2009, section 3.1. It looks at each row alone: near duplicates are all
    chosen together.

    Args:
        measure: probabilities (N, C), ascending in each row -> uncertainty (N,), larger is less certain: `entropy`,
            `margin`, `least_confidence` or your own.
    """

    def __init__(self, *, measure: Callable[[np.ndarray], np.ndarray] = entropy) -> None:
        self.measure = measure

    def select(
        self,
        probabilities: ArrayLike,
        budget: int,
        *,
        labelled: ArrayLike | None = None,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """See `Selector.select`; probabilities (N, C) take the place of features, each row sums to 1."""
        table = _probability_table(probabilities)
        labelled = labelled_rows(labelled, len(table))
        budget = checked_budget(budget, count=len(table), labelled=labelled)
        score = self.measure(np.sort(table, axis=1)).astype(np.float32)  # sorted: permuted rows are exact ties
        score[labelled] = -np.inf
        tie = random_keys.keys(random_keys.draw_root(rng), count=len(table))
        return np.lexsort((tie, -score))[:budget]


def _probability_table(probabilities: ArrayLike) -> np.ndarray:
    table = feature_matrix(probabilities, field="probabilities")
    bad = np.flatnonzero((table < 0).any(axis=1) | (np.abs(table.sum(axis=1) - 1) > SUM_TOLERANCE))
    if bad.size:
        raise AnnotationError(
            f"probabilities: row {bad[0]} has sum {table[bad[0]].sum():.4g} and smallest value "
            f"{table[bad[0]].min():.4g}; expected numbers from 0 to 1 that sum to 1 (take the softmax of logits first)."
        )
    return table
