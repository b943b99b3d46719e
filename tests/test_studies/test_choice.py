"""Choices are nested, as large as asked for, and the same for the same seed."""

import numpy as np
import pytest
import torch

from sparsevision.selection import VoteK
from sparsevision.studies.choice import check_budgets, choose, choose_uncertain, features_of, named_selectors
from sparsevision.studies.task import margins, two_way
from sparsevision.utils import UserError


class Blobs:
    """Thirty units in two groups."""

    unit, largest_budget = "points", 15
    names = [f"u{row}" for row in range(30)]  # noqa: RUF012
    groups = [np.arange(15), np.arange(15, 30)]  # noqa: RUF012
    first: list[int] = []  # noqa: RUF012

    def features(self, cache):
        return np.random.default_rng(0).standard_normal((30, 4))

    def rows(self, chosen):
        return np.array([self.names.index(name) for name in chosen], dtype=np.int64)


@pytest.mark.parametrize("text", ["random", "k_center", "vote_k", "vote_k:k=5", "ideal:k=4:graphs=8"])
def test_a_smaller_budget_is_part_of_a_larger_one(text, tmp_path):
    (selector,) = named_selectors([text])
    features = Blobs().features(tmp_path)
    chosen = choose(Blobs(), selector, features, [2, 4, 8], seed=1)
    assert [len(set(chosen[budget])) for budget in (2, 4, 8)] == [4, 8, 16], "a budget in each of two groups"
    assert set(chosen[2]) < set(chosen[4]) < set(chosen[8])
    assert chosen == choose(Blobs(), selector, features, [2, 4, 8], seed=1)


def test_seeds_change_what_is_drawn_and_nothing_else(tmp_path):
    features = Blobs().features(tmp_path)
    for text, same in (("random", False), ("k_center", True)):
        (selector,) = named_selectors([text])
        one, two = (choose(Blobs(), selector, features, [4], seed=seed)[4] for seed in (0, 1))
        assert (one == two) is same


def test_every_choice_begins_with_the_fixed_units(tmp_path):
    task = Blobs()
    task.first = [20]
    (selector,) = named_selectors(["k_center"])
    chosen = choose(task, selector, task.features(tmp_path), [1, 3], seed=0)
    assert "u20" in chosen[1]
    assert "u20" in chosen[3]
    assert len(chosen[1]) == 2


def test_the_least_certain_are_added_to_what_was_chosen():
    table = two_way(np.linspace(1, 0, 30))
    (selector,) = named_selectors(["uncertainty"])
    chosen = choose_uncertain(Blobs(), selector, table, 3, before=["u0", "u29"], seed=0)
    assert chosen == ["u0", "u29", "u14", "u13", "u28", "u27"]


def test_margins_and_their_rows():
    scores = np.array([[[0.7], [0.2], [0.1]]])

    assert margins(torch.from_numpy(scores)).item() == pytest.approx(0.5)
    np.testing.assert_allclose(two_way(np.array([0.5, 0.0])), [[0.75, 0.25], [0.5, 0.5]])


def test_vote_k_takes_a_k_that_suits_the_pool():
    (selector,) = named_selectors(["vote_k"])
    assert isinstance(selector.built(320), VoteK)
    assert [selector.built(pool).k for pool in (10, 320, 50_000)] == [3, 20, 150]


def test_random_alone_needs_no_features(tmp_path):
    assert features_of(Blobs(), named_selectors(["random,uncertainty"]), tmp_path).shape == (30, 1)
    assert features_of(Blobs(), named_selectors(["k_center"]), tmp_path).shape == (30, 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["k_centre"], "Did you mean 'k_center'"),
        (["random", "random"], "twice"),
        ([","], "names none"),
        (["vote_k:q=3"], "has no option 'q'"),
    ],
)
def test_wrong_selectors_are_named(words, message):
    with pytest.raises(UserError, match=message):
        named_selectors(words)


def test_a_budget_above_the_pool_is_refused():
    with pytest.raises(UserError, match="has 15 points to choose from"):
        check_budgets(Blobs(), [2, 16], name="blobs")
