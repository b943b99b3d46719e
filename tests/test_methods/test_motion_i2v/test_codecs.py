"""Codecs: ranges and scales as published, exact inverses where they have no weights, and who draws from what."""

import pytest
import torch

from sparsevision.methods.motion_i2v import (
    FlowVAECodec,
    ImageVAECodec,
    KLAutoencoder,
    PatchFlowCodec,
    PixelShuffleCodec,
    TinyFlowVAE,
    encode_sparse_flow,
    seeded,
)
from sparsevision.utils import UserError


def small_autoencoder(image_channels):
    torch.manual_seed(0)
    return KLAutoencoder(image_channels=image_channels, channels=(8, 8, 8, 8), layers=1, groups=4).eval()


@pytest.fixture(scope="module")
def flow_codec():
    return FlowVAECodec(autoencoder=small_autoencoder(2))


@torch.no_grad()
def test_flow_is_scaled_and_the_condition_is_not(flow_codec):
    flow, mask = torch.randn(2, 3, 2, 16, 24) * 4, (torch.rand(2, 3, 1, 16, 24) > 0.5).float()
    pictures = encode_sparse_flow(flow, mask)
    expected = torch.stack([flow_codec.autoencoder.encode(clip).mean for clip in pictures]).transpose(1, 2)
    condition = flow_codec.condition(flow, mask)
    assert condition.shape == (2, 5, 3, 2, 3)
    assert torch.allclose(condition[:, :4], expected, atol=1e-6)
    assert torch.equal(condition[:, 4:], mask[..., ::8, ::8].transpose(1, 2))
    latents = flow_codec.encode(flow * mask)
    assert torch.allclose(latents, 0.18215 * expected, atol=1e-6)


@torch.no_grad()
def test_mixed_precision_leaves_the_codecs_alone(flow_codec):
    flow, images = torch.randn(1, 3, 2, 16, 24) * 4, torch.rand(1, 3, 3, 16, 24)
    image_codec = ImageVAECodec(autoencoder=small_autoencoder(3))
    mask = torch.ones(1, 3, 1, 16, 24)

    def everything():
        latents, pictures = flow_codec.encode(flow, generators=seeded([1])), image_codec.encode(images)
        return (
            latents,
            pictures,
            flow_codec.decode(latents),
            image_codec.decode(pictures),
            flow_codec.condition(flow, mask),
        )

    exact = everything()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = everything()
    assert all(torch.equal(one, other) for one, other in zip(exact, mixed, strict=True))


@torch.no_grad()
def test_decoded_flow_is_in_pixels_and_no_longer_than_the_picture(flow_codec):
    latents = torch.randn(1, 4, 2, 2, 3)
    picture = flow_codec.autoencoder.decode(latents[0].transpose(0, 1) / 0.18215)
    flow = flow_codec.decode(latents)
    assert flow.shape == (1, 2, 2, 16, 24)
    assert torch.allclose(flow[0, :, 0], (2 * picture[:, 0] - 1).clamp(-1, 1) * 24, atol=1e-5)
    assert torch.allclose(flow[0, :, 1], (2 * picture[:, 1] - 1).clamp(-1, 1) * 16, atol=1e-5)


@torch.no_grad()
def test_each_clip_draws_from_its_own_generator(flow_codec):
    flow = torch.randn(2, 3, 2, 16, 24) * 4
    both = flow_codec.encode(flow, generators=seeded([1, 2]))
    single = flow_codec.encode(flow[1:], generators=seeded([2]))
    assert torch.allclose(both[1:], single, atol=1e-6)
    assert not torch.allclose(both, flow_codec.encode(flow), atol=1e-3)
    piecewise = FlowVAECodec(autoencoder=flow_codec.autoencoder, frames_at_once=2)
    assert torch.allclose(piecewise.encode(flow, generators=seeded([1, 2])), both, atol=1e-6)
    with pytest.raises(UserError, match="1 for 2 clips"):
        flow_codec.encode(flow, generators=seeded([1]))


@torch.no_grad()
def test_pictures_have_the_range_of_their_stage():
    video = torch.rand(1, 3, 2, 16, 24)
    autoencoder = small_autoencoder(3)
    for low in (0, -1):
        codec = ImageVAECodec(autoencoder=autoencoder, low=low, frames_at_once=1)
        frames = video[0].transpose(0, 1)
        expected = autoencoder.encode(frames if low == 0 else 2 * frames - 1).mean.transpose(0, 1) * 0.18215
        assert torch.allclose(codec.encode(video)[0], expected, atol=1e-6)
    decoded = codec.decode(codec.encode(video))
    assert decoded.shape == video.shape
    assert decoded.min() >= 0
    assert decoded.max() <= 1


def test_patch_latents_come_back_exactly():
    codec = PatchFlowCodec(patch=4, latent_scale=0.25)
    latents = torch.randn(2, 2, 3, 4, 5)
    flow = codec.decode(latents)
    assert flow.shape == (2, 3, 2, 16, 20)
    assert torch.allclose(codec.encode(flow), latents, atol=1e-6)


def test_a_patchs_condition_is_the_mean_of_what_is_known():
    codec = PatchFlowCodec(patch=4)
    flow, mask = torch.zeros(1, 1, 2, 8, 8), torch.zeros(1, 1, 1, 8, 8)
    flow[..., 0, 1, 1], flow[..., 0, 2, 2] = 6, 2
    mask[..., 1, 1] = mask[..., 2, 2] = 1
    condition = codec.condition(flow, mask)
    assert condition[0, :, 0, 0, 0].tolist() == [4, 0, 1]
    assert condition[0, :, 0, 1, 1].tolist() == [0, 0, 0]


def test_pixel_latents_come_back_exactly():
    codec = PixelShuffleCodec(patch=2)
    video = torch.rand(2, 3, 4, 8, 10)
    latents = codec.encode(video)
    assert latents.shape == (2, 12, 4, 4, 5)
    assert torch.allclose(codec.decode(latents), video, atol=1e-6)


@pytest.mark.parametrize("codec", [PatchFlowCodec(patch=4), TinyFlowVAE(channels=(8, 8, 8))])
def test_the_fitted_scale_makes_latents_of_size_one_and_is_saved(codec):
    clips = [torch.randn(1, 2, 2, 16, 16) * 9, torch.randn(2, 2, 2, 16, 16) * 7]
    scale = codec.fit_scale(clips)
    with torch.no_grad():
        latents = torch.cat([codec.encode(clip) for clip in clips])
    assert latents.square().mean().sqrt().item() == pytest.approx(1, abs=1e-4)
    assert codec.state_dict()["latent_scale"].item() == pytest.approx(scale)
    assert codec.fit_scale(clips) == pytest.approx(scale)


def test_resting_clips_have_no_scale():
    with pytest.raises(UserError, match="fit_scale"):
        PatchFlowCodec().fit_scale([torch.zeros(1, 2, 2, 8, 8)])


def test_a_small_flow_autoencoder_learns():
    torch.manual_seed(0)
    codec = TinyFlowVAE()
    flow = torch.randn(8, 1, 2, 1, 1).expand(-1, -1, -1, 16, 16) * 10
    optimiser = torch.optim.Adam(codec.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss = (codec.decode(codec.encode(flow)) - flow).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("codec", [PatchFlowCodec(patch=4), TinyFlowVAE(channels=(8, 8, 8))])
def test_flow_that_does_not_fit_the_cells_is_refused(codec):
    for act in (codec.encode, lambda flow: codec.condition(flow, flow[:, :, :1])):
        with pytest.raises(UserError, match="multiples of 4"):
            act(torch.zeros(1, 2, 2, 18, 16))
