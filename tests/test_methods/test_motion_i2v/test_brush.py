"""The brush freezes exactly: in the flow, on the latents' grid and in the pixels."""

import numpy as np
import pytest
import torch

from sparsevision.methods.motion_i2v import (
    brush_from_painting,
    checked_brush,
    freeze_anchors,
    freeze_flow,
    latent_brush,
    paste_frozen,
)
from sparsevision.utils import UserError


@pytest.fixture
def left_frozen():
    brush = np.zeros((16, 24), bool)
    brush[:, :10] = True
    return brush


def test_what_is_painted_may_move():
    painting = np.zeros((8, 12))
    painting[:, 6:] = 1
    brush = brush_from_painting(painting, size=(16, 24))
    assert brush[:, :11].all()
    assert not brush[:, 13:].any()


def test_without_paint_nothing_is_frozen():
    assert not brush_from_painting(np.zeros((8, 12)), size=(16, 24)).any()


@pytest.mark.parametrize("painting", [np.zeros((2, 2, 3)), np.full((4, 4), 255), np.zeros((0, 4))])
def test_other_paintings_are_refused(painting):
    with pytest.raises(UserError, match="painting"):
        brush_from_painting(painting, size=(16, 24))


def test_frozen_flow_is_exactly_zero_whatever_it_was(left_frozen):
    flow = torch.randn(2, 3, 2, 16, 24)
    flow[..., 0, 0] = torch.nan
    frozen = freeze_flow(flow, left_frozen)
    assert (frozen[..., :10] == 0).all()
    assert torch.equal(frozen[..., 10:], flow[..., 10:])


def test_the_latents_take_the_top_left_pixel_of_each_cell(left_frozen):
    brush = torch.from_numpy(left_frozen)
    assert latent_brush(brush, size=(2, 3)).tolist() == [[True, True, False]] * 2
    with pytest.raises(UserError, match="whole multiple"):
        latent_brush(brush, size=(2, 5))


def test_frozen_pixels_are_the_references_own(left_frozen):
    video, reference = torch.rand(2, 3, 5, 16, 24), torch.rand(2, 3, 16, 24)
    pasted = paste_frozen(video, reference, left_frozen)
    assert torch.equal(pasted[..., :10], reference[:, :, None, :, :10].expand(-1, -1, 5, -1, -1))
    assert torch.equal(pasted[..., 10:], video[..., 10:])


def test_each_clip_of_a_batch_may_have_its_own_brush(left_frozen):
    flow, video, reference = torch.ones(2, 3, 2, 16, 24), torch.zeros(2, 3, 3, 16, 24), torch.ones(2, 3, 16, 24)
    brushes = np.stack([left_frozen, ~left_frozen])
    frozen = freeze_flow(flow, brushes)
    assert torch.equal(frozen[0, 0, 0], torch.from_numpy(~left_frozen).float())
    assert torch.equal(frozen[1, 0, 0], torch.from_numpy(left_frozen).float())
    assert torch.equal(paste_frozen(video, reference, brushes)[1, 0, 0], torch.from_numpy(~left_frozen).float())
    with pytest.raises(UserError, match="3 of them for 2 clips"):
        freeze_flow(flow, np.stack([left_frozen] * 3))


def test_a_feather_fades_outside_the_frozen_region_alone(left_frozen):
    video, reference = torch.zeros(1, 3, 2, 16, 24), torch.ones(1, 3, 16, 24)
    row = paste_frozen(video, reference, left_frozen, feather=3)[0, 0, 1, 8]
    assert (row[:10] == 1).all()
    assert row[10:14].tolist() == pytest.approx([0.75, 0.5, 0.25, 0])
    with pytest.raises(UserError, match="reference"):
        paste_frozen(video, reference[..., :20], left_frozen)


def test_anchors_freeze_discs_on_top_of_the_brush(left_frozen):
    frozen = freeze_anchors([(20, 8)], radius=2, size=(16, 24), brush=left_frozen)
    assert frozen[:, :10].all()
    assert frozen[:, 10:].sum() == 13
    assert not left_frozen[8, 20]
    assert freeze_anchors([(20, 8)], radius=0, size=(16, 24)).sum() == 1
    with pytest.raises(UserError, match="outside the image"):
        freeze_anchors([(24, 8)], radius=2, size=(16, 24))


def test_a_brush_may_be_a_tensor_and_has_the_images_size(left_frozen):
    assert np.array_equal(checked_brush(torch.from_numpy(left_frozen).float(), (16, 24)), left_frozen)
    with pytest.raises(UserError, match="brush"):
        checked_brush(left_frozen, (24, 16))
