"""One training step and a view: which terms there are, and what each of them may move."""

import pytest
import torch
from torch import nn

from sparsevision.layers.lpips import LPIPS
from sparsevision.methods.spin_nerf import SPInNeRF
from sparsevision.methods.spin_nerf import method as method_file
from sparsevision.methods.spin_nerf.build import build_parts, build_renderer
from sparsevision.methods.spin_nerf.patch_distance import PatchDistance
from sparsevision.methods.spin_nerf.presets import PRESETS
from sparsevision.methods.spin_nerf.radiance.coordinates import FrustumCoordinates
from sparsevision.methods.spin_nerf.radiance.dense_field import DensityGrid
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF
from sparsevision.utils import UserError

RAYS = 40
VANILLA = {"type": "VanillaNeRF", "depth": 3, "width": 32, "skip_after": 1}
GRID = {
    "type": "DenseGridField",
    "resolutions": ((8, 8, 8),),
    "plane_resolution": None,
    "colour_channels": 2,
    "hidden": 8,
}


def renderer_of(field: dict, **options) -> dict:
    return {
        "type": "Renderer",
        "fine": field,
        "num_samples": 12,
        "num_fine_samples": 0,
        "white_background": True,
    } | options


def method_of(preset: str, field: dict = VANILLA, **options) -> SPInNeRF:
    torch.manual_seed(0)
    options = {"perceptual": LPIPS("alex"), "perceptual_from": 1} | options
    renderer = renderer_of(field, activation="softplus" if field is GRID else "relu")
    model = SPInNeRF(renderer=renderer, preset=preset, **options)
    return model.train()


def batch(*groups: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    directions = torch.rand(RAYS, 3, generator=generator) - torch.tensor([0.5, 0.5, 1.5])
    rays = torch.cat([torch.zeros(RAYS, 3), directions], dim=-1)
    inputs = {"near_far": torch.tensor([1.2, 6.0])}
    for name in groups:
        known = {
            "rays": rays,
            "colour": torch.rand(RAYS, 3, generator=generator),
            "label": (torch.rand(RAYS, generator=generator) > 0.5).float(),
            "disparity": torch.rand(RAYS, generator=generator) * 0.8,
            "depth": torch.rand(RAYS, generator=generator) * 4 + 1.2,
        }
        if name == "patches":
            x, y = torch.meshgrid(torch.linspace(-0.4, 0.4, 32), torch.linspace(-0.4, 0.4, 32), indexing="xy")
            patch = torch.stack([x, y, -torch.ones_like(x)], dim=-1)
            known = {
                "rays": torch.cat([torch.zeros_like(patch), patch], dim=-1)[None],
                "colour": torch.rand(1, 32, 32, 3, generator=generator),
                "place": torch.tensor([[0, 3, 4]]),
            }
        inputs |= {f"{name}_{key}": value for key, value in known.items()}
    return inputs


def gradient_of(model: SPInNeRF, term: torch.Tensor) -> float:
    """Of what the density depends on."""
    model.zero_grad()
    term.backward()
    return sum(float(one.grad.abs().sum()) for one in model.renderer.geometry_parameters() if one.grad is not None)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (("colours", "labels", "keypoints"), {"loss_colours", "loss_objectness", "loss_depth"}),
        (("colours", "keypoints"), {"loss_colours", "loss_depth"}),
        (
            ("background", "hole", "reference", "patches", "keypoints"),
            {"loss_background", "loss_disparity", "loss_reference", "loss_perceptual", "loss_depth"},
        ),
    ],
)
def test_a_stage_is_what_its_groups_ask_for(groups, expected):
    model = method_of("fixed", VANILLA | {"objectness": True})
    losses = model(batch(*groups), mode="loss")
    assert set(losses) == expected
    assert all(torch.isfinite(value) and value.requires_grad for value in losses.values())


