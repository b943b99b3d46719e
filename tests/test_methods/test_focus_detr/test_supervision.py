"""What the selector learns: each target, zones, padding and a teacher's doubts."""

import pytest
import torch

from sparsevision.methods.focus_detr.attention_map import AttentionMap
from sparsevision.methods.focus_detr.encoded import Encoded
from sparsevision.methods.focus_detr.ground_truth import GroundTruth
from sparsevision.methods.focus_detr.losses import selector_loss
from sparsevision.methods.focus_detr.presets import PRESETS
from sparsevision.methods.focus_detr.supervision import SelectorSupervision
from sparsevision.methods.focus_detr.targets import foreground_targets, level_ranges, salience_targets

SHAPES, STRIDES = [(8, 8), (4, 4)], (8, 16)
BOX = torch.tensor([[8.0, 8.0, 40.0, 48.0]])


def truth(boxes=BOX, ignored=(), points=()):
    return GroundTruth(
        corners=boxes,
        labels=torch.zeros(len(boxes), dtype=torch.int64),
        ignored=torch.tensor(ignored, dtype=torch.float32).view(-1, 4),
        points=torch.tensor(points, dtype=torch.float32).view(-1, 2),
        size=(64, 64),
    )


def encoded(logits, padding=None):
    nothing = torch.zeros(0)
    return Encoded(
        memory=nothing,
        shapes=SHAPES,
        padding=torch.zeros(len(logits), 80, dtype=torch.bool) if padding is None else padding,
        valid_ratios=nothing,
        foreground_logits=logits,
        kept=(),
        kept_valid=(),
        proposal_features=nothing,
        proposal_boxes=nothing,
        level_positions=nothing,
    )


def supervision(target="ranges", preset="fixed"):
    return SelectorSupervision(target=target, switches=PRESETS[preset], strides=STRIDES)


def test_released_ranges_are_the_released_loss():
    logits = torch.randn(1, 80)
    ranges = level_ranges(2, disjoint=True)
    targets = foreground_targets(BOX, feature_shapes=SHAPES, strides=STRIDES, ranges=ranges)
    found = supervision(preset="published").loss(encoded(logits), [truth()])
    torch.testing.assert_close(found, selector_loss(logits, targets[None])[0])


def test_presets_differ_in_ranges_and_distance():
    wide = torch.tensor([[-40.0, 0.0, 64.0, 64.0]])
    found = [supervision(preset=preset).of_image(truth(wide), SHAPES)[0] for preset in ("published", "fixed")]
    assert not torch.equal(*found)


def test_salience_is_graded():
    targets, weights = supervision("salience").of_image(truth(), SHAPES)
    ranges = level_ranges(2, disjoint=False)
    expected = salience_targets(BOX, feature_shapes=SHAPES, strides=STRIDES, ranges=ranges)
    assert torch.equal(targets, expected)
    assert len(targets.unique()) > 2
    assert (weights == 1).all()


def test_points_are_foreground_where_they_are():
    targets, weights = supervision("points").of_image(truth(points=[[20.0, 20.0]]), SHAPES)
    assert targets.view(-1)[2 * 8 + 2] == 1
    assert targets.sum() < 6
    assert weights.min() < 1


@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_tokens_in_a_zone_are_no_background(preset):
    targets, weights = supervision(preset=preset).of_image(truth(ignored=[[0, 0, 64, 64]]), SHAPES)
    assert torch.equal(weights > 0, targets > 0)


def test_padding_is_background_only_as_released():
    padding = torch.zeros(1, 80, dtype=torch.bool)
    padding[0, 60:] = True
    calm, wild = torch.zeros(1, 80), torch.zeros(1, 80)
    wild[padding] = 9
    for preset, same in (("fixed", True), ("published", False)):
        one, other = (supervision(preset=preset).loss(encoded(part, padding), [truth()]) for part in (calm, wild))
        assert torch.equal(one, other) == same


def test_what_a_teacher_takes_for_foreground_is_no_background():
    scores = torch.zeros(1, 80)
    scores[0, 63] = 0.9
    calm, wild = torch.zeros(1, 80), torch.zeros(1, 80)
    wild[0, 63] = 9
    losses = [supervision().loss(encoded(part), [truth()], teacher_scores=scores) for part in (calm, wild)]
    assert torch.equal(*losses)


@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_the_decoders_attention_as_target(preset):
    attention = AttentionMap(SHAPES)
    attention.mass = torch.arange(80.0)[None]
    padding = torch.zeros(1, 80, dtype=torch.bool)
    padding[0, 70:] = True
    logits = torch.zeros(1, 80, requires_grad=True)
    given = {"attention_map": attention, "ratio": 0.2}
    supervision("decoder_attention", preset).loss(encoded(logits, padding), [truth()], **given).backward()
    assert (logits.grad[0] < 0).nonzero()[:, 0].tolist() == list(range(56, 70))
    assert (logits.grad[0, 70:] == 0).all() == (preset == "fixed")
