"""What the networks promise beside the published numbers: batches, gradients, control, refusals."""

from dataclasses import replace

import pytest
import torch
from motion_networks import TINY, awake, random_flow

from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.attention import (
    MotionAugmentedAttention,
    TemporalAttention,
    WarpedSumAttention,
)
from sparsevision.methods.motion_i2v.attention_plain import InterleavedMotionAttention
from sparsevision.methods.motion_i2v.controlnet import TrajectoryControlNet
from sparsevision.methods.motion_i2v.motion_fields import MotionFields
from sparsevision.methods.motion_i2v.unet import UNetMotion3D, stage1_unet, stage2_unet
from sparsevision.utils import UserError

CLIPS, FRAMES, SIZE = 2, 4, (8, 12)
TIMES = torch.tensor([7, 800])
STRIDES = torch.tensor([8.0, 16.0, 24.0, 32.0])
KINDS = [TemporalAttention, MotionAugmentedAttention, WarpedSumAttention]


def sample(channels, seed=1):
    return torch.randn(CLIPS, channels, FRAMES, *SIZE, generator=torch.Generator().manual_seed(seed))


def tiny_stage2(kind=MotionAugmentedAttention, **options):
    return awake(stage2_unet(architecture=TINY, temporal_attention=kind, **options))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_batch_is_its_clips_one_by_one_in_stage_2(kind):
    network, x, flow = tiny_stage2(kind), sample(4), random_flow(CLIPS, FRAMES, 16, 24)
    moved = {"flow": flow} if kind.needs_motion else {}
    whole = network(x, TIMES, **moved)
    for b in range(CLIPS):
        alone = {name: value[b : b + 1] for name, value in moved.items()}
        assert (network(x[b : b + 1], TIMES[b : b + 1], **alone) - whole[b]).abs().max() < 1e-5


@torch.no_grad()
def test_a_batch_is_its_clips_one_by_one_in_stage_1_with_text_and_control():
    architecture = replace(TINY, text_channels=6)
    network, text = awake(stage1_unet(architecture=architecture)), torch.randn(CLIPS, 3, 6)
    controlnet = awake(TrajectoryControlNet(architecture=architecture, stem_channels=8), seed=5)
    x, condition, strides = sample(8), sample(5, seed=2), torch.stack([STRIDES, STRIDES / 2])

    def predict(clips):
        inputs = (x[clips], TIMES[clips], text[clips])
        control = controlnet(*inputs, strides=strides[clips], condition=condition[clips])
        return network(*inputs, strides=strides[clips], control=control)

    whole = predict(slice(None))
    for b in range(CLIPS):
        assert (predict(slice(b, b + 1)) - whole[b]).abs().max() < 1e-5


@torch.no_grad()
def test_prepared_fields_serve_many_steps():
    network, flow = tiny_stage2(), random_flow(CLIPS, FRAMES, 64, 96)
    fields = MotionFields(flow)
    for step in range(2):
        assert torch.equal(network(sample(4, step), 5, flow=fields), network(sample(4, step), 5, flow=flow))
    assert fields.at(SIZE) is fields.at(SIZE)


def test_fields_are_resized_in_pixels_of_the_grid():
    flow = random_flow(1, 2, 8, 8, scale=0)
    flow[:, 1, 0], flow[:, 1, 1] = 8.0, -4.0
    fields = MotionFields(flow).resized((4, 2))
    assert fields.shape == (1, 1, 2, 4, 2)
    torch.testing.assert_close(fields[0, 0, :, 1, 1], torch.tensor([2.0, -2.0]))


@pytest.mark.parametrize("seed", [0, 1])
def test_values_and_weight_gradients_are_those_of_the_plain_form(seed):
    flow = random_flow(CLIPS, FRAMES, 16, 24, seed=seed)
    gradients = []
    for kind in (MotionAugmentedAttention, InterleavedMotionAttention):
        network = tiny_stage2(kind)
        network(sample(4, seed), TIMES, flow=flow).square().mean().backward()
        gradients.append({name: value.grad for name, value in network.named_parameters()})
    fast, plain = gradients
    for name, value in plain.items():
        torch.testing.assert_close(fast[name], value, atol=2e-5, rtol=2e-3, msg=name)


