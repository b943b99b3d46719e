"""A published training step with the vanilla network, beside its formulas written out: losses and gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sparsevision.layers.lpips import LPIPS
from sparsevision.methods.spin_nerf import SPInNeRF, VanillaNeRF, sample_pdf, volume_render
from sparsevision.methods.spin_nerf.radiance.sampling import depths_between
from sparsevision.utils import UserError

NEAR, FAR, COARSE, FINE, RAYS, PATCH = 1.2, 8.0, 10, 6, 24, (2, 32, 32)
FIELD = {"type": "VanillaNeRF", "depth": 3, "width": 24, "skip_after": 1}


def method_of(*, objectness: bool = False, **options) -> SPInNeRF:
    """The renderer of the release, but for its noise; in float64, so that only formulas make a difference."""
    torch.manual_seed(0)
    renderer = {
        "type": "Renderer",
        "fine": FIELD | {"objectness": objectness},
        "coarse": FIELD | {"objectness": objectness},
        "num_samples": COARSE,
        "num_fine_samples": FINE,
        "white_background": True,
        "perturb": False,
    }
    model = SPInNeRF(
        renderer=renderer, preset="published", perceptual=LPIPS("alex").double(), perceptual_from=1, **options
    )
    for field in (model.renderer.fine, model.renderer.coarse):
        torch.nn.init.constant_(field.alpha_linear.bias, 0.3)  # so that rays meet something
    return model.double().train()


def batch(*groups: str) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    inputs = {"near_far": torch.tensor([NEAR, FAR])}
    for name in groups:
        shape = PATCH if name == "patches" else (RAYS,)
        directions = torch.rand(*shape, 3, generator=draw) - torch.tensor([0.5, 0.5, 1.5])
        inputs[f"{name}_rays"] = torch.cat([0.1 * torch.randn(*shape, 3, generator=draw), directions], -1)
        inputs[f"{name}_colour"] = torch.rand(*shape, 3, generator=draw)
        inputs[f"{name}_disparity"] = 0.8 * torch.rand(shape, generator=draw)
        inputs[f"{name}_depth"] = NEAR + 4 * torch.rand(shape, generator=draw)
        inputs[f"{name}_label"] = (torch.rand(shape, generator=draw) > 0.5).float()
        inputs[f"{name}_place"] = torch.arange(len(inputs[f"{name}_rays"]))[:, None]
    return {name: value.double() if value.is_floating_point() else value for name, value in inputs.items()}


def rendered(model: SPInNeRF, rays: Tensor, *, detach_weights: bool = False) -> list[dict[str, Tensor]]:
    """[fine, coarse] by the formulas."""
    rays = rays.reshape(-1, 6)
    z = depths_between(NEAR, FAR, COARSE, linear_in_disparity=True).to(rays).expand(len(rays), COARSE)
    coarse = seen(model.renderer.coarse, rays, z, detach_weights)
    more = sample_pdf((z[:, 1:] + z[:, :-1]) / 2, coarse["weights"][:, 1:-1].detach(), FINE)
    both = torch.cat([z, more], -1).sort(-1).values
    return [seen(model.renderer.fine, rays, both, detach_weights), coarse]


def seen(field: VanillaNeRF, rays: Tensor, z: Tensor, detach_weights: bool) -> dict[str, Tensor]:
    raw = field(rays[:, None, :3] + rays[:, None, 3:] * z[..., None], F.normalize(rays[:, 3:], dim=-1))
    return volume_render(raw, z, rays[:, 3:], white_background=True, detach_weights=detach_weights)


def final_stage(model: SPInNeRF, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    def rays(name: str, **options) -> list[dict[str, Tensor]]:
        return rendered(model, inputs[f"{name}_rays"], **options)

    reference, patch = rays("reference", detach_weights=True), rays("patches", detach_weights=True)[0]["rgb"]
    pictures = (patch.view(*PATCH, 3), inputs["patches_colour"])
    distance = model.patch_distance.lpips(*(2 * picture.permute(0, 3, 1, 2) - 1 for picture in pictures))
    return {
        "loss_background": sum(F.mse_loss(one["rgb"], inputs["background_colour"]) for one in rays("background")),
        "loss_reference": sum(F.mse_loss(one["rgb"], inputs["reference_colour"]) for one in reference),
        "loss_disparity": sum(F.mse_loss(one["disparity"], inputs["hole_disparity"]) for one in rays("hole")),
        "loss_depth": 0.1 * F.mse_loss(rays("keypoints")[0]["depth"], inputs["keypoints_depth"]),
        "loss_perceptual": distance.sum() / PATCH[0] / 100,
    }


def field_of_masks(model: SPInNeRF, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    labels = rendered(model, inputs["labels_rays"])
    entropy = sum(F.binary_cross_entropy_with_logits(one["logit"], inputs["labels_label"]) for one in labels)
    colours = sum(F.mse_loss(one["rgb"], inputs["colours_colour"]) for one in rendered(model, inputs["colours_rays"]))
    depth = rendered(model, inputs["keypoints_rays"])[0]["depth"]
    return {
        "loss_colours": colours,
        "loss_objectness": 0.01 * entropy,
        "loss_depth": 0.1 * F.mse_loss(depth, inputs["keypoints_depth"]),
    }


@pytest.mark.parametrize(
    ("stage", "groups"),
    [
        (final_stage, ("background", "reference", "hole", "keypoints", "patches")),
        (field_of_masks, ("colours", "labels", "keypoints")),
    ],
)
def test_a_step_is_the_formulas_of_the_release(stage, groups):
    model, inputs = method_of(objectness=stage is field_of_masks), batch(*groups)
    found, expected = model(inputs, mode="loss"), stage(model, inputs)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
    gradients = [torch.autograd.grad(sum(terms.values()), list(model.parameters())) for terms in (found, expected)]
    for (name, _), own, plain in zip(model.named_parameters(), *gradients, strict=True):
        torch.testing.assert_close(own, plain, rtol=1e-4, atol=1e-9, msg=lambda text, name=name: f"{name}: {text}")
        assert own.abs().max() > 0, name


def test_a_hole_without_disparities_is_told():
    inputs = batch("background", "hole")
    del inputs["hole_disparity"]
    with pytest.raises(UserError, match="'hole' has nothing to learn: give the data set disparities"):
        method_of()(inputs, mode="loss")
    emptied = method_of(weights={"accumulation": 0.001})(inputs, mode="loss")
    assert set(emptied) == {"loss_background", "loss_accumulation"}
