"""What every selector promises, and the checks of what it is given."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.annotation.errors import AnnotationError


@runtime_checkable
class Selector(Protocol):
    """Chooses rows of a feature matrix. The first b of the answer for a larger budget are the answer for budget b."""

    def select(
        self,
        features: ArrayLike,
        budget: int,
        *,
        labelled: ArrayLike | None = None,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """Indices (budget,) int64, best first, all different and none of them labelled.

        Args:
            features: (N, D) finite numbers.
            budget: how many, from 1 to the number of rows that are not labelled.
            labelled: indices of rows that have their annotation already.
            rng: for selectors that draw; one raw number is taken.

        Raises:
            AnnotationError: an argument is not like this.
        """


def feature_matrix(features: ArrayLike, *, field: str = "features") -> np.ndarray:
    """Finite numbers (N, D) as float64. Raises: AnnotationError with the row that is not finite."""
    array = np.asarray(features)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "iuf":
        raise AnnotationError(
            f"{field}: expected numbers of shape (N, D), one row a sample, got {array.dtype} of shape {array.shape}."
        )
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise AnnotationError(
            f"{field}: {np.count_nonzero(~finite)} of {len(array)} rows hold NaN or infinity, the first is row "
            f"{np.argmin(finite)}; leave these samples out, or mend what computed the features."
        )
    return np.ascontiguousarray(array, dtype=np.float64)


def labelled_rows(labelled: ArrayLike | None, count: int) -> np.ndarray:
    """The labelled indices, sorted and without repeats, (L,) int64; each from 0 to count - 1."""
    array = np.asarray([] if labelled is None else labelled)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise AnnotationError(
            f"labelled: expected indices of shape (L,), got {array.dtype} of shape {array.shape}; "
            "turn a mask into indices with numpy.flatnonzero."
        )
    outside = array[(array < 0) | (array >= count)]
    if outside.size:
        raise AnnotationError(f"labelled: there is no row {outside[0]}; the rows are 0 to {count - 1}.")
    return np.unique(array).astype(np.int64)


def is_count(value: Any) -> bool:
    """True for a whole number of at least 1."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1


def checked_budget(budget: Any, *, count: int, labelled: np.ndarray) -> int:
    """The budget as an int from 1 to the number of rows that are not labelled."""
    free = count - len(labelled)
    if not is_count(budget) or budget > free:
        without = f" without the {len(labelled)} labelled ones" if len(labelled) else ""
        raise AnnotationError(
            f"budget: expected a whole number from 1 to {free} (there are {count} rows{without}), got {budget!r:.40}."
        )
    return int(budget)
