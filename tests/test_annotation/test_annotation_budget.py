"""What annotations cost."""

from dataclasses import replace

import pytest
from annotation_examples import one_of_each

from sparsevision.annotation import AnnotationError, CostModel, annotation_cost, measured_seconds


def test_every_type_has_its_price():
    each = one_of_each()
    model = CostModel(point=1, click=10, scribble=100, box=1000, cloud_point=10_000, track_entry=100_000)
    costs = {name: annotation_cost(annotation, model=model) for name, annotation in each.items()}
    assert costs == {
        "points": 3,
        "clicks": 20,
        "scribbles": 200,
        "boxes": 2000,
        "cloud": 30_000,
        "tracks": 300_000,
    }
    assert (
        annotation_cost(each, model=model) == annotation_cost(list(each.values()), model=model) == sum(costs.values())
    )


def test_half_the_budget_costs_less():
    boxes = one_of_each()["boxes"]
    assert annotation_cost(boxes) == 2 * annotation_cost(boxes.take(1)) == 14.0
    assert annotation_cost([]) == 0


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "7", True])
def test_prices_are_finite_seconds(seconds):
    with pytest.raises(AnnotationError, match=r"CostModel.box"):
        CostModel(box=seconds)


def test_prices_come_back_from_a_file(tmp_path):
    model = CostModel(point=1, box=35.5)
    model.save(tmp_path / "costs.json")
    assert CostModel.load(tmp_path / "costs.json") == model
    (tmp_path / "some.json").write_text('{"scribble": 3}')
    assert CostModel.load(tmp_path / "some.json") == CostModel(scribble=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"scrible": 3}', r"costs.json: 'scrible': not a price of .* Did you mean 'scribble'"),
        ('{"point": "fast"}', "costs.json: CostModel.point: expected seconds"),
        ('{"point": -1}', "costs.json: CostModel.point"),
        ('{"point": NaN}', "costs.json: holds NaN"),
        ('{"point": 1, "point": 2}', "costs.json: point: given twice"),
        ("[1, 2]", "costs.json: expected an object of prices"),
        ("point=3", "costs.json: not valid JSON"),
        ("[" * 100_000, "costs.json: "),
        ("", "costs.json: the file is empty"),
    ],
)
def test_files_of_prices_are_read_strictly(tmp_path, text, message):
    path = tmp_path / "costs.json"
    path.write_text(text)
    with pytest.raises(AnnotationError, match=message):
        CostModel.load(path)


def measured(*seconds):
    return replace(one_of_each()["points"], meta={"seconds": list(seconds)})


def test_measured_seconds_are_those_of_the_items():
    points = measured(1.5, 2, None)
    assert measured_seconds(points) == 3.5
    assert measured_seconds(points.take(1)) == 1.5
    assert measured_seconds({"a": points, "b": [points, one_of_each()["boxes"]]}) == 7.0
    assert measured_seconds(one_of_each()["boxes"]) is None
    assert measured_seconds([]) is None
    assert measured_seconds(measured(None, None, None)) is None


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        ([1, 2], r"PointLabels.meta.seconds: expected a list of 3 times, got 2 entries"),
        ("long", "got str"),
        ([1, 2, -1], "entry 2 is -1"),
        ([1, True, 1], "entry 1 is True"),
        ([[1], 2, 3], "entry 0"),
    ],
)
def test_measured_seconds_are_checked(seconds, message):
    points = replace(one_of_each()["points"], meta={"seconds": seconds})
    with pytest.raises(AnnotationError, match=message):
        measured_seconds(points)
