"""Rendered views: truth beside what a field shows, a panel for each field."""

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from sparsevision.visualization import SparseVisualizer, draw_view_sample
from sparsevision.visualization.view_samples import colours_of

SIZE = (96, 120)
GREEN = torch.tensor([0.0, 1.0, 0.0])[:, None, None].expand(3, *SIZE)


def make_sample(*fields: str) -> BaseDataElement:
    corner = torch.zeros(SIZE, dtype=torch.bool)
    corner[:40, :40] = True
    values = {
        "gt_view": GREEN,
        "gt_mask": corner,
        "pred_view": 0.5 * GREEN,
        "pred_mask": corner.flip(1),
        "pred_disparity": torch.linspace(0, 0.8, SIZE[1]).expand(SIZE),
    }
    sample = BaseDataElement()
    sample.set_data({name: values[name] for name in fields})
    return sample


@pytest.mark.parametrize(
    ("fields", "titles"),
    [
        (("pred_view",), ["rendered"]),
        (("gt_view", "pred_view", "pred_disparity"), ["truth", "rendered", "disparity"]),
        (("gt_view", "gt_mask", "pred_view", "pred_mask"), ["truth", "true mask", "rendered", "mask"]),
    ],
)
def test_a_panel_for_each_field(fields, titles):
    sample = make_sample(*fields)
    panels = draw_view_sample(sample)
    assert list(panels) == titles
    assert {panel.shape for panel in panels.values()} == {(*SIZE, 3)}
    row = SparseVisualizer().draw_sample(None, sample)
    assert row.shape[1] == len(titles) * SIZE[1] + 4 * (len(titles) - 1)


def test_truth_and_prediction_show_their_own_pixels():
    panels = draw_view_sample(make_sample("gt_view", "gt_mask", "pred_view", "pred_mask", "pred_disparity"))
    assert panels["truth"][0, 0].tolist() == [0, 255, 0]
    assert panels["rendered"][0, 0].tolist() == [0, 128, 0]
    assert not np.array_equal(panels["true mask"][10, 10], panels["truth"][10, 10])
    assert np.array_equal(panels["mask"][10, 10], panels["rendered"][10, 10])
    assert not np.array_equal(panels["mask"][10, -10], panels["rendered"][10, -10])
    far, near = (panels["disparity"][0, column].astype(int) for column in (1, -8))
    assert far[2] > far[0]
    assert near[0] > near[2]


def test_each_side_can_be_left_out():
    sample = make_sample("gt_view", "gt_mask", "pred_view", "pred_mask", "pred_disparity")
    assert list(draw_view_sample(sample, draw_gt=False)) == ["rendered", "mask", "disparity"]
    assert list(draw_view_sample(sample, draw_pred=False)) == ["truth", "true mask"]


def test_tall_views_are_shrunk():
    row = SparseVisualizer(max_height=48).draw_sample(None, make_sample("gt_view", "pred_view"))
    assert row.shape == (48 + 22, 2 * 60 + 4, 3)


def test_colours_outside_of_their_range_are_cut():
    assert colours_of(torch.tensor([[[1.5]], [[-0.5]], [[0.2]]])).tolist() == [[[255, 0, 51]]]
