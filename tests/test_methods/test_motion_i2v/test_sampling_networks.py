"""From an image and drags to frames, with tiny networks whose weights are random."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from motion_networks import TINY, awake

from sparsevision.methods.motion_i2v import (
    MotionAugmentedAttention,
    NoiseSchedule,
    PatchFlowCodec,
    PixelShuffleCodec,
    TrajectoryControlNet,
    UNetMotion3D,
    clip_noise,
    decode_motion,
    frame_network,
    frame_strides,
    freeze_anchors,
    motion_network,
    paste_frozen,
    rasterise_tracks,
    sample_frames,
    sample_motion,
    seeded,
)
from sparsevision.utils import UserError

SIZE, FIELDS, SCHEDULE = (16, 24), 3, NoiseSchedule()
FLOW_CODEC, IMAGE_CODEC = PatchFlowCodec(patch=4, latent_scale=0.2), PixelShuffleCodec(patch=2)


@pytest.fixture(scope="module")
def motion_unet():
    return awake(UNetMotion3D(in_channels=14, out_channels=2, architecture=TINY, stride_embedding=True)).eval()


@pytest.fixture(scope="module")
def controlnet(motion_unet):
    return awake(TrajectoryControlNet.from_unet(motion_unet, condition_channels=3, stem_channels=8), seed=1).eval()


@pytest.fixture(scope="module")
def frame_unet():
    architecture = replace(TINY, temporal_attention=MotionAugmentedAttention)
    return awake(UNetMotion3D(in_channels=12, out_channels=12, architecture=architecture, reference_timestep=1)).eval()


def images(seeds):
    return torch.stack([torch.rand(3, *SIZE, generator=own) for own in seeded(seeds)])


def motion_of(network, seeds, tracks, brush=None, **options):
    """Flow (B,F,2,H,W) in pixels."""
    image = IMAGE_CODEC.encode(images(seeds)[:, :, None])[:, :, 0]
    image = torch.nn.functional.avg_pool2d(image, 2)
    drawn = [rasterise_tracks(own, height=16, width=24, frames=FIELDS, unit=4, brush=brush) for own in tracks]
    control = FLOW_CODEC.condition(*(torch.stack(part) for part in zip(*drawn, strict=True)))
    noise = clip_noise((2, FIELDS, 4, 6), seeded(seeds))
    latents = sample_motion(network, image=image, noise=noise, control=control, schedule=SCHEDULE, steps=3, **options)
    return decode_motion(latents, FLOW_CODEC, brush=brush)


def frames_of(unet, seeds, flow, **options):
    """Video (B,3,1+F,H,W)."""
    reference = IMAGE_CODEC.encode(images(seeds)[:, :, None])[:, :, 0]
    noise = clip_noise((12, FIELDS + 1, 8, 12), seeded(seeds))
    network = frame_network(unet)
    latents = sample_frames(network, reference=reference, noise=noise, flow=flow, schedule=SCHEDULE, steps=3, **options)
    return IMAGE_CODEC.decode(latents)


DRAGS = [[(5, 5), (15, 5)], [(20, 12)]], [[(12, 8), (12, 14), (3, 14)]]


@torch.no_grad()
def test_a_batch_of_two_equals_two_single_runs_through_both_stages(motion_unet, controlnet, frame_unet):
    network = motion_network(motion_unet, controlnet, strides=frame_strides(FIELDS))
    flow = motion_of(network, [1, 2], DRAGS)
    singles = torch.cat([motion_of(network, [seed], [own]) for seed, own in zip([1, 2], DRAGS, strict=True)])
    assert (flow - singles).abs().max() < 1e-4  # pixels, five for each unit of the latents
    video = frames_of(frame_unet, [1, 2], singles)
    assert torch.equal(video, frames_of(frame_unet, [1, 2], singles))
    alone = torch.cat([frames_of(frame_unet, [seed], singles[i : i + 1]) for i, seed in enumerate([1, 2])])
    assert (video - alone).abs().max() < 1e-5


@torch.no_grad()
def test_frozen_pixels_are_the_references_and_their_flow_is_zero(motion_unet, controlnet, frame_unet):
    brush = freeze_anchors([(3, 3)], radius=2, size=SIZE)
    brush[:, 12:] = True
    network = motion_network(motion_unet, controlnet, strides=frame_strides(FIELDS))
    flow = motion_of(network, [1], [[[(5, 5), (15, 5)]]], brush)
    frozen = torch.from_numpy(brush)
    assert (flow[..., frozen] == 0).all()
    assert flow[..., ~frozen].abs().min() > 0
    video = frames_of(frame_unet, [1], flow, brush=brush, exact_freezing=True)
    pasted = paste_frozen(video, images([1]), brush)
    still = images([1])[:, :, None].expand_as(pasted)
    assert torch.equal(pasted[..., frozen], still[..., frozen])
    assert (video[..., 14:] - still[..., 14:]).abs().max() < 1e-6  # by the latents alone
    assert (video[:, :, 1:, :, :10] - still[:, :, 1:, :, :10]).abs().max() > 0.1


@torch.no_grad()
def test_tracks_act_through_the_controlnet_alone(motion_unet, controlnet):
    strides = frame_strides(FIELDS)
    steered = motion_of(motion_network(motion_unet, controlnet, strides=strides), [1], DRAGS[:1])
    muted = motion_of(motion_network(motion_unet, controlnet, strides=strides, control_scale=0), [1], DRAGS[:1])
    other = motion_of(motion_network(motion_unet, controlnet, strides=strides, control_scale=0), [1], DRAGS[1:])
    assert torch.equal(muted, other)
    assert (steered - muted).abs().max() > 0.1
    with pytest.raises(UserError, match="ControlNet"):
        motion_of(motion_network(motion_unet, strides=strides), [1], DRAGS[:1])


@torch.no_grad()
def test_frames_follow_the_flow_where_attention_does(frame_unet):
    plain = awake(UNetMotion3D(in_channels=12, out_channels=12, architecture=TINY, reference_timestep=1)).eval()
    still, moved = torch.zeros(1, FIELDS, 2, *SIZE), torch.full((1, FIELDS, 2, *SIZE), 4.0)
    assert torch.equal(frames_of(plain, [1], still), frames_of(plain, [1], moved))
    assert (frames_of(frame_unet, [1], still) - frames_of(frame_unet, [1], moved)).abs().max() > 1e-3


def test_a_flow_of_another_clip_length_is_refused(frame_unet):
    with pytest.raises(UserError, match="a clip of 4 frames has 3"):
        frames_of(frame_unet, [1], torch.zeros(1, FIELDS + 1, 2, *SIZE))
    with pytest.raises(UserError, match="brush"):
        frames_of(frame_unet, [1], torch.zeros(1, FIELDS, 2, *SIZE), brush=np.zeros((8, 12)))
