"""The autoencoder of the Stable Diffusion layout: published numbers, published names, diffusers."""

import pytest
import torch
from closeness import assert_near
from golden_motion import golden_arrays, golden_numbers, golden_weight

from sparsevision.methods.motion_i2v import KLAutoencoder, rename_old_attention

NUMBERS = golden_numbers()["vae"]
GOLDEN = {name: torch.from_numpy(value) for name, value in golden_arrays("schedule_vae").items() if "vae" in name}
LAYOUT = {
    "image_channels": 2,
    "channels": tuple(NUMBERS["block_out_channels"]),
    "layers": NUMBERS["layers_per_block"],
    "groups": NUMBERS["norm_num_groups"],
}


@pytest.fixture(scope="module")
def autoencoder():
    network = KLAutoencoder(**LAYOUT)
    state = {key: golden_weight("vae.", key, tuple(shape)) for key, shape in NUMBERS["keys"].items()}
    network.load_state_dict(rename_old_attention(state))
    return network.eval()


@torch.no_grad()
def test_flow_is_encoded_and_decoded_as_published(autoencoder):
    posterior = autoencoder.encode(GOLDEN["vae_input"])
    assert_near(posterior.mean, GOLDEN["vae_mean"], within=5e-5)
    assert_near(posterior.logvar, GOLDEN["vae_logvar"], within=5e-5)
    assert_near(autoencoder.decode(GOLDEN["vae_mean"]), GOLDEN["vae_decoded"], within=5e-5)


def test_only_the_attention_has_other_names_now(autoencoder):
    shapes = {key: list(value.shape) for key, value in autoencoder.state_dict().items()}
    old = {key: torch.empty(shape) for key, shape in NUMBERS["keys"].items()}
    assert shapes == {key: list(value.shape) for key, value in rename_old_attention(old).items()}
    assert rename_old_attention(autoencoder.state_dict()).keys() == shapes.keys()


def test_attention_that_was_a_convolution_becomes_a_product(autoencoder):
    name = "encoder.mid_block.attentions.0.query.weight"
    state = rename_old_attention({name: torch.randn(64, 64, 1, 1)})
    assert state["encoder.mid_block.attentions.0.to_q.weight"].shape == (64, 64)


def test_the_default_is_stable_diffusions_full_size():
    with torch.device("meta"):
        network = KLAutoencoder()
    assert len(network.state_dict()) == 248
    assert sum(value.numel() for value in network.parameters()) == 83_653_863


@torch.no_grad()
def test_diffusers_encodes_and_decodes_the_same(autoencoder):
    diffusers = pytest.importorskip("diffusers")
    levels = len(LAYOUT["channels"])
    theirs = diffusers.AutoencoderKL(
        in_channels=2,
        out_channels=2,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=LAYOUT["channels"],
        layers_per_block=2,
    ).eval()
    theirs.load_state_dict(autoencoder.state_dict())
    flow = GOLDEN["vae_input"]
    assert (theirs.encode(flow).latent_dist.mean - autoencoder.encode(flow).mean).abs().max() < 1e-5
    latents = GOLDEN["vae_mean"]
    assert (theirs.decode(latents).sample - autoencoder.decode(latents)).abs().max() < 5e-5


def test_the_posterior_is_sampled_by_each_clips_own_generator(autoencoder):
    with torch.no_grad():
        posterior = autoencoder.encode(GOLDEN["vae_input"][:1])
    first, again = (posterior.sample(torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, posterior.mean)


def test_divergence_is_zero_for_the_prior_alone(autoencoder):
    network = KLAutoencoder(image_channels=2, channels=(8, 8), layers=1, groups=4)
    posterior = network.encode(torch.randn(2, 2, 8, 8))
    assert posterior.kl().shape == (2,)
    assert (posterior.kl() > 0).all()
    standard = type(posterior)(mean=torch.zeros(2, 4, 2, 2), logvar=torch.zeros(2, 4, 2, 2))
    assert torch.equal(standard.kl(), torch.zeros(2))
