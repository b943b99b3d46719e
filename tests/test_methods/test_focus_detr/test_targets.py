"""Foreground labels beside golden numbers, and their readings."""

import numpy as np
import pytest
import torch
from golden_detr import golden_arrays

from sparsevision.evaluation.functional.tokens import token_centres
from sparsevision.methods.focus_detr import foreground_targets
from sparsevision.methods.focus_detr.targets import (
    centre_distance,
    level_ranges,
    salience_targets,
    token_strides,
)
from sparsevision.utils import UserError

SHAPES, STRIDES = [(20, 30), (10, 15)], (8, 16)


@pytest.mark.parametrize("image", [1, 2])
def test_the_released_labels(image):
    golden = golden_arrays("foreground_labels")
    targets = foreground_targets(
        torch.from_numpy(golden[f"boxes_image{image}"]),
        feature_shapes=[tuple(shape) for shape in golden["level_shapes"]],
        strides=(8, 16, 32, 64),
        ranges=level_ranges(4, disjoint=True),
    )
    np.testing.assert_array_equal(targets.numpy(), golden["targets"][image - 1])


def test_ranges_of_levels():
    assert level_ranges(4, disjoint=True) == [(-1, 64), (64, 128), (128, 256), (256, float("inf"))]
    assert level_ranges(4, disjoint=False) == [(-1, 64), (32, 128), (64, 256), (128, float("inf"))]
    assert level_ranges(1, disjoint=True) == [(-1, float("inf"))]


def test_a_large_box_is_foreground_of_the_fine_level_only_by_the_distance_to_its_centre():
    box = torch.tensor([[10.0, 10.0, 230.0, 150.0]])
    level = {"feature_shapes": SHAPES[:1], "strides": STRIDES[:1], "ranges": [(-1, 64)]}
    assert foreground_targets(box, **level).sum() == 0
    middle = foreground_targets(box, **level, distance=centre_distance).view(20, 30)
    assert middle[10, 15] == 1
    assert middle[10, 3] == 0


def test_without_boxes_all_is_background():
    for targets in (foreground_targets, salience_targets):
        found = targets(
            torch.zeros(0, 4), feature_shapes=SHAPES, strides=STRIDES, ranges=level_ranges(2, disjoint=True)
        )
        assert found.shape == (750,)
        assert found.sum() == 0


def test_a_box_without_area_is_background():
    box = torch.tensor([[44.0, 44.0, 44.0, 44.0]])  # where a token stands
    ranges = level_ranges(2, disjoint=True)
    assert foreground_targets(box, feature_shapes=SHAPES, strides=STRIDES, ranges=ranges).sum() == 0
    assert salience_targets(box, feature_shapes=SHAPES, strides=STRIDES, ranges=ranges).isfinite().all()


def test_salience_is_highest_in_the_middle_and_the_same_for_all_sizes():
    ranges = [(-1, float("inf"))]
    level = {"feature_shapes": SHAPES[:1], "strides": STRIDES[:1], "ranges": ranges}
    small, large = (torch.tensor([box]) for box in ([100.0, 60, 148, 108], [28.0, 4, 220, 164]))
    for box in (small, large):
        grades = salience_targets(box, **level).view(20, 30)
        assert grades.argmax() == 10 * 30 + 15
        assert 0.95 < grades[10, 15] <= 1
        assert grades[grades > 0].min() > 1 - 2**0.5 / 2 - 1e-6  # a corner


def test_places_and_strides_of_tokens():
    centres, strides = token_centres(SHAPES, STRIDES), token_strides(SHAPES, STRIDES)
    assert centres[1].tolist() == [12, 4]
    assert centres[601].tolist() == [24, 8]
    assert strides[599] == 8
    assert strides[600] == 16


def test_levels_that_do_not_agree_are_told():
    with pytest.raises(UserError, match="2 feature_shapes, 1 strides"):
        foreground_targets(torch.zeros(0, 4), feature_shapes=SHAPES, strides=(8,), ranges=[(0, 1)] * 2)


def test_ranges_scale_with_the_images():
    assert level_ranges(3, disjoint=True, first=16) == [(-1, 16), (16, 32), (32, float("inf"))]
    assert level_ranges(3, disjoint=False, first=16) == [(-1, 16), (8, 32), (16, float("inf"))]
