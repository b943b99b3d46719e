"""Matching: least cost by hand, several sets at once, and queries or predictions that must not be matched."""

import pytest
import torch

from sparsevision.methods.focus_detr.boxes import to_corners
from sparsevision.methods.focus_detr.ground_truth import GroundTruth
from sparsevision.methods.focus_detr.matcher import MatchCosts, match, pair_costs
from sparsevision.utils import UserError


def truth_of(*boxes, labels=None):
    boxes = torch.tensor(boxes, dtype=torch.float32).view(-1, 4)
    labels = torch.tensor(labels if labels is not None else [0] * len(boxes), dtype=torch.int64)
    return GroundTruth(
        corners=to_corners(boxes), labels=labels, ignored=torch.zeros(0, 4), points=torch.zeros(0, 2), size=(1, 1)
    )


def test_costs_by_hand():
    truth = truth_of([0.5, 0.5, 0.2, 0.2], labels=[1])
    logits = torch.tensor([[[0.0, 0.0]]])
    costs = pair_costs(logits, torch.tensor([[[0.5, 0.5, 0.2, 0.4]]]), truth, MatchCosts())
    focal = (0.25 - 0.75) * 0.25 * 0.6931472
    assert costs.item() == pytest.approx(2 * focal + 5 * 0.2 - 2 * 0.5, abs=1e-5)


def test_each_object_gets_its_own_query_in_every_set():
    truths = [truth_of([0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1]), truth_of(), truth_of([0.5, 0.5, 0.3, 0.3])]
    boxes = torch.full((2, 3, 4, 4), 0.05)
    boxes[0, 0, 3], boxes[0, 0, 1] = truths[0].boxes
    boxes[1, 0, 0], boxes[1, 0, 2] = truths[0].boxes
    boxes[:, 2, 2] = truths[2].boxes[0]
    found = match(torch.zeros(2, 3, 4, 1), boxes, truths, costs=MatchCosts())
    rows = set(zip(*(part.tolist() for part in vars(found).values()), strict=True))
    assert rows == {(0, 0, 3, 0), (0, 0, 1, 1), (0, 2, 2, 2), (1, 0, 0, 0), (1, 0, 2, 1), (1, 2, 2, 2)}


def test_padding_is_never_matched_even_with_too_few_queries():
    truths = [truth_of([0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1])]
    boxes = torch.tensor([[[[0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1]]]])
    padding = torch.tensor([[True, False, True]])
    found = match(torch.zeros(1, 1, 3, 1), boxes, truths, costs=MatchCosts(), padding=padding)
    assert (found.queries.tolist(), found.targets.tolist()) == ([1], [1])


def test_more_objects_than_queries_leaves_some_unmatched():
    found = match(
        torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 4), 0.5), [truth_of(*[[0.5] * 4] * 3)], costs=MatchCosts()
    )
    assert len(found.queries) == 1


def test_no_object_at_all():
    found = match(torch.zeros(2, 1, 3, 1), torch.full((2, 1, 3, 4), 0.5), [truth_of()], costs=MatchCosts())
    assert found.queries.shape == (0,)


def test_a_diverged_training_is_told():
    logits = torch.full((1, 1, 2, 1), float("nan"))
    with pytest.raises(UserError, match="learning rate"):
        match(logits, torch.full((1, 1, 2, 4), 0.5), [truth_of([0.5] * 4)], costs=MatchCosts())


def test_one_transfer_for_all_sets(monkeypatch):
    transfers = []
    plain = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: (transfers.append(self.shape), plain(self))[1])
    match(torch.zeros(7, 2, 5, 3), torch.rand(7, 2, 5, 4), [truth_of([0.5] * 4)] * 2, costs=MatchCosts())
    assert len(transfers) == 1
