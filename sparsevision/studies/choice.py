"""What each selector chooses for every budget: nested, so that a larger budget keeps what a smaller one annotated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.apis.selectors import NAMES, build_selector
from sparsevision.selection import Selector, VoteK
from sparsevision.studies.task import StudyTask
from sparsevision.utils import UserError

MODEL_BASED = "uncertainty"
DRAWS = ("random", "ideal", MODEL_BASED)  # whose choice depends on the seed; that of the others is the same for all


@dataclass(frozen=True)
class NamedSelector:
    """A selector as the command line gives it: "vote_k", or "vote_k:k=20". `text` is its label."""

    text: str

    @property
    def name(self) -> str:
        """Without options."""
        return self.text.partition(":")[0]

    def built(self, pool: int) -> Selector:
        """For a pool of so many units. Raises: UserError for an unknown selector or option.

        vote-k without an option takes k = pool / 16 (3 to 150): the published 150 is more than small pools hold.
        """
        options = [option for option in self.text.partition(":")[2].split(":") if option]
        if self.name == "vote_k" and not options:
            return VoteK(k=int(np.clip(pool // 16, 3, 150)))
        return build_selector(self.name, options)


def named_selectors(words: Sequence[str]) -> list[NamedSelector]:
    """From words with commas or without; each is checked.

    Raises:
        UserError: an unknown selector (with the closest name), one given twice, or none.
    """
    texts = [text for word in words for text in word.split(",") if text]
    if not texts:
        raise UserError(f"--selectors names none; known: {', '.join(NAMES)}.")
    if len(set(texts)) < len(texts):
        raise UserError("--selectors names one twice.")
    selectors = [NamedSelector(text) for text in texts]
    for selector in selectors:
        selector.built(100)
    return selectors


def choose(
    task: StudyTask, selector: NamedSelector, features: np.ndarray, budgets: Sequence[int], *, seed: int
) -> Mapping[int, list[str]]:
    """Names of the chosen units for each budget, in every group of the task.

    features: (N, D), one row a unit. The first of the larger budget are the smaller one.
    """
    first = task.first
    chosen: dict[int, list[str]] = {budget: [] for budget in budgets}
    for number, group in enumerate(task.groups):
        rng = np.random.default_rng((seed, number))
        fixed = [int(np.flatnonzero(group == row)[0]) for row in first if row in group]
        order = _order(selector, features[group], max(budgets), fixed, rng)
        for budget in budgets:
            chosen[budget] += [task.names[group[row]] for row in order[:budget]]
    return chosen


def _order(
    selector: NamedSelector, features: np.ndarray, budget: int, fixed: list[int], rng: np.random.Generator
) -> list[int]:
    if budget <= len(fixed):
        return fixed[:budget]
    rest = selector.built(len(features)).select(features, budget - len(fixed), labelled=fixed or None, rng=rng)
    return [*fixed, *rest.tolist()]


def choose_uncertain(
    task: StudyTask,
    selector: NamedSelector,
    probabilities: np.ndarray,
    budget: int,
    *,
    before: Sequence[str],
    seed: int,
) -> list[str]:
    """What was chosen before, and in each group the least certain units until the budget is reached."""
    taken = task.rows(before)
    chosen = list(before)
    for number, group in enumerate(task.groups):
        done = np.flatnonzero(np.isin(group, taken))
        more = budget - len(done)
        if more > 0:
            rng = np.random.default_rng((seed, number, budget))
            rows = selector.built(len(group)).select(probabilities[group], more, labelled=done, rng=rng)
            chosen += [task.names[group[row]] for row in rows]
    return chosen


def check_budgets(task: StudyTask, budgets: Sequence[int], *, name: str) -> None:
    """Raises UserError for a budget that the pool of this config cannot fill."""
    if max(budgets) > task.largest_budget:
        raise UserError(
            f"--budgets {max(budgets)}: {name} has {task.largest_budget} {task.unit} to choose from; give at most that."
        )


def features_of(task: StudyTask, selectors: Sequence[NamedSelector], cache: Path) -> np.ndarray:
    """The task's features, or, where only random choices are asked for, a column of zeros."""
    if all(selector.name in ("random", MODEL_BASED) for selector in selectors):
        return np.zeros((len(task.names), 1))
    cache.mkdir(parents=True, exist_ok=True)
    return task.features(cache)
