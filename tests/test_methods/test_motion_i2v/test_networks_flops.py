"""What one call of each full-size network costs, counted without weights."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sparsevision.methods.motion_i2v.attention import MotionAugmentedAttention
from sparsevision.methods.motion_i2v.attention_plain import InterleavedMotionAttention
from sparsevision.methods.motion_i2v.controlnet import TrajectoryControlNet
from sparsevision.methods.motion_i2v.unet import stage1_unet, stage2_unet

TEXT, LATENTS, IMAGE = (1, 77, 768), (40, 64), (320, 512)


def teraflops(network, *inputs, **named):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs, **named)
    return counter.get_total_flops() / 1e12


def zeros(*shape):
    return torch.zeros(shape, device="meta")


@pytest.mark.slow
def test_stage_1_and_its_controlnet_cost_as_released():
    inputs, strides = (zeros(1, 8, 15, *LATENTS), 5, zeros(*TEXT)), zeros(15)
    with torch.device("meta"):
        unet, controlnet = stage1_unet(), TrajectoryControlNet()
    assert teraflops(unet, *inputs, strides=strides) == pytest.approx(9.99, rel=0.01)
    condition = zeros(1, 5, 15, *LATENTS)
    assert teraflops(controlnet, *inputs, strides=strides, condition=condition) == pytest.approx(3.64, rel=0.01)


@pytest.mark.slow
def test_stage_2_costs_less_than_released():
    costs = []
    for kind in (InterleavedMotionAttention, MotionAugmentedAttention):
        with torch.device("meta"):
            network = stage2_unet(temporal_attention=kind)
        flow = zeros(1, 16, 2, *IMAGE)
        costs.append(teraflops(network, zeros(1, 4, 16, *LATENTS), 5, zeros(*TEXT), flow=flow))
    plain, ours = costs
    assert plain == pytest.approx(11.19, rel=0.01)
    assert ours == pytest.approx(10.66, rel=0.01)
