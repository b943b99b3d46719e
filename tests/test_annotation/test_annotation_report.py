"""The budget report: counts against a slow referee, objects and classes, prefixes of a budget, hostile files."""

from dataclasses import replace

import numpy as np
import pytest
from annotation_examples import blobs, class_maps, one_of_each
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sparsevision.annotation import (
    AnnotationError,
    Boxes,
    Clicks,
    CostModel,
    PointLabels,
    annotation_cost,
    mislabel,
    simulate_boxes,
    simulate_points,
    simulate_scribbles,
)
from sparsevision.annotation.report import budget_steps, item_table, object_count, report_rows


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def touched_objects(labels: np.ndarray, truth: np.ndarray, classes) -> int:
    """Components of these classes with a rightly labelled pixel, the slow way."""
    total = 0
    for label in classes:
        parts, count = ndimage.label(truth == label, structure=np.ones((3, 3)))
        total += sum(bool((labels[parts == part] == label).any()) for part in range(1, count + 1))
    return total


@settings(max_examples=50, deadline=None)
@given(class_maps(), st.integers(0, 2**32), st.sampled_from(["points", "scribbles", "boxes"]), st.booleans())
def test_rows_equal_a_slow_count(truth, seed, kind, noisy):
    simulate = {"points": simulate_points, "scribbles": simulate_scribbles, "boxes": simulate_boxes}[kind]
    made = simulate(truth, rng=rng(seed), per_class=3, ignore_index=255)
    if noisy:
        made = mislabel(made, share=0.5, classes=range(4), rng=rng(seed))
    rows = report_rows({"a": item_table(made, truth=truth, ignore_index=255)})
    labels = made.densify(-1)
    known = (labels >= 0) & (truth != 255)
    for row in rows[:-1]:
        own = labels == row.label
        assert row.pixels == own.sum()
        assert row.count == (made.labels == row.label).sum()
        assert row.right_share == (
            (own & (truth == row.label)).sum() / (own & known).sum() if own.any() and (own & known).any() else None
        )
        assert row.objects_touched == touched_objects(labels, truth, [row.label])
        assert row.objects == ndimage.label(truth == row.label, structure=np.ones((3, 3)))[1]
    total = rows[-1]
    assert total.pixels == (labels >= 0).sum()
    assert total.pixel_share == total.pixels / truth.size
    assert total.objects_touched == touched_objects(labels, truth, np.setdiff1d(truth, (0, 255)))
    assert total.modelled_seconds == pytest.approx(annotation_cost(made))


@settings(max_examples=30, deadline=None)
@given(class_maps(), st.integers(0, 2**32))
def test_steps_are_what_the_prefixes_bought(truth, seed):
    points = simulate_points(truth, rng=rng(seed), per_class=4, ignore_index=255, per_component=True)
    steps = budget_steps({"a": item_table(points, truth=truth, ignore_index=255)})
    assert not len(points) or steps[-1].turns == len(points)
    for step in steps:
        part = points.take(step.turns)
        rows = report_rows({"a": item_table(part, truth=truth, ignore_index=255)})
        assert step.seconds == pytest.approx(annotation_cost(part))
        assert step.pixel_share == rows[-1].pixel_share
        assert step.right_share == rows[-1].right_share
        if rows[-1].objects:
            assert step.object_share == rows[-1].objects_touched / rows[-1].objects


def test_every_type_is_counted_and_the_classes_of_clicks_are_their_objects():
    each = one_of_each()
    cloud = each.pop("cloud")
    each["clicks"] = replace(each["clicks"], meta={"label": 5, "seconds": [1.0, 2.5]})
    rows = report_rows({"a": item_table(each), "b": item_table([cloud])})
    found = {(row.kind, row.label): row for row in rows}
    assert set(found) == {
        *(("point_labels", label) for label in (0, 1, 2, 5)),
        *(("scribbles", label) for label in (0, 1)),
        *(("boxes", label) for label in (0, 7)),
        ("clicks", 5),
        ("tracks", None),
        ("all", None),
    }
    assert found["clicks", 5].measured_seconds == 3.5
    assert (found["tracks", None].count, found["tracks", None].pixels) == (2, 0)
    assert found["all", None].count == 14
    assert found["all", None].right_share is None
    assert (found["all", None].measured_seconds, found["all", None].measured_items) == (3.5, 2)
    assert found["point_labels", 1].images == 1


def test_negative_clicks_are_right_outside_of_their_object():
    truth = blobs()
    clicks = Clicks(xy=[[14, 14], [40, 20], [15, 14]], positive=[True, False, False], size=truth.shape)
    (row, _) = report_rows({"a": item_table(clicks, truth=truth, ignore_index=255)})
    assert row.right_share == pytest.approx(2 / 3)
    assert (row.objects_touched, row.objects) == (1, 2)


def test_objects_touched_by_two_types_count_once_in_all():
    truth = blobs()
    points = simulate_points(truth, rng=rng(), ignore_index=255, per_component=True)
    boxes = simulate_boxes(truth, rng=rng(), ignore_index=255)
    table = item_table({"points": points, "boxes": boxes}, truth=truth, ignore_index=255)
    total = report_rows({"a": table})[-1]
    assert (total.objects_touched, total.objects) == (3, 3)
    assert object_count({"a": table, "b": table}, 1) == 4
    assert budget_steps({"a": table})[-1].object_share == 1


def test_small_boxes_lie_on_large_ones():
    boxes = Boxes(xyxy=[[2, 2, 4, 4], [0, 0, 10, 10]], labels=[1, 2], size=(10, 10))
    assert item_table(boxes).pixels.tolist() == [4, 96]


def test_nothing_gives_an_empty_report():
    assert report_rows({})[-1].count == 0
    assert budget_steps({}) == []
    empty = PointLabels(xy=[], labels=[], size=(4, 4))
    assert report_rows({"a": item_table(empty)})[-1].pixel_share == 0


@pytest.mark.parametrize(
    ("annotation", "truth", "message"),
    [
        (one_of_each()["boxes"], np.zeros((3, 3), int), r"a: made on \(48, 64\), but the truth has shape \(3, 3\)"),
        (replace(one_of_each()["clicks"], meta={"label": "cat"}), None, "a: Clicks.meta.label: expected a class id"),
        (replace(one_of_each()["clicks"], meta={"seconds": [1]}), None, "a: Clicks.meta.seconds: expected a list of 2"),
        (one_of_each()["boxes"], np.zeros((48, 64)), "truth: expected class ids"),
    ],
)
def test_what_does_not_fit_is_named(annotation, truth, message):
    with pytest.raises(AnnotationError, match=message):
        item_table({"a": annotation}, truth=truth, model=CostModel())


@pytest.mark.parametrize("place", [{"xy": [[1, 1]], "size": (2**20, 2**20)}, {"indices": [1], "size": (2**32,)}])
def test_a_size_that_no_memory_holds_is_refused(place):
    points = PointLabels(labels=[1], **place)
    with pytest.raises(AnnotationError, match=r"^huge: PointLabels\.size: .* too many for a dense map"):
        item_table({"huge": points})
    with pytest.raises(AnnotationError, match=r"^PointLabels\.size: .* too many for a dense map"):
        points.densify(255)
