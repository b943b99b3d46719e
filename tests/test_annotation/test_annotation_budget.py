"""What annotations cost."""

import pytest
from annotation_examples import one_of_each

from sparsevision.annotation import AnnotationError, CostModel, annotation_cost


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
