"""Deformable attention: the fast ways beside the formula, borders, gradients, the module."""

import math

import pytest
import torch
from torch.nn import functional as F

from sparsevision.layers import MultiScaleDeformableAttention, ms_deform_attn, multi_scale_deformable_attention
from sparsevision.layers.deformable_rows import sum_rows
from sparsevision.layers.ms_deform_attn import sample_by_grid
from sparsevision.utils import UserError

SHAPES = [(6, 9), (3, 5), (2, 3)]
TOKENS = sum(height * width for height, width in SHAPES)


def problem(*, batch=2, queries=7, heads=2, width=4, points=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    value = torch.randn(batch, TOKENS, heads, width, generator=generator)
    locations = torch.rand(batch, queries, heads, len(SHAPES), points, 2, generator=generator) * 1.6 - 0.3
    weights = torch.randn(batch, queries, heads, len(SHAPES), points, generator=generator)
    return value, SHAPES, locations, weights


def read(level, x, y):
    """Bilinear value of a level (h,w,D) at a pixel position, 0 outside, written out."""
    total = torch.zeros(level.shape[2])
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < level.shape[0] and 0 <= column < level.shape[1]:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * level[row, column]
    return total


def written_out(value, shapes, locations, weights):
    """Eq. 3 of Deformable DETR with loops."""
    batch, queries, heads, levels, points, _ = locations.shape
    starts = [sum(h * w for h, w in shapes[:level]) for level in range(levels)]
    result = torch.zeros(batch, queries, heads, value.shape[3])
    for b, q, m, level, p in torch.cartesian_prod(*(torch.arange(n) for n in (batch, queries, heads, levels, points))):
        (h, w), start = shapes[level], starts[level]
        picture = value[b, start : start + h * w, m].view(h, w, -1)
        x, y = locations[b, q, m, level, p].tolist()
        result[b, q, m] += weights[b, q, m, level, p] * read(picture, x * w - 0.5, y * h - 0.5)
    return result.flatten(2)


@pytest.mark.parametrize("way", [sample_by_grid, sum_rows, multi_scale_deformable_attention])
def test_every_way_is_the_formula(way):
    torch.testing.assert_close(way(*problem()), written_out(*problem()), atol=1e-5, rtol=1e-5)


def test_queries_in_portions_are_the_same(monkeypatch):
    whole = sum_rows(*problem())
    monkeypatch.setattr("sparsevision.layers.deformable_rows.PORTION", 3)
    torch.testing.assert_close(sum_rows(*problem()), whole, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("place", [-1e30, -3.0, -0.06, 1.06, 7.0, 1e30])
def test_far_outside_of_the_image_there_is_nothing(place):
    value, shapes, locations, weights = problem()
    far = torch.full_like(locations, place)
    far[..., 2:, :, :] = -9  # -0.06 and 1.06 are just outside of the finest level only
    assert sum_rows(value, shapes, far, weights).abs().max() < 10
    torch.testing.assert_close(
        sum_rows(value, shapes, far, weights), sample_by_grid(value, shapes, far.clamp(-9, 9), weights)
    )


def gradients(way, value, shapes, locations, weights):
    tensors = [tensor.clone().requires_grad_() for tensor in (value, locations, weights)]
    return torch.autograd.grad(way(tensors[0], shapes, *tensors[1:]).square().sum(), tensors)


@pytest.mark.parametrize("shapes", [SHAPES, [(9, 7), (1, 11), (1, 1)]])
def test_gradients_of_both_ways_agree(shapes, monkeypatch):
    monkeypatch.setattr("sparsevision.layers.deformable_rows.PORTION", 5)
    value, _, locations, weights = problem()
    found = [gradients(way, value, shapes, locations, weights) for way in (sample_by_grid, sum_rows)]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_point_in_the_middle_of_a_pixel_has_a_gradient(axis):
    """As at the start of training, when offsets are whole pixels: towards the next pixel, not none."""
    value = torch.arange(12.0).view(1, 12, 1, 1) ** 2
    place = torch.tensor([[1.5 / 4, 1.5 / 3]]).view(1, 1, 1, 1, 1, 2)
    found = [gradients(way, value, [(3, 4)], place, torch.ones(1, 1, 1, 1, 1))[1] for way in (sum_rows, sample_by_grid)]
    torch.testing.assert_close(*found)
    assert found[0].flatten()[axis] != 0


def test_enough_queries_learn_by_rows(monkeypatch):
    value, shapes, locations, weights = problem(queries=200)
    called = []
    monkeypatch.setattr("sparsevision.layers.ms_deform_attn.sum_rows", lambda *_: called.append(1))
    multi_scale_deformable_attention(value.requires_grad_(), shapes, locations, weights)
    multi_scale_deformable_attention(value, shapes, locations[:, :9], weights[:, :9])
    multi_scale_deformable_attention(value.detach(), shapes, locations[:, :9], weights[:, :9])
    assert len(called) == 2


def test_numbers_that_are_none_stay_none_and_break_nothing():
    value, shapes, locations, weights = problem()
    locations[0, 0] = math.nan
    read = multi_scale_deformable_attention(value, shapes, locations, weights)
    assert read[0, 0].isnan().all()
    assert read[0, 1:].isfinite().all()


def test_the_kernel_of_mmcv_gets_what_it_expects(monkeypatch):
    """Its arguments: value, sizes, first token of each level, places, weights, images at a time."""

    def kernel(value, sizes, starts, locations, weights, steps):
        assert starts.tolist() == [0, 54, 69]
        assert len(value) % steps == 0
        assert all(tensor.is_contiguous() for tensor in (value, locations, weights))
        return sample_by_grid(value, [tuple(size) for size in sizes.tolist()], locations, weights)

    monkeypatch.setattr(ms_deform_attn, "_kernel", lambda: kernel)
    torch.testing.assert_close(ms_deform_attn._sample_by_kernel(*problem()), written_out(*problem()))


def test_without_queries_there_is_an_empty_answer():
    value, shapes, locations, weights = problem()
    assert multi_scale_deformable_attention(value, shapes, locations[:, :0], weights[:, :0]).shape == (2, 0, 8)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_half_precision_and_tracing_go_the_other_way():
    value, shapes, locations, weights = problem()
    exact = multi_scale_deformable_attention(value, shapes, locations, weights)
    half = multi_scale_deformable_attention(value.bfloat16(), shapes, locations, weights)
    assert (half.float() - exact).abs().max() < 0.2
    traced = torch.jit.trace(lambda *x: multi_scale_deformable_attention(x[0], shapes, *x[1:]), (value, *problem()[2:]))
    torch.testing.assert_close(traced(value, locations, weights), exact, atol=1e-5, rtol=1e-5)


def test_levels_that_do_not_fit_are_told():
    value, shapes, locations, weights = problem()
    with pytest.raises(UserError, match="87 tokens"):
        multi_scale_deformable_attention(torch.cat([value, value[:, :12]], 1), shapes, locations, weights)
    with pytest.raises(UserError, match="locations"):
        multi_scale_deformable_attention(value, shapes, locations, weights[..., :1])


def attention(**changes):
    torch.manual_seed(0)
    return MultiScaleDeformableAttention(**({"channels": 8, "heads": 2, "levels": 3, "points": 4} | changes))


def test_points_start_as_a_star_around_the_reference():
    module = attention(channels=32, heads=8)
    offsets = module.sampling_offsets.bias.view(8, 3, 4, 2)
    torch.testing.assert_close(offsets[0, 1, :, 0], torch.tensor([1.0, 2, 3, 4]))
    assert module.attention_weights(torch.randn(1, 32)).abs().max() == 0


def test_padded_tokens_are_not_read():
    module, query, value = attention(), torch.randn(1, 5, 8), torch.randn(1, TOKENS, 8)
    padding = torch.zeros(1, TOKENS, dtype=torch.bool)
    padding[:, 50:] = True
    references = torch.rand(1, 5, 3, 2)
    other = torch.where(padding[..., None], torch.randn(1, TOKENS, 8), value)
    read = [module(query, v, references=references, shapes=SHAPES, padding=padding) for v in (value, other)]
    assert torch.equal(*read)


def test_a_box_spreads_its_points_over_half_its_size():
    """With the first offset of 4 pixels = the last of P points, a box's point lies on its edge."""
    module = attention(heads=1, points=1)
    with torch.no_grad():
        module.sampling_offsets.bias.copy_(torch.tensor([1.0, 0.0]).repeat(3))
    query, value = torch.zeros(1, 1, 8), torch.randn(1, TOKENS, 8)
    boxes = torch.tensor([0.4, 0.5, 0.6, 0.2]).expand(1, 1, 3, 4)
    edge = torch.tensor([0.7, 0.5]).expand(1, 1, 1, 3, 1, 2)
    projected = module.value_proj(value).view(1, TOKENS, 1, 8)
    expected = module.output_proj(sample_by_grid(projected, SHAPES, edge, torch.full((1, 1, 1, 3, 1), 1 / 3)))
    torch.testing.assert_close(module(query, value, references=boxes, shapes=SHAPES), expected)


def test_heads_that_do_not_divide_the_channels_are_told():
    with pytest.raises(UserError, match="multiple of heads=3"):
        attention(heads=3)


def test_with_autocast_the_answer_is_near():
    module, query, value = attention(), torch.randn(1, 5, 8), torch.randn(1, TOKENS, 8)
    references = torch.rand(1, 5, 3, 2)
    exact = module(query, value, references=references, shapes=SHAPES)
    with torch.autocast("cpu", torch.bfloat16):
        near = module(query, value, references=references, shapes=SHAPES)
    assert F.mse_loss(near.float(), exact) < 1e-3
