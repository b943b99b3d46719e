"""Noise: the asked share, nested, recorded, the same for a seed, and everything else untouched."""

import numpy as np
import pytest
from annotation_examples import annotations, one_of_each
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsevision.annotation import AnnotationError, Clicks, PointLabels, drop, mislabel, shift

PINNED_KEPT = [0, 1, 2, 6]
PINNED_LABELS = [1, 2, 1, 2, 3, 2, 1, 2]
PINNED_XY = [[7, 13], [8, 8], [7, 13]]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def row_of_points(count: int, label: int = 1) -> PointLabels:
    return PointLabels(xy=[[i, 0] for i in range(count)], labels=[label] * count, size=(3, count))


@settings(max_examples=80, deadline=None)
@given(annotations(), st.integers(0, 2**32), st.floats(0, 1), st.integers(0, 5))
def test_the_fate_of_an_item_does_not_depend_on_how_many_follow(annotation, seed, share, few):
    whole, part = (drop(each, share=share, rng=rng(seed)) for each in (annotation, annotation.take(few)))
    assert part == whole.take(len(part))
    if annotation.kind == "tracks":
        return
    whole, part = (
        mislabel(each, share=share, rng=rng(seed), classes=range(10)) for each in (annotation, annotation.take(few))
    )
    assert part == whole.take(len(part))
    assert len(whole) == len(annotation)
    if annotation.kind in ("point_labels", "clicks") and len(annotation.size) == 2:
        whole, part = (shift(each, pixels=3, rng=rng(seed)) for each in (annotation, annotation.take(few)))
        assert part == whole.take(len(part))


def test_shares_are_as_asked():
    points = row_of_points(20_000)
    assert abs(len(drop(points, share=0.3, rng=rng())) / 20_000 - 0.7) < 0.01
    noisy = mislabel(points, share=0.2, rng=rng(), classes=(0, 1, 2, 9)).labels
    counts = {label: int((noisy == label).sum()) for label in (0, 1, 2, 9)}
    assert abs(counts[1] / 20_000 - 0.8) < 0.01
    assert min(counts.values()) > 1200, "the other classes are equally likely"
    assert max(counts[0], counts[2], counts[9]) < 1470
    clicks = Clicks(xy=points.xy, positive=[True] * 20_000, size=points.size)
    assert abs(mislabel(clicks, share=0.25, rng=rng()).positive.mean() - 0.75) < 0.01


def test_no_and_full_noise():
    for annotation in one_of_each().values():
        assert drop(annotation, share=0, rng=rng()) == annotation
        assert len(drop(annotation, share=1, rng=rng())) == 0
        if annotation.kind != "tracks":
            assert mislabel(annotation, share=0, rng=rng(), classes=range(9)) == annotation
            assert (mislabel(annotation, share=1, rng=rng(), classes=range(9)).labels != annotation.labels).all()


def test_noise_is_pinned_for_a_seed():
    points = row_of_points(8)
    assert drop(points, share=0.4, rng=rng(7)).xy[:, 0].tolist() == PINNED_KEPT
    assert mislabel(points, share=0.6, rng=rng(7), classes=range(4)).labels.tolist() == PINNED_LABELS
    shifted = shift(PointLabels(xy=[[10, 10]] * 3, labels=[1] * 3, size=(20, 20)), pixels=3, rng=rng(7))
    assert shifted.xy.tolist() == PINNED_XY


def test_noise_is_recorded_and_takes_measured_seconds_along():
    points = PointLabels(xy=[[i, 0] for i in range(6)], labels=[1] * 6, size=(1, 6), meta={"seconds": [*range(6)]})
    noisy = mislabel(drop(points, share=0.5, rng=rng(3)), share=0.5, rng=rng(4), classes=(0, 1))
    assert noisy.meta["seconds"] == noisy.xy[:, 0].tolist()
    assert 0 < len(noisy) < 6
    assert [step["kind"] for step in noisy.meta["noise"]] == ["drop", "mislabel"]
    assert noisy.meta["noise"][1]["classes"] == [0, 1]
    assert noisy.meta["noise"][0]["root"] == int(rng(3).bit_generator.random_raw())


def test_points_on_one_place_share_their_fate():
    points = PointLabels(xy=[[1, 1]] * 50, labels=[2] * 50, size=(4, 4))
    for seed in range(10):
        assert len(np.unique(mislabel(points, share=0.5, rng=rng(seed), classes=range(5)).labels)) == 1


def test_labels_outside_of_the_classes_may_become_any_of_them():
    noisy = mislabel(row_of_points(4000, label=7), share=1.0, rng=rng(), classes=(0, 3)).labels
    assert set(np.unique(noisy)) == {0, 3}


def test_shifted_points_stay_near_inside_and_consistent():
    xy = [[x, y] for y in range(6) for x in range(6)]
    points = PointLabels(xy=xy, labels=[(x + y) % 2 for x, y in xy], size=(6, 6))
    shifted = shift(points, pixels=1, rng=rng(2))
    assert 18 < len(shifted) <= 36
    clicks = Clicks(xy=[[5, 5]] * 500, positive=[True] * 500, size=(11, 11))
    moved = shift(clicks, pixels=2, rng=rng()).xy - 5
    assert abs(moved).max() <= 2
    assert abs(moved.std() - 4 / 12**0.5) < 0.05
    border = shift(Clicks(xy=[[-0.5, 3]], positive=[True], size=(11, 11)), pixels=0, rng=rng())
    assert border.xy.tolist() == [[-0.5, 3]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda each: drop(each["points"], share=1.5, rng=rng()), "share: expected a number from 0 to 1, got 1.5"),
        (lambda each: drop(each["points"], share=float("nan"), rng=rng()), "share"),
        (lambda each: drop(each, share=0.5, rng=rng()), "got dict"),
        (lambda each: drop(each["points"], share=0.5, rng=5), "rng"),
        (lambda each: mislabel(each["tracks"], share=0.5, rng=rng()), "tracks have no labels"),
        (lambda each: mislabel(each["boxes"], share=0.5, rng=rng()), "at least two classes"),
        (lambda each: mislabel(each["boxes"], share=0.5, rng=rng(), classes=[1, 1]), "at least two classes"),
        (lambda each: mislabel(each["boxes"], share=0.5, rng=rng(), classes=[-1, 1]), "classes"),
        (lambda each: shift(each["cloud"], pixels=2, rng=rng()), "points of a cloud"),
        (lambda each: shift(each["boxes"], pixels=2, rng=rng()), "got Boxes"),
        (lambda each: shift(each["clicks"], pixels=-2, rng=rng()), "pixels"),
    ],
)
def test_noise_refuses(call, message):
    with pytest.raises(AnnotationError, match=message):
        call(one_of_each())