@pytest.mark.parametrize("field", [VANILLA, GRID], ids=["vanilla", "grid"])
@pytest.mark.parametrize("group", ["reference", "patches"])
def test_colours_of_the_hole_leave_density_alone(group, field):
    model = method_of("fixed", field)
    (term,) = model(batch(group), mode="loss").values()
    assert gradient_of(model, term) == 0.0
    assert any(one.grad is not None and one.grad.abs().sum() > 0 for one in model.parameters())


@pytest.mark.parametrize("switch", ["leak_background", "leak_trunk"])
def test_the_release_has_two_leaks(switch):
    both = {"leak_background": False, "leak_trunk": False}
    model = method_of("published", switches=both | {switch: True})
    (term,) = model(batch("reference"), mode="loss").values()
    assert gradient_of(model, term) > 0


def test_masks_move_no_density():
    model = method_of("published", VANILLA | {"objectness": True})
    (term,) = model(batch("labels"), mode="loss").values()
    assert gradient_of(model, term) == 0.0


@pytest.mark.parametrize(("iteration", "expected"), [(299, False), (300, True)])
def test_patches_count_from_an_iteration_on(monkeypatch, iteration, expected):
    monkeypatch.setattr(method_file, "training_iteration", lambda: iteration)
    model = method_of("fixed", perceptual_from=301)
    assert ("loss_perceptual" in model(batch("background", "patches"), mode="loss")) == expected


def test_weights_scale_their_terms():
    plain, double = (
        method_of("fixed", weights={"disparity": weight})(batch("hole"), mode="loss")["loss_disparity"]
        for weight in (1.0, 2.0)
    )
    assert double.item() == pytest.approx(2 * plain.item(), rel=1e-5)
    field = VANILLA | {"objectness": True}
    labels = batch("labels") | {"labels_label": torch.ones(RAYS)}
    even, heavy = (
        method_of("fixed", field, weights={"object_pixel": weight})(labels, mode="loss")["loss_objectness"]
        for weight in (1.0, 3.0)
    )
    assert heavy.item() == pytest.approx(3 * even.item(), rel=1e-5)
    removal = method_of("fixed", weights={"disparity": 0.0, "accumulation": 0.5})
    assert set(removal(batch("background", "hole"), mode="loss")) == {"loss_background", "loss_accumulation"}


def test_key_points_can_be_trusted_by_their_weight_and_relative_to_their_depth():
    inputs = batch("keypoints") | {"keypoints_weight": torch.full((RAYS,), 3.0)}
    plain, weighted, relative = (
        method_of("fixed", **options)(inputs, mode="loss")["loss_depth"].item()
        for options in ({}, {"weighted_depth": True}, {"relative_depth": True})
    )
    assert weighted == pytest.approx(3 * plain, rel=1e-5)
    assert relative < 0.5 * plain


def test_a_proposal_learns_to_bound_the_field():
    torch.manual_seed(0)
    coarse = {"type": "DensityGrid", "resolution": (8, 8, 8)}
    settings = renderer_of(GRID, coarse=coarse, num_fine_samples=6, keep_coarse_samples=False)
    model = SPInNeRF(renderer=settings, preset="fixed").train()
    assert isinstance(model.renderer.coarse, DensityGrid)
    losses = model(batch("colours"), mode="loss")
    assert set(losses) == {"loss_colours", "loss_proposal"}


def test_grids_hold_what_the_cameras_see(monkeypatch):
    model = method_of("fixed", GRID | {"coordinates": {"type": "FrustumCoordinates"}})
    extent = torch.tensor([[-2.0, -1.0, -2.0], [3.0, 2.0, -4.0]])
    model(batch("background") | {"extent": extent}, mode="loss")
    unit = model.renderer.fine.coordinates(extent)
    assert 0 <= float(unit.detach().min()) <= float(unit.detach().max()) <= 1
    monkeypatch.setattr(method_file, "training_iteration", lambda: 5)
    before = model.renderer.fine.coordinates.low.clone()
    model(batch("background") | {"extent": 2 * extent}, mode="loss")
    assert torch.equal(model.renderer.fine.coordinates.low, before), "a running training keeps its grids"


