"""Random choice: the baseline that every other selector has to beat."""

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.annotation import random_keys
from sparsevision.selection.selector import checked_budget, feature_matrix, labelled_rows


class Random:
    """Uniform without replacement, the same on every platform for a seed."""

    def select(
        self,
        features: ArrayLike,
        budget: int,
        *,
        labelled: ArrayLike | None = None,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """See `Selector.select`; of the features only their number counts."""
        count = len(feature_matrix(features))
        labelled = labelled_rows(labelled, count)
        budget = checked_budget(budget, count=count, labelled=labelled)
        order = np.argsort(random_keys.keys(random_keys.draw_root(rng), count=count), kind="stable")
        return order[~np.isin(order, labelled)][:budget]