def written_out(attention, tokens, carried, fields, size):
    """The paper's Eq. 2-4, with frame 0 as it is carried along the motion given apart."""
    warped = fields.at(size)(carried)
    pairs = [(warped[:, :, i], tokens[:, :, i + 1]) for i in range(warped.shape[2])]
    sequence = torch.stack([tokens[:, :, 0], *(token for pair in pairs for token in pair)], 2)
    placed = (sequence + attention.pos_encoder.pe[0, : sequence.shape[2]]).flatten(0, 1)
    query, key, value = attention.to_q(placed[:, 0::2]), attention.to_k(placed), attention.to_v(placed)
    return attention.attend(query, key, value).view_as(tokens)


@pytest.mark.parametrize("kind", [MotionAugmentedAttention, InterleavedMotionAttention])
def test_no_gradient_goes_through_the_warp(kind):
    """As published: frame 0 gets gradients as a frame, none as what is carried along the motion."""
    attention, size = kind(8, heads=2, max_positions=16), (4, 6)
    fields = MotionFields(random_flow(1, 3, 4, 6))
    tokens, by_hand, carried = (torch.randn(1, 24, 3, 8, generator=torch.Generator().manual_seed(0)) for _ in range(3))
    tokens.requires_grad_()
    by_hand.requires_grad_()
    carried = carried[:, :, 0].clone().requires_grad_()
    output, expected = attention(tokens, fields, size), written_out(attention, by_hand, carried, fields, size)
    torch.testing.assert_close(output, expected)
    output.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(tokens.grad, by_hand.grad, atol=1e-5, rtol=1e-4)
    assert carried.grad.abs().max() > 1e-3


def test_a_hole_is_seen_as_a_token_of_zero():
    attention, plain = (
        kind(8, heads=2, max_positions=16) for kind in (MotionAugmentedAttention, InterleavedMotionAttention)
    )
    plain.load_state_dict(attention.state_dict())
    fields = MotionFields(random_flow(1, 3, 4, 6, scale=100.0))  # everything leaves the image
    assert not fields.at((2, 3)).coverage.any()
    tokens = torch.randn(1, 6, 3, 8)
    torch.testing.assert_close(attention(tokens, fields, (2, 3)), plain(tokens, fields, (2, 3)))


@torch.no_grad()
def test_frame_0_is_told_time_1_in_stage_2():
    network, x, flow = tiny_stage2(), sample(4), random_flow(CLIPS, FRAMES, 16, 24)
    heard = []
    network.time_embedding.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    network(x, TIMES, flow=flow)
    assert heard[0].view(CLIPS, FRAMES).tolist() == [[1, 7, 7, 7], [1, 800, 800, 800]]


@torch.no_grad()
def test_strides_of_each_frame_matter():
    network, x = awake(stage1_unet(architecture=TINY)), sample(8)
    slow, fast = (network(x, 5, strides=strides) for strides in (STRIDES, 2 * STRIDES))
    assert (slow - fast).abs().max() > 1e-3
    assert torch.equal(slow, network(x, 5, strides=STRIDES.expand(CLIPS, -1)))


def test_a_new_controlnet_changes_nothing_and_learns_alone():
    network = awake(stage1_unet(architecture=TINY)).requires_grad_(False)
    controlnet = TrajectoryControlNet.from_unet(network, stem_channels=8)
    assert torch.equal(controlnet.conv_in.weight, network.conv_in.weight)
    x, condition = sample(8), sample(5)
    control = controlnet(x, TIMES, strides=STRIDES, condition=condition)
    predicted = network(x, TIMES, strides=STRIDES, control=control)
    assert torch.equal(predicted, network(x, TIMES, strides=STRIDES))
    predicted.square().mean().backward()
    assert all(conv.weight.grad.any() for conv in controlnet.controlnet_down_blocks)
    assert all(value.grad is None for value in network.parameters())


