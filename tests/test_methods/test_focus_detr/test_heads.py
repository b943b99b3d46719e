"""Heads and the two-stage choice: what the start is, and which tokens may be chosen."""

import math

import pytest
import torch

from sparsevision.methods.focus_detr.heads import MLP, box_head, choose_proposals, class_head


def test_heads_start_with_rare_classes_and_no_change():
    features = torch.randn(5, 16)
    assert box_head(16)(features).abs().max() == 0
    assert class_head(16, 3).bias.sigmoid().tolist() == pytest.approx([0.01] * 3)


def test_names_of_an_mlp_are_those_of_checkpoints():
    assert set(MLP(widths=(4, 3, 2)).state_dict()) == {
        f"layers.{i}.{kind}" for i in (0, 1) for kind in ("weight", "bias")
    }


def chosen(count, *, invalid, usable=(True, True, False, True, False)):
    torch.manual_seed(0)
    features = torch.randn(1, 5, 8)
    anchors = torch.zeros(1, 5, 4)
    anchors[0, ~torch.tensor(usable)] = math.inf
    head = class_head(8, 3)
    picked = choose_proposals(features, anchors, class_head=head, box_head=box_head(8), count=count, invalid=invalid)
    return picked, head(features).max(-1).values[0]


def test_tokens_come_by_falling_score():
    picked, scores = chosen(3, invalid=True)
    assert picked.tokens[0].tolist() == scores.topk(3).indices.tolist()
    assert picked.padding is None
    torch.testing.assert_close(picked.logits[0].max(-1).values, scores.topk(3).values)


def test_tokens_without_an_anchor_are_padding():
    picked, _ = chosen(5, invalid=False)
    assert set(picked.tokens[0, :3].tolist()) == {0, 1, 3}
    assert picked.padding[0].tolist() == [False, False, False, True, True]
    assert torch.isfinite(picked.boxes).all()


def test_fewer_tokens_than_queries():
    picked, _ = chosen(900, invalid=True)
    assert picked.boxes.shape == (1, 5, 4)
