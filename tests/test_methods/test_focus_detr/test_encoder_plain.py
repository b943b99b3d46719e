"""The encoder against its formulas written plainly."""

import pytest
import torch
from torch import nn

from sparsevision.layers.ms_deform_attn import multi_scale_deformable_attention
from sparsevision.methods.focus_detr.budget import Budget, select_tokens
from sparsevision.methods.focus_detr.encoder import Encoder
from sparsevision.methods.focus_detr.encoder_plain import encode_plainly, sample_by_stacked_grids
from sparsevision.methods.focus_detr.pyramid import Pyramid, extents_of, padding_of

SHAPES = [(8, 10), (4, 5), (2, 3)]
TOKENS = sum(height * width for height, width in SHAPES)


def pyramid_of(sizes, *, channels=16, seed=0) -> Pyramid:
    """Random features of a batch of images of these sizes, padded to 64 x 80."""
    generator = torch.Generator().manual_seed(seed)
    extents = extents_of(sizes, (64, 80), SHAPES)
    padding = [padding_of(extents[:, level], shape).flatten(1) for level, shape in enumerate(SHAPES)]
    features, positions = (torch.randn(len(sizes), TOKENS, channels, generator=generator) for _ in range(2))
    return Pyramid(
        features=features, positions=positions, padding=torch.cat(padding, 1), shapes=SHAPES, extents=extents
    )


@pytest.mark.parametrize("sizes", [[(64, 80)], [(64, 80), (40, 64)]])
def test_our_encoder_gives_the_numbers_of_the_plain_one(sizes):
    torch.manual_seed(0)
    encoder = Encoder(layers=3, channels=16, heads=4, levels=3, points=2, hidden=32, object_tokens=7)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    head, pyramid = nn.Linear(16, 5), pyramid_of(sizes)
    logits = torch.randn(len(sizes), TOKENS)
    selection = select_tokens(logits, pyramid, Budget(cascade=(1.0, 0.6, 0.3), by_batch=True))
    own = list(selection.own[0])
    with torch.no_grad():
        ours = encoder(pyramid, selection=selection, class_head=head)
        plain = encode_plainly(encoder, pyramid, logits, counts=list(selection.counts), own=own, class_head=head)
    torch.testing.assert_close(ours, plain, rtol=0, atol=2e-5)
    assert (ours - pyramid.features).abs().amax(-1).gt(1e-3).sum() == sum(own)


def test_both_ways_of_deformable_attention_agree():
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(2, TOKENS, 4, 8, generator=generator)
    locations = torch.rand(2, 30, 4, 3, 2, 2, generator=generator) * 1.4 - 0.2
    weights = torch.rand(2, 30, 4, 3, 2, generator=generator)
    plain = sample_by_stacked_grids(value, SHAPES, locations, weights)
    ours = multi_scale_deformable_attention(value, SHAPES, locations, weights)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-5)