@pytest.mark.parametrize(
    ("coordinates", "low", "high"),
    [
        ({"type": "BoxCoordinates", "low": (-100.0,) * 3, "high": (100.0,) * 3}, -100.0, 100.0),
        ({"type": "ContractedCoordinates"}, -2.0, 2.0),
        ({"type": "BoxCoordinates"}, -4.0, 3.0),
    ],
)
def test_a_box_that_is_given_stays(coordinates, low, high):
    """The release's is of side 200, whatever the cameras see of it."""
    model = method_of("published", GRID | {"coordinates": coordinates})
    model(batch("background") | {"extent": torch.tensor([[-2.0, -1.0, -2.0], [3.0, 2.0, -4.0]])}, mode="loss")
    box = model.renderer.fine.coordinates
    assert (float(box.low.min()), float(box.high.max())) == (low, high)


def test_it_predicts_a_view_without_noise():
    model = method_of("fixed", VANILLA | {"objectness": True})
    rays = batch("patches")["patches_rays"][0]
    inputs = {"rays": rays, "near_far": torch.tensor([1.2, 6.0])}
    first, second = (model(inputs, mode="predict")[0] for _ in range(2))
    assert model.renderer.training
    assert first.pred_view.shape == (3, 32, 32)
    assert torch.equal(first.pred_view, second.pred_view)
    assert torch.equal(first.pred_mask, first.pred_objectness > 0.5)
    assert first.pred_disparity.shape == first.pred_accumulation.shape == (32, 32)
    model.chunk = 100
    torch.testing.assert_close(model(inputs, mode="predict")[0].pred_view, first.pred_view)


def test_it_predicts_without_the_object():
    model = method_of("fixed", VANILLA | {"objectness": True}, remove_object={})
    nn.init.constant_(model.renderer.fine.objectness_head[-1].bias, 50.0)
    sample = model({"rays": batch("patches")["patches_rays"][0], "near_far": torch.tensor([1.2, 6.0])}, mode="predict")[
        0
    ]
    assert float(sample.pred_accumulation.max()) < 1e-6, "where all is the object, nothing is left"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"near_far": torch.tensor([1.2, 6.0])}, "the batch has none of colours, background"),
        (batch("patches"), "patches need a perceptual distance"),
        (batch("labels"), "'labels' needs a field with an objectness"),
    ],
)
def test_a_batch_that_cannot_be_learnt_from_is_told(inputs, message):
    with pytest.raises(UserError, match=message):
        method_of("fixed", perceptual=None)(inputs, mode="loss")


def test_an_unknown_activation_is_told():
    with pytest.raises(UserError, match=r"activation='reul'. Did you mean 'relu'"):
        build_renderer(renderer_of(GRID, activation="reul"), PRESETS["fixed"])


def test_parts_are_built_from_the_inside_out():
    field = build_parts(VANILLA)
    assert isinstance(field, VanillaNeRF)
    assert isinstance(
        build_parts(GRID | {"coordinates": {"type": "FrustumCoordinates"}}).coordinates, FrustumCoordinates
    )


def test_targets_are_looked_at_once():
    """With the same place the remembered features are taken, whatever the pixels are."""
    torch.manual_seed(0)
    lpips = LPIPS("alex")
    rendered, wanted, other = (torch.rand(1, 32, 32, 3) for _ in range(3))
    remembering, forgetful = PatchDistance(lpips, remembered=1), PatchDistance(lpips)
    place = torch.tensor([[1, 2, 3]])
    first = remembering(rendered, wanted, places=place)
    assert torch.equal(remembering(rendered, other, places=place), first)
    assert not torch.equal(forgetful(rendered, other, places=place), first)
    assert torch.equal(forgetful(rendered, wanted, places=place), first)
    remembering(rendered, other, places=torch.tensor([[0, 0, 0]]))
    assert len(remembering.known) == 1


def test_the_metric_is_no_part_of_a_checkpoint():
    assert not [name for name in method_of("fixed").state_dict() if "lpips" in name or "patch" in name]
