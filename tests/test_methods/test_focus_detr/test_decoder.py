"""The decoder: gradients that look forward twice, and padding that changes nothing."""

import pytest
import torch
from torch import nn

from sparsevision.methods.focus_detr.decoder import Decoder, predictions
from sparsevision.methods.focus_detr.heads import box_head, class_head

SHAPES = [(4, 6), (2, 3)]


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    made = Decoder(layers=3, channels=16, heads=2, levels=2, points=2, hidden=32)
    for layer in made.layers:
        nn.init.normal_(layer.deformable.sampling_offsets.weight, std=0.1)
        nn.init.normal_(layer.deformable.attention_weights.weight)
    return made


@pytest.fixture
def heads():
    torch.manual_seed(1)
    boxes = nn.ModuleList(box_head(16) for _ in range(4))
    for head in boxes:
        nn.init.normal_(head.layers[-1].weight, std=0.3)
    return nn.ModuleList(class_head(16, 5) for _ in range(4)), boxes


def inputs(queries=4):
    torch.manual_seed(2)
    return {
        "queries": torch.randn(1, queries, 16),
        "references": torch.rand(1, queries, 4) * 0.5 + 0.25,
        "memory": torch.randn(1, 30, 16),
        "padding": torch.zeros(1, 30, dtype=torch.bool),
        "shapes": SHAPES,
        "valid_ratios": torch.ones(1, 2, 2),
    }


def test_shapes_of_all_layers(decoder, heads):
    states, references = decoder(**inputs(), box_heads=heads[1])
    logits, boxes = predictions(states, references[:-1], class_heads=heads[0][:3], box_heads=heads[1][:3])
    assert states.shape == (3, 1, 4, 16)
    assert references.shape == (4, 1, 4, 4)
    assert (logits.shape, boxes.shape) == ((3, 1, 4, 5), (3, 1, 4, 4))
    assert torch.equal(references[0], inputs()["references"])


def test_a_box_teaches_its_own_layer_and_the_one_before(decoder, heads):
    given = inputs()
    given["memory"].requires_grad_()
    states, references = decoder(**given, box_heads=heads[1])
    _, boxes = predictions(states, references[:-1], class_heads=heads[0][:3], box_heads=heads[1][:3])
    boxes[2].sum().backward()
    taught = [head.layers[-1].bias.grad for head in heads[1]]
    assert taught[0] is None or taught[0].abs().sum() == 0
    assert taught[1].abs().sum() > 0
    assert taught[2].abs().sum() > 0
    assert taught[3] is None


def padded(values, columns):
    """Tokens (1,30,...) of both levels with more columns on the right."""
    parts = []
    for part, (height, width) in zip(values.split([24, 6], dim=1), SHAPES, strict=True):
        grid = part.view(1, height, width, -1)
        more = torch.full((1, height, columns * width // 3, grid.shape[3]), 9.0)
        parts.append(torch.cat([grid, more], dim=2).flatten(1, 2))
    return torch.cat(parts, dim=1)


@pytest.mark.parametrize("released", [False, True])
def test_padding_of_the_image_changes_nothing_unless_released(decoder, heads, released):
    decoder.padded_positions = released
    alone, _ = decoder(**inputs(), box_heads=heads[1])
    given = inputs()
    given["memory"] = padded(given["memory"], 1)
    given["padding"] = padded(torch.zeros(1, 30, 1), 1)[..., 0] > 0
    given["shapes"] = [(4, 8), (2, 4)]
    given["valid_ratios"] = torch.tensor([[[0.75, 1.0]] * 2])
    together, _ = decoder(**given, box_heads=heads[1])
    assert torch.allclose(together, alone, atol=1e-5) != released


def test_padded_queries_change_nothing(decoder, heads):
    alone, _ = decoder(**inputs(), box_heads=heads[1])
    given = inputs()
    for name in ("queries", "references"):
        given[name] = torch.cat([given[name], torch.full_like(given[name][:, :2], 0.5)], dim=1)
    padding = torch.tensor([[False] * 4 + [True] * 2])
    together, _ = decoder(**given, box_heads=heads[1], query_padding=padding)
    torch.testing.assert_close(together[:, :, :4], alone)


def test_the_mask_hides_queries(decoder, heads):
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[2:, :2] = True
    one, other = inputs(), inputs()
    other["queries"][:, :2] += 1
    first, second = (decoder(**given, box_heads=heads[1], attention_mask=mask)[0] for given in (one, other))
    torch.testing.assert_close(first[:, :, 2:], second[:, :, 2:])
    assert not torch.allclose(first[:, :, :2], second[:, :, :2])
