"""Losses: golden selector loss, torchvision's focal loss, hard cases, and what is left out."""

import numpy as np
import pytest
import torch
from golden_detr import golden_arrays
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from sparsevision.methods.focus_detr.losses import (
    CLASS_LOSSES,
    attention_map_loss,
    focal_loss,
    matchability,
    selector_loss,
    set_losses,
    varifocal,
)
from sparsevision.methods.focus_detr.matcher import Assignment


def test_golden_selector_loss():
    arrays = golden_arrays("foreground_labels")
    ours = selector_loss(torch.from_numpy(arrays["logits"]), torch.from_numpy(arrays["targets"]))
    np.testing.assert_allclose(ours.numpy(), arrays["loss_per_image"], rtol=1e-5)


def test_focal_loss_is_torchvisions():
    logits, targets = torch.randn(50) * 5, torch.randint(0, 2, (50,)).float()
    torch.testing.assert_close(focal_loss(logits, targets), sigmoid_focal_loss(logits, targets, 0.25, 2.0))


@pytest.mark.parametrize("loss", [selector_loss, attention_map_loss])
def test_sure_logits_give_finite_losses_and_gradients(loss):
    logits = torch.tensor([[50.0, -50.0, 500.0, -500.0]], requires_grad=True)
    value = loss(logits, torch.tensor([[0, 1, 0, 1]])).sum()
    value.backward()
    assert torch.isfinite(value)
    assert value > 50
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("loss", [selector_loss, attention_map_loss])
def test_tokens_without_weight_say_nothing(loss):
    logits, targets = torch.randn(2, 6), torch.tensor([[1, 0, 0, 1, 0, 0], [0] * 6])
    weights = torch.tensor([[1.0, 1, 1, 1, 0, 0], [1.0, 1, 1, 1, 0, 0]])
    torch.testing.assert_close(loss(logits, targets, weights=weights), loss(logits[:, :4], targets[:, :4]))


def test_graded_targets_are_best_met_by_their_own_logits():
    targets = torch.tensor([[0.2, 0.9]])
    logits = torch.logit(targets)
    assert selector_loss(logits, targets) < selector_loss(-logits, targets)


def example():
    """Two sets, one image, three queries; query 1 is object 0 in set 0, query 2 in set 1."""
    logits = torch.randn(2, 1, 3, 4, requires_grad=True)
    boxes = torch.tensor([[[[0.5, 0.5, 0.2, 0.2]] * 3], [[[0.5, 0.5, 0.2, 0.4]] * 3]], requires_grad=True)
    targets = (torch.tensor([[0.5, 0.5, 0.2, 0.2]]), torch.tensor([3]))
    pairs = [[0, 1], [0, 0], [1, 2], [0, 0]]
    return logits, boxes, targets, Assignment(*torch.tensor(pairs))


def test_set_losses_by_hand():
    logits, boxes, targets, assignment = example()
    found = set_losses(logits, boxes, targets, assignment, num_boxes=2)
    hot = torch.zeros(2, 1, 3, 4)
    hot[0, 0, 1, 3] = hot[1, 0, 2, 3] = 1
    torch.testing.assert_close(found.classes, focal_loss(logits, hot).sum((1, 2, 3)) / 2)
    torch.testing.assert_close(found.boxes, torch.tensor([0.0, 0.1]))
    torch.testing.assert_close(found.giou, torch.tensor([0.0, 0.25]))


def test_a_target_whose_place_is_unknown_teaches_its_class_alone():
    logits, boxes, targets, assignment = example()
    whole, classes = (
        set_losses(logits, boxes, targets, assignment, num_boxes=2, located=torch.tensor([located]))
        for located in (True, False)
    )
    plain = set_losses(logits, boxes, targets, assignment, num_boxes=2)
    assert torch.equal(whole.boxes, plain.boxes)
    assert classes.boxes.tolist() == classes.giou.tolist() == [0, 0]
    assert torch.equal(classes.classes, plain.classes)


def test_a_batch_without_objects_has_losses_with_gradients():
    logits, boxes, _, _ = example()
    none = Assignment(*torch.zeros(4, 0, dtype=torch.int64))
    found = set_losses(logits, boxes, (torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)), none, num_boxes=1)
    sum(part.sum() for part in vars(found).values()).backward()
    assert found.boxes.tolist() == found.giou.tolist() == [0, 0]
    assert logits.grad.abs().sum() > 0
    assert boxes.grad is not None


def test_silent_queries_have_no_class_loss_unless_matched():
    logits, boxes, targets, assignment = example()
    silent = torch.ones(2, 1, 3, dtype=torch.bool)
    found = set_losses(logits, boxes, targets, assignment, num_boxes=1, silent=silent)
    hot = F.one_hot(torch.tensor(3), 4).float()
    torch.testing.assert_close(found.classes[0], focal_loss(logits[0, 0, 1], hot).sum())


@pytest.mark.parametrize("name", CLASS_LOSSES)
def test_sure_classes_give_finite_losses(name):
    _, boxes, targets, assignment = example()
    logits = torch.full((2, 1, 3, 4), 50.0, requires_grad=True)
    value = set_losses(logits, boxes, targets, assignment, num_boxes=1, class_loss=CLASS_LOSSES[name]).classes.sum()
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize(("loss", "power"), [(varifocal, 1.0), (matchability, 1.5)])
def test_scores_are_drawn_to_the_overlap(loss, power):
    quality = torch.tensor([0.6])
    best = torch.logit(quality**power).requires_grad_()
    loss(best, torch.ones(1), quality).sum().backward()
    assert best.grad.abs().item() < 1e-6
