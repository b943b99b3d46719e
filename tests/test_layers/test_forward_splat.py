"""Forward splatting: the golden numbers, loops, gradients, and the precomputed operator beside the direct form."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_near

from sparsevision.layers.forward_splat import SplatOperator, forward_splat
from sparsevision.utils import UserError

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "motion_i2v" / "warp.npz")
WELL_COVERED = 1e-3  # cells with less weight are left out of the golden comparison


def golden(case):
    return (torch.from_numpy(GOLDEN[f"splat{case}_{name}"]) for name in ("input", "flow", "average", "weight"))


def problem(*, batch=2, channels=3, height=5, width=7, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, channels, height, width, generator=generator, dtype=dtype)
    flow = 3 * torch.randn(batch, 2, height, width, generator=generator, dtype=dtype)
    return x, flow


def written_out(x, flow, importance=None):
    """Sum of weight * value and sum of weight, pixel after pixel."""
    batch, _, height, width = x.shape
    importance = torch.ones(batch, 1, height, width, dtype=x.dtype) if importance is None else importance
    total, weight = torch.zeros_like(x), torch.zeros(batch, 1, height, width, dtype=x.dtype)
    for b in range(batch):
        for row in range(height):
            for column in range(width):
                dx, dy = flow[b, :, row, column].tolist()
                for y in (math.floor(row + dy), math.floor(row + dy) + 1):
                    for z in (math.floor(column + dx), math.floor(column + dx) + 1):
                        if 0 <= y < height and 0 <= z < width:
                            share = (1 - abs(row + dy - y)) * (1 - abs(column + dx - z))
                            share = share * importance[b, 0, row, column]
                            total[b, :, y, z] += share * x[b, :, row, column]
                            weight[b, 0, y, z] += share
    return total, weight


@pytest.mark.parametrize("case", [0, 1, 2])
def test_golden_average_and_weight(case):
    x, flow, average, weight = golden(case)
    assert_near(forward_splat(torch.ones_like(x[:, :1]), flow, mode="sum"), weight, within=1e-5)
    covered = (weight >= WELL_COVERED).expand_as(average)
    assert_near((forward_splat(x, flow))[covered], average[covered], within=1e-5)
    assert (forward_splat(x, flow)[(weight == 0).expand_as(average)] == 0).all()


@pytest.mark.parametrize("case", [0, 1, 2])
def test_golden_average_of_the_operator(case):
    x, flow, average, weight = golden(case)
    operator = SplatOperator(flow[:, None])
    warped = operator(x.flatten(2).transpose(1, 2))[:, :, 0].transpose(1, 2).view_as(average)
    covered = (weight >= WELL_COVERED).expand_as(average)
    assert_near((warped)[covered], average[covered], within=1e-5)
    assert_near(operator.coverage[:, :, 0].view_as(weight), weight, within=1e-5)


def test_every_mode_is_its_formula():
    x, flow = problem()
    importance = torch.randn(2, 1, 5, 7, dtype=torch.float64)
    total, weight = written_out(x, flow)
    torch.testing.assert_close(forward_splat(x, flow, mode="sum"), total)
    torch.testing.assert_close(forward_splat(x, flow, mode="average"), total / (weight + 1e-7))
    total, weight = written_out(x, flow, importance.abs())
    linear = forward_splat(x, flow, mode="linear", importance=importance.abs())
    torch.testing.assert_close(linear, total / (weight + 1e-7))
    total, weight = written_out(x, flow, (importance - importance.amax((1, 2, 3), keepdim=True)).exp())
    softmax = forward_splat(x, flow, mode="softmax", importance=importance)
    torch.testing.assert_close(softmax, total / (weight + 1e-7))


def test_of_two_pixels_that_meet_the_more_important_one_is_seen():
    x = torch.tensor([[[[1.0, 5.0, 0.0]]]])
    flow = torch.zeros(1, 2, 1, 3)
    flow[0, 0, 0, 0] = 1.0
    importance = torch.tensor([[[[30.0, 0.0, 0.0]]]])
    assert forward_splat(x, flow)[0, 0, 0, 1] == pytest.approx(3.0)
    assert forward_splat(x, flow, mode="softmax", importance=importance)[0, 0, 0, 1] == pytest.approx(1.0)


@pytest.mark.parametrize("mode", ["sum", "average", "linear", "softmax"])
def test_gradients_of_input_flow_and_importance(mode):
    x, flow = problem(batch=1, channels=2, height=3, width=4)
    flow = flow.round() + 0.2 + 0.6 * torch.rand(flow.shape, dtype=flow.dtype)  # away from the kinks at whole pixels
    importance = 0.5 + torch.rand(1, 1, 3, 4, dtype=torch.float64) if mode in ("linear", "softmax") else None
    inputs = [value.requires_grad_() for value in (x, flow, importance) if value is not None]
    assert torch.autograd.gradcheck(lambda x, flow, z=None: forward_splat(x, flow, mode=mode, importance=z), inputs)


def test_gradient_of_the_operator():
    tokens, flows = torch.randn(2, 12, 3, dtype=torch.float64), 2 * torch.randn(2, 4, 2, 3, 4, dtype=torch.float64)
    operator = SplatOperator(flows)
    assert torch.autograd.gradcheck(operator, tokens.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_operator_and_direct_form_agree(dtype):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 6, 8, 10, generator=generator).to(dtype)
    flows = 4 * torch.randn(2, 5, 2, 8, 10, generator=generator)
    warped = SplatOperator(flows)(x.flatten(2).transpose(1, 2))
    assert (warped.shape, warped.dtype) == ((2, 80, 5, 6), dtype)
    for i in range(5):
        direct = forward_splat(x.float(), flows[:, i]).flatten(2).transpose(1, 2)
        torch.testing.assert_close(
            warped[:, :, i].float(), direct, atol=1e-6 if dtype == torch.float32 else 2e-2, rtol=1e-2
        )


def test_the_operator_takes_features_of_another_clip_when_told():
    flows = 2 * torch.randn(2, 3, 2, 4, 5)
    tokens = torch.randn(2, 20, 6)
    source = torch.tensor([[0, 1, 0], [1, 0, 1]])
    mixed, own = SplatOperator(flows, source=source)(tokens), SplatOperator(flows)
    swapped = own(tokens.flip(0))
    for b in range(2):
        for i in range(3):
            expected = own(tokens)[b, :, i] if source[b, i] == b else swapped[b, :, i]
            torch.testing.assert_close(mixed[b, :, i], expected)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30])
def test_a_pixel_that_goes_nowhere_is_dropped(value):
    x, flow = torch.ones(1, 1, 3, 3), torch.zeros(1, 2, 3, 3)
    flow[0, 1, 1, 1] = value
    flow.requires_grad_()
    warped = forward_splat(x, flow)
    expected = torch.ones(3, 3)
    expected[1, 1] = 0
    torch.testing.assert_close(warped[0, 0], expected)
    warped.sum().backward()
    assert flow.grad.isfinite().all()
    torch.testing.assert_close(SplatOperator(flow[:, None])(torch.ones(1, 9, 1)).view(3, 3), expected)


def test_what_does_not_fit_is_refused():
    x, flow = problem()
    with pytest.raises(UserError, match=r"flow .*\(2, 2, 4, 7\).*expected \(2, 2, 5, 7\)"):
        forward_splat(x, flow[:, :, :4])
    with pytest.raises(UserError, match=r"mode='mean'.*sum, average, linear, softmax"):
        forward_splat(x, flow, mode="mean")
    with pytest.raises(UserError, match="importance"):
        forward_splat(x, flow, mode="softmax")
    with pytest.raises(UserError, match="importance"):
        forward_splat(x, flow, mode="average", importance=x[:, :1])
    with pytest.raises(UserError, match=r"35 pixels"):
        SplatOperator(flow[:, None])(torch.zeros(2, 34, 3))
    with pytest.raises(UserError, match=r"\(B,N,2,h,w\)"):
        SplatOperator(flow)
