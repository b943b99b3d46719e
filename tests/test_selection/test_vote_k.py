"""vote-k on graphs worked out by hand, and against the formula in exact fractions."""

import numpy as np
import pytest
from slow_selectors import CIRCLE, blobs, hostile, on_circle, slow_vote_k

from sparsevision.annotation import AnnotationError
from sparsevision.selection import VoteK


def test_by_hand_one_vote_each():
    # 0 -> 10, 10 -> 0 (10 degrees, not 11), 21 -> 10, 90 -> 100, 100 -> 90.
    # Votes: point 1 has two (of 0 and 2), points 0, 3 and 4 have one. Choose 1: it votes no longer, so 0 has none left.
    # Points 3 and 4 tie at 1: 3. Now 4 has none left; 0, 2 and 4 tie at 0.
    assert VoteK(k=1).select(on_circle([0, 10, 21, 90, 100]), 5).tolist() == [1, 3, 0, 2, 4]


def test_by_hand_two_votes_each():
    # Voters of 0: {1}, of 1: {0, 2, 3}, of 2: {0, 1, 3}, of 3: {2, 4, 5}, of 4: {5}, of 5: {4}.
    # 1, 2, 3 tie at 3 votes: choose 1. Its voters 0, 2, 3 are worth 0.1 now.
    # Scores 0: 0, 2: 0.1 + 0.1, 3: 0.1 + 1 + 1, 4: 1, 5: 1: choose 3. Voter 2 is worth 0.01, voters 4 and 5 0.1.
    # Scores 0: 0, 2: 0.1 (of 0), 4: 0.1, 5: 0.1: choose 2, the lowest. Then 4 (0.1); 0 and 5 have no voter left.
    points = on_circle(CIRCLE)
    assert VoteK(k=2).select(points, 6).tolist() == [1, 3, 2, 4, 0, 5]
    assert VoteK(k=2).select(points, 3, labelled=[1]).tolist() == [3, 2, 4]


def test_by_hand_full_form():
    # Nothing is chosen by the fast form at a budget of 2. Confidence sorts the points as 5, 4, 0 | 1, 2, 3. The best of
    # the first bucket is 0, 4 or 5 with one vote each: 0. Then 0 votes no longer and its voter 1 is worth 0.1: of
    # the second bucket 1 has 2 votes left (of 2 and 3), 2 has 1.1 (of 3 and 1), 3 has 3.
    confidence = [0.3, 0.5, 0.6, 0.7, 0.2, 0.1]
    assert VoteK(k=2).select(on_circle(CIRCLE), 2, confidence=confidence).tolist() == [0, 3]


def test_full_form_starts_with_a_tenth_and_takes_one_from_each_unsure_bucket():
    points, _ = blobs(0)
    sure = np.random.default_rng(1).random(400)
    chosen = VoteK(k=20).select(points, 40, confidence=sure)
    assert chosen[:4].tolist() == VoteK(k=20).select(points, 4).tolist()
    rest = np.setdiff1d(np.arange(400), chosen[:4])
    buckets = np.array_split(rest[np.argsort(sure[rest])], 40)
    assert all(index in bucket for index, bucket in zip(chosen[4:], buckets, strict=False))
    assert len(set(chosen.tolist())) == 40


@pytest.mark.parametrize("labelled", [(), (2, 9, 21)])
@pytest.mark.parametrize(("k", "rho"), [(1, 10), (4, 10), (4, 2), (11, 3), (200, 10)])
def test_it_is_the_formula(k, rho, labelled, rng):
    points = hostile(rng, 45, 3)
    chosen = VoteK(k=k, rho=rho).select(points, 30, labelled=list(labelled))
    assert chosen.tolist() == slow_vote_k(points, 30, k=k, rho=rho, labelled=labelled)


def test_duplicates_do_not_hide_each_other():
    points = np.repeat(on_circle([0, 90]), [5, 3], axis=0)
    # Each of the five votes for the two lowest others: 0 and 1 have four votes, 2 has two. The three vote for each
    # other: two votes each. After 0, its voters are worth 0.1, so 5 is best (2); after 5, 1 has 0.3, 6 and 7 0.1.
    assert VoteK(k=2).select(points, 3).tolist() == slow_vote_k(points, 3, k=2) == [0, 5, 1]


def test_a_smaller_budget_is_the_beginning_of_a_larger_one():
    points, _ = blobs(3)
    assert VoteK(k=20).select(points, 60)[:25].tolist() == VoteK(k=20).select(points, 25).tolist()


@pytest.mark.parametrize(
    "options", [{"k": 0}, {"k": 2.5}, {"k": 1e400}, {"rho": 1}, {"rho": 1e400}, {"rho": float("nan")}]
)
def test_wrong_options(options):
    with pytest.raises(AnnotationError, match="VoteK: expected k of at least 1 and rho above 1"):
        VoteK(**options)


@pytest.mark.parametrize("confidence", [[0.5], [0.5, np.nan, 1, 1, 1, 1], ["a"] * 6])
def test_wrong_confidence(confidence):
    with pytest.raises(AnnotationError, match="confidence: expected 6 finite numbers"):
        VoteK().select(on_circle(CIRCLE), 2, confidence=confidence)
