"""The decoder's attention map against the gradient of the attention itself, and the tokens it makes targets."""

import torch

from sparsevision.layers.ms_deform_attn import MultiScaleDeformableAttention, multi_scale_deformable_attention
from sparsevision.methods.focus_detr.attention_map import AttentionMap, attention_mass, most_attended

SHAPES = [(4, 6), (2, 3)]


def test_the_mass_is_the_gradient_of_what_is_read():
    torch.manual_seed(0)
    locations = torch.rand(2, 5, 3, 2, 4, 2) * 1.4 - 0.2
    weights = torch.rand(2, 5, 3, 2, 4)
    value = torch.zeros(2, 30, 3, 1, requires_grad=True)
    multi_scale_deformable_attention(value, SHAPES, locations, weights).sum().backward()
    torch.testing.assert_close(attention_mass(locations, weights, SHAPES), value.grad.sum((2, 3)), atol=1e-5, rtol=1e-4)


def test_layers_add_up_and_skipped_queries_do_not_count():
    torch.manual_seed(0)
    attention = MultiScaleDeformableAttention(channels=8, heads=2, levels=2, points=2)
    query, references = torch.randn(1, 6, 8), torch.rand(1, 6, 2, 4)
    everything, part = AttentionMap(SHAPES), AttentionMap(SHAPES, skipped=2)
    everything.add(attention, query[:, 2:], references[:, 2:])
    everything.add(attention, query[:, 2:], references[:, 2:])
    part.add(attention, query, references)
    torch.testing.assert_close(everything.mass, 2 * part.mass)
    assert part.targets(torch.ones(1, 30, dtype=torch.bool), ratio=0.3).sum() == 9


def test_targets_are_the_most_attended_valid_tokens():
    mass = torch.tensor([[5.0, 1, 4, 3], [0.0, 0, 9, 9]])
    valid = torch.tensor([[True] * 4, [True, True, False, False]])
    assert most_attended(mass, valid, ratio=0.5).tolist() == [[1, 0, 1, 0], [1, 0, 0, 0]]
