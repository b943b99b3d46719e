"""Numbers of the published code (golden core.json): encodings, rays, sampling, volume rendering, MLP."""

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from sparsevision.datasets.views.rays import get_rays, ndc_rays, rays_at
from sparsevision.datasets.views.scene import Intrinsics
from sparsevision.evaluation.functional.views import psnr
from sparsevision.methods.spin_nerf.radiance.encoding import positional_encoding
from sparsevision.methods.spin_nerf.radiance.ray_losses import sigma_loss
from sparsevision.methods.spin_nerf.radiance.removal import ObjectRemoval
from sparsevision.methods.spin_nerf.radiance.sampling import depths_between, sample_pdf, stratified
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF
from sparsevision.methods.spin_nerf.radiance.volume import composite, objectness, opacities, volume_render, weights_of

GOLDEN = json.loads((Path(__file__).resolve().parents[2] / "golden" / "spin_nerf" / "core.json").read_text())
SWITCHES = [(white, detach) for white in ("off", "on") for detach in ("off", "on")]


def tensor(values):
    """float32; null is NaN."""
    if isinstance(values, list):
        return torch.stack([tensor(value) for value in values])
    return torch.tensor(float("nan") if values is None else values, dtype=torch.float32)


def close(actual, expected, tolerance):
    torch.testing.assert_close(actual, tensor(expected), rtol=0, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize(("length", "tolerance"), [(4, 1e-6), (10, 1e-4)])
def test_positional_encoding(length, tolerance):
    golden = GOLDEN[f"position_encoding_{length}"]
    encoded = positional_encoding(tensor(golden["x"]), golden["frequencies"])
    assert encoded.shape[-1] == golden["out_dim"]
    close(encoded, golden["out"], tolerance)


def test_rays_of_an_image():
    golden = GOLDEN["rays"]
    origins, directions = get_rays(golden["H"], golden["W"], golden["focal"], tensor(golden["c2w"]))
    close(directions, golden["directions"], 1e-6)
    assert torch.equal(origins, tensor(golden["origin"]).expand(3, 4, 3))


def test_rays_at_places_of_an_image():
    golden, camera = GOLDEN["rays_at_coordinates"], GOLDEN["rays"]
    intrinsics = Intrinsics.simple(camera["H"], camera["W"], camera["focal"])
    origins, directions = rays_at(tensor(golden["xy"]), intrinsics, tensor(camera["c2w"]))
    close(directions, golden["directions"], 1e-6)
    close(origins, [camera["origin"]] * 2, 1e-6)


def test_ndc_rays():
    golden = GOLDEN["ndc_rays"]
    origins, directions = ndc_rays(
        golden["H"],
        golden["W"],
        golden["focal"],
        golden["near"],
        tensor(golden["origins"]),
        tensor(golden["directions"]),
    )
    close(origins, golden["out_origins"], 1e-6)
    close(directions, golden["out_directions"], 1e-6)


def test_depths():
    golden = GOLDEN["depths_linear_in_disparity"]
    z = depths_between(golden["near"], golden["far"], golden["samples"], linear_in_disparity=True)
    close(z, golden["z"], 1e-5)
    close(stratified(z, tensor(golden["uniform"])), golden["z_stratified"], 1e-5)


def test_depths_linear_in_depth():
    assert torch.allclose(depths_between(1.0, 3.0, 5), torch.tensor([1.0, 1.5, 2.0, 2.5, 3.0]))


@pytest.mark.parametrize("entry", ["sample_pdf_deterministic", "sample_pdf_given_uniform"])
def test_sample_pdf(entry):
    golden = GOLDEN[entry]
    u = tensor(golden["uniform"]) if "uniform" in golden else None
    n = golden.get("samples", 5)
    close(sample_pdf(tensor(golden["bins"]), tensor(golden["weights"]), n, u=u), golden["out"], 1e-5)


@pytest.mark.parametrize(("white", "detach"), SWITCHES)
@pytest.mark.parametrize("entry", ["volume", "volume_open"])
def test_volume_and_its_gradients(entry, white, detach):
    golden = GOLDEN[entry]
    expected = golden[f"white_{white}_detach_{detach}"]
    raw = tensor(golden["raw"]).requires_grad_()
    z, directions = tensor(golden["z"]), tensor(golden["directions"])
    found = volume_render(raw, z, directions, white_background=white == "on", detach_weights=detach == "on")
    for name in ("rgb", "disparity", "accumulation", "weights", "depth"):
        close(found[name], expected[name], 1e-5)
    close(opacities(raw[..., 3], z, directions), expected["alpha"], 1e-5)
    (found["rgb"] * tensor(golden["colour_coefficients"])).sum().backward()
    close(raw.grad, expected["grad_raw"], 1e-5)
    if (white, detach) == ("off", "on"):
        assert raw.grad[..., 3].abs().max() == 0


def test_a_white_background_leaks_into_the_density_until_it_is_detached():
    golden, leaks = GOLDEN["volume_open"], []
    for closed in (False, True):
        raw = tensor(golden["raw"]).requires_grad_()
        switches = {"white_background": True, "detach_weights": True, "detach_background": closed}
        found = volume_render(raw, tensor(golden["z"]), tensor(golden["directions"]), **switches)
        (found["rgb"] * tensor(golden["colour_coefficients"])).sum().backward()
        leaks.append(float(raw.grad[..., 3].abs().max()))
    assert leaks[0] > 1e-3
    assert leaks[1] == 0


def volume_of_an_object():
    golden = GOLDEN["volume"]
    raw, z, directions = (tensor(golden[name]) for name in ("raw", "z", "directions"))
    return raw, z, opacities(raw[..., 3], z, directions), tensor(golden["logits"])


def test_objectness_and_its_gradients():
    golden = GOLDEN["objectness"]
    raw, z, directions = (tensor(GOLDEN["volume"][name]) for name in ("raw", "z", "directions"))
    raw.requires_grad_()
    logits = tensor(GOLDEN["volume"]["logits"]).requires_grad_()
    weights = volume_render(raw, z, directions)["weights"]
    found = objectness(weights, logits)
    close(found, golden["prob"], 1e-5)
    found.sum().backward()
    close(logits.grad, golden["grad_logits"], 1e-5)
    assert raw.grad is None
    assert golden["grad_sigma_max"] == 0
    fifth = volume_render(torch.cat([raw, logits[..., None]], -1), z, directions)
    close(fifth["logit"].detach(), golden["prob"], 1e-5)


def test_object_removal():
    golden = GOLDEN["object_removal"]
    raw, z, alpha, logits = volume_of_an_object()
    weights = weights_of(ObjectRemoval().opacities(alpha, logits))
    found = composite(raw, z, weights)
    close(found["rgb"], golden["rgb"], 1e-5)
    close(found["accumulation"], golden["accumulation"], 1e-5)
    close(ObjectRemoval().logit(weights, logits), golden["prob"], 1e-5)
    close(ObjectRemoval(harsh=True).logit(weights, logits), GOLDEN["object_removal_harsh"]["prob"], 1e-5)


def test_object_removal_with_a_threshold():
    golden = GOLDEN["object_removal_threshold"]
    raw, z, alpha, logits = volume_of_an_object()
    weights = weights_of(ObjectRemoval(threshold=golden["threshold"]).opacities(alpha, logits))
    found = composite(raw, z, weights)
    close(found["rgb"], golden["rgb"], 1e-5)
    close(found["accumulation"], golden["accumulation"], 1e-5)


def test_objectness_bce():
    golden = GOLDEN["objectness_bce"]
    value = F.binary_cross_entropy_with_logits(tensor(GOLDEN["objectness"]["prob"]), tensor(golden["labels"]))
    close(value, golden["value"], 1e-6)


def test_vanilla_field():
    golden = GOLDEN["mlp"]
    field = VanillaNeRF()
    assert {name: list(value.shape) for name, value in field.state_dict().items()} == golden["keys"]
    assert sum(value.numel() for value in field.parameters()) == golden["parameters"]
    fill = golden["fill"]
    for place, name in enumerate(golden["keys"]):
        k = torch.arange(field.get_parameter(name).numel(), dtype=torch.float64)
        values = fill["amplitude"] * torch.sin(fill["step"] * k + fill["offset_per_tensor"] * place)
        field.get_parameter(name).data.copy_(values.reshape(golden["keys"][name]))
    out = field(tensor(golden["x"])[:, None], tensor(golden["view_directions"]))
    close(out[:, 0].detach(), golden["out"], 1e-5)


def test_sigma_loss():
    golden = GOLDEN["sigma_loss"]
    origins, directions = torch.zeros(2, 3), torch.tensor([[0.0, 0.0, -1.0]] * 2)
    losses = sigma_loss(
        lambda points: points[..., 2].abs(),
        origins,
        directions,
        tensor(golden["depths"]),
        near=golden["near"],
        num_samples=golden["samples"],
    )
    close(losses, golden["out"], 1e-6)


def test_mean_squared_error_in_decibels():
    golden = GOLDEN["mse_psnr"]
    a, b = tensor(golden["a"]), tensor(golden["b"])
    close(F.mse_loss(a, b), golden["mse"], 1e-6)
    assert psnr(a.numpy(), b.numpy()) == pytest.approx(golden["psnr"], abs=1e-6)