@torch.no_grad()
def test_residuals_are_scaled():
    controlnet = awake(TrajectoryControlNet(architecture=TINY, stem_channels=8))
    inputs = {"strides": STRIDES, "condition": sample(5)}
    full, half = (controlnet(sample(8), 5, **inputs, scale=scale) for scale in (1.0, 0.5))
    torch.testing.assert_close(full.middle, 2 * half.middle)
    torch.testing.assert_close(full.down[-1], 2 * half.down[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_recomputing_activations_changes_no_gradient(kind):
    moved = {"flow": random_flow(CLIPS, FRAMES, 16, 24)} if kind.needs_motion else {}
    gradients = []
    for recompute in (False, True):
        network = tiny_stage2(kind, gradient_checkpointing=recompute)
        network(sample(4), TIMES, **moved).square().mean().backward()
        gradients.append([value.grad for value in network.parameters()])
    for kept, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, kept)


@torch.no_grad()
def test_half_precision_stays_close():
    network, x, flow = tiny_stage2(), sample(4), random_flow(CLIPS, FRAMES, 16, 24)
    full = network(x, TIMES, flow=flow)
    half = network.bfloat16()(x.bfloat16(), TIMES, flow=flow)
    assert half.dtype == torch.bfloat16
    assert (half.float() - full).abs().max() < 0.1 * full.abs().max()


def test_sizes_follow_the_arguments():
    tiny = stage2_unet(architecture=TINY)
    assert not any("attn2" in name for name in tiny.state_dict())
    assert len([name for name in tiny.state_dict() if name.endswith("to_out.0.bias") and "temporal" in name]) == 14
    assert {name.split(".attentions")[0] for name in tiny.state_dict() if ".attentions." in name} == {
        "down_blocks.1",
        "mid_block",
        "up_blocks.0",
    }
    single = replace(TINY, temporal_attentions=1, mid_attention=False)
    assert sum(p.numel() for p in stage2_unet(architecture=single).parameters()) < sum(
        p.numel() for p in tiny.parameters()
    )


def refuse(match, network, *inputs, **named):
    with pytest.raises(UserError, match=match):
        network(*inputs, **named)


def test_inputs_that_do_not_fit_are_refused():
    stage1, stage2 = stage1_unet(architecture=TINY), stage2_unet(architecture=TINY)
    flow = random_flow(CLIPS, FRAMES, 16, 24)
    refuse(r"expected \(B,4,F,h,w\).*Stage 1 takes", stage2, sample(8), 5, flow=flow)
    refuse("multiples of 2", stage2, sample(4)[..., :11], 5, flow=flow)
    refuse("flow is missing", stage2, sample(4), 5)
    refuse("flow is given", stage1, sample(8), 5, strides=STRIDES, flow=flow)
    refuse("2 clips of 3 frames; the sample has 2 of 4", stage2, sample(4), 5, flow=flow[:, :3])
    refuse("field 0 moves", stage2, sample(4), 5, flow=flow + 1)
    refuse(r"expected \(B,F,2,H,W\)", stage2, sample(4), 5, flow=flow.transpose(1, 2))
    refuse("strides are missing", stage1, sample(8), 5)
    refuse("strides are given", stage2, sample(4), 5, strides=STRIDES, flow=flow)
    refuse(r"expected \(4,\) or \(2,4\)", stage1, sample(8), 5, strides=STRIDES[:3])
    refuse("text has shape.*expected none", stage2, sample(4), 5, torch.zeros(2, 3, 6), flow=flow)
    with_text = stage2_unet(architecture=replace(TINY, text_channels=24))
    refuse(r"text has none; expected \(2,L,24\)", with_text, sample(4), 5, flow=flow)
    long = torch.zeros(1, 4, 17, 4, 4)
    refuse("17 frames are 33 tokens", stage2, long, 5, flow=torch.zeros(1, 17, 2, 8, 8))
    controlnet = TrajectoryControlNet(architecture=TINY, stem_channels=8)
    refuse(r"condition has shape .*expected \(2, 5, 4", controlnet, sample(8), 5, strides=STRIDES, condition=sample(4))
    control = controlnet(sample(8), 5, strides=STRIDES, condition=sample(5))
    shallow = control._replace(down=control.down[:-1])
    refuse("residuals", stage1, sample(8), 5, strides=STRIDES, control=shallow)


def test_an_architecture_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match="one entry for each level"):
        Architecture(channels=(32, 64))
    with pytest.raises(UserError, match="temporal_heads=5 must divide"):
        replace(TINY, temporal_heads=5)


def test_a_network_of_other_widths_is_built_by_hand():
    network = UNetMotion3D(in_channels=3, out_channels=2, architecture=TINY)
    assert network(torch.zeros(1, 3, 2, 4, 4), 5).shape == (1, 2, 2, 4, 4)
