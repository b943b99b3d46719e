"""Boxes: both ways to hold them, overlaps against torchvision, and zones."""

import pytest
import torch
from torchvision.ops import generalized_box_iou

from sparsevision.methods.focus_detr.boxes import (
    in_pixels,
    inside_zones,
    inverse_sigmoid,
    iou_and_giou,
    normalised,
    to_centres,
    to_corners,
)
from sparsevision.methods.focus_detr.ground_truth import GroundTruth


def random_corners(count, seed):
    generator = torch.Generator().manual_seed(seed)
    low, size = (torch.rand(count, 2, generator=generator) for _ in range(2))
    return torch.cat([low, low + size + 0.01], dim=1)


def test_centres_and_corners_are_inverse():
    boxes = random_corners(20, 0)
    torch.testing.assert_close(to_corners(to_centres(boxes)), boxes)


def test_pixels_and_shares_are_inverse():
    corners = torch.tensor([[10.0, 20.0, 50.0, 100.0]])
    shares = normalised(corners, (200, 100))
    torch.testing.assert_close(shares, torch.tensor([[0.3, 0.3, 0.4, 0.4]]))
    torch.testing.assert_close(in_pixels(shares, (200, 100)), corners)


def test_a_truth_in_shares_of_its_image():
    corners, none = torch.tensor([[10.0, 20.0, 50.0, 100.0]]), torch.zeros(0, 2)
    truth = GroundTruth(corners=corners, labels=torch.tensor([0]), ignored=2 * corners, points=none, size=(200, 100))
    torch.testing.assert_close(truth.boxes, torch.tensor([[0.3, 0.3, 0.4, 0.4]]))
    torch.testing.assert_close(truth.zones, torch.tensor([[0.2, 0.2, 1.0, 1.0]]))


def test_generalised_iou_is_torchvisions():
    one, other = random_corners(7, 1), random_corners(5, 2)
    torch.testing.assert_close(iou_and_giou(one[:, None], other)[1], generalized_box_iou(one, other))


def test_points_have_an_overlap_of_zero_and_a_finite_gradient():
    points = torch.tensor([[0.5, 0.5, 0.5, 0.5]], requires_grad=True)
    iou, giou = iou_and_giou(points, points)
    giou.sum().backward()
    assert iou.item() == 0
    assert torch.isfinite(giou).all()
    assert torch.isfinite(points.grad).all()


def test_logits_of_zero_and_one_are_those_of_a_thousandth():
    logits = inverse_sigmoid(torch.tensor([0.0, 0.25, 1.0, -3.0]))
    assert logits.tolist() == pytest.approx([-6.907755, -1.0986123, 6.907755, -6.907755], abs=1e-5)


def test_a_box_is_in_a_zone_by_its_centre_or_by_half_its_area():
    zones = torch.tensor([[0.0, 0.0, 0.5, 0.5]])
    boxes = torch.tensor(
        [
            [0.2, 0.2, 0.3, 0.3],  # inside
            [0.0, 0.0, 0.9, 0.9],  # its centre is
            [0.4, 0.0, 0.7, 0.5],  # centre outside, a third covered
            [0.0, 0.0, 1.0, 0.5],  # centre on the edge, half covered
            [0.6, 0.6, 0.8, 0.8],  # outside
        ]
    )
    assert inside_zones(boxes, zones).tolist() == [True, True, False, True, False]
    assert not inside_zones(boxes, zones[:0]).any()
