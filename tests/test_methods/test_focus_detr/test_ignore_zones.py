"""What the selector learns from sparse boxes and from points."""

import math

import pytest
import torch

from sparsevision.methods.focus_detr.ignore_zones import IgnoreZones, PointTargets, point_targets, token_weights
from sparsevision.utils import UserError

CENTRES = torch.tensor([[4.0, 4], [12, 4], [20, 4], [28, 4]])
STRIDES = torch.full((4,), 8.0)
NOWHERE = torch.zeros(0, 4)


def test_tokens_in_a_zone_teach_nothing_unless_they_are_foreground():
    targets = torch.tensor([0.0, 1, 0, 0])
    weights = token_weights(targets, CENTRES, torch.tensor([[8.0, 0, 24, 8]]))
    assert weights.tolist() == [1, 1, 0, 1]


def test_tokens_that_the_teacher_takes_for_objects_teach_nothing_either():
    targets = torch.tensor([1.0, 0, 0, 0])
    scores = torch.tensor([0.9, 0.4, 0.2, 0.3])
    settings = IgnoreZones(token_score=0.3)
    weights = token_weights(targets, CENTRES, NOWHERE, teacher_scores=scores, settings=settings)
    assert weights.tolist() == [1, 0, 1, 0]
    silent = token_weights(targets, CENTRES, NOWHERE, teacher_scores=scores, settings=IgnoreZones(token_score=None))
    assert silent.tolist() == [1, 1, 1, 1]


def test_a_point_is_foreground_at_its_token_and_doubt_around_it():
    targets, weights = point_targets(torch.tensor([[10.0, 4]]), CENTRES, STRIDES, settings=PointTargets(sigma=8.0))
    assert targets.tolist() == [1, 1, 0, 0]  # 6 and 2 pixels away, at most 0.75 * 8
    assert weights[:2].tolist() == [1, 1]
    assert weights[2].item() == pytest.approx(1 - math.exp(-0.5 * (10 / 8) ** 2))
    assert weights[3] > weights[2]


@pytest.mark.parametrize("stride", [8, 16, 32, 64])
def test_any_point_reaches_a_token_of_every_level(stride):
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    centres = torch.stack([columns, rows], -1).reshape(-1, 2) * stride + stride / 2
    points = torch.rand(50, 1, 2, generator=torch.Generator().manual_seed(0)) * 4 * stride
    for point in points:
        assert point_targets(point, centres, torch.full((16,), float(stride)))[0].sum() >= 1


def test_without_points_all_is_background_and_counts():
    targets, weights = point_targets(torch.zeros(0, 2), CENTRES, STRIDES)
    assert (targets.sum(), weights.sum()) == (0, 4)


def test_without_doubt_all_counts():
    assert point_targets(torch.tensor([[10.0, 4]]), CENTRES, STRIDES, settings=PointTargets(sigma=0))[1].sum() == 4


@pytest.mark.parametrize(("kind", "wrong"), [(IgnoreZones, {"token_score": 2}), (PointTargets, {"radius": -1})])
def test_settings_that_mean_nothing_are_told(kind, wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        kind(**wrong)
