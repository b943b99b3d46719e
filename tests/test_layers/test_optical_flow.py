"""Extractors of flow on clips whose flow is known, their cache, and RAFT from a file."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from sparsevision.layers.gmflow import GMFlow
from sparsevision.layers.optical_flow import (
    RAFT,
    PairwiseFlow,
    chain_flows,
    checked_flow,
    dis_flow,
    flow_extractor,
)
from sparsevision.utils import UserError


def sliding_clip(frames=4, step=(2, 1)):
    """A picture that moves by (dx, dy) a frame."""
    rng = np.random.default_rng(0)
    wide = cv2.resize(rng.integers(0, 256, (30, 40, 3), np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)
    starts = [(30 - step[0] * number, 30 - step[1] * number) for number in range(frames)]
    return np.stack([wide[y : y + 64, x : x + 80] for x, y in starts])


def test_chained_steps_add_up_along_the_way():
    steps = np.zeros((3, 2, 6, 10), np.float32)
    steps[0, 0] = 2
    steps[1, 1] = np.arange(10) / 10  # dy depends on where one is by then
    steps[2, 0] = 1
    flow = chain_flows(steps)
    assert np.allclose(flow[1, 1, :, :8], (np.arange(8) + 2) / 10)
    assert np.allclose(flow[1, 1, :, 8:], 0.9)  # outside: at the border
    assert np.allclose(flow[2, 0], 3)


def test_dis_follows_a_sliding_picture():
    flow = dis_flow(sliding_clip())
    assert flow.shape == (3, 2, 64, 80)
    inner = flow[:, :, 16:-16, 16:-16].mean((2, 3))
    assert np.abs(inner - np.array([[2, 1], [4, 2], [6, 3]])).max() < 0.2


class Constant(nn.Module):
    """Flow that tells the mean brightness of both images."""

    def forward(self, first, second):
        return torch.stack([first.mean((1, 2, 3)), second.mean((1, 2, 3))], 1)[..., None, None].expand(-1, -1, 4, 4)


def test_pairs_start_at_the_first_frame_or_are_chained():
    clip = np.zeros((3, 4, 4, 3), np.uint8)
    clip[1], clip[2] = 51, 102
    assert PairwiseFlow(Constant())(clip)[:, :, 0, 0] == pytest.approx(np.array([[0, 0.2], [0, 0.4]]))
    chained = PairwiseFlow(Constant(), chained=True)(clip)[:, :, 0, 0]
    assert chained == pytest.approx(np.array([[0, 0.2], [0.2, 0.6]]))


def test_no_clip():
    with pytest.raises(UserError, match="two or more frames"):
        dis_flow(np.zeros((1, 8, 8, 3), np.uint8))


def test_raft_from_a_file(tmp_path):
    from torchvision.models.optical_flow import raft_small

    torch.manual_seed(0)
    torch.save(raft_small(weights=None).state_dict(), tmp_path / "raft.pth")
    flow = RAFT(tmp_path / "raft.pth", small=True)(torch.rand(1, 3, 50, 70), torch.rand(1, 3, 50, 70))
    assert flow.shape == (1, 2, 50, 70)
    assert torch.isfinite(flow).all()
    with pytest.raises(UserError):
        RAFT(tmp_path / "raft.pth")


@pytest.mark.parametrize("chained", [False, True])
def test_flow_is_checked_on_its_way_back(chained):
    flow, trusted = checked_flow(sliding_clip(), dis_flow, chained=chained)
    assert np.array_equal(flow, dis_flow(sliding_clip()))
    assert trusted[:, 16:-16, 16:-16].mean() > 0.95
    assert not trusted[2, :, -5:].any()


def test_extractors_by_name(tmp_path):
    assert flow_extractor("dis") is dis_flow
    with pytest.raises(UserError, match="expected one of gmflow"):
        flow_extractor("gmflw")
    with pytest.raises(UserError, match="needs a file of weights"):
        flow_extractor("raft")
    torch.save(GMFlow().state_dict(), tmp_path / "gmflow.pth")
    extract = flow_extractor("gmflow", weights=tmp_path / "gmflow.pth", chained=True)
    assert extract.chained
    assert isinstance(extract.network, GMFlow)
