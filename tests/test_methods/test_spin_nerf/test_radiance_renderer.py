"""The renderer: where it samples, what it returns, and where gradients stop."""

import pytest
import torch
from torch.nn import functional as F

from sparsevision.datasets.views.rays import get_rays, rays_at
from sparsevision.datasets.views.scene import Intrinsics
from sparsevision.methods.spin_nerf.radiance import renderer as renderer_module
from sparsevision.methods.spin_nerf.radiance.dense_field import DenseGridField, DensityGrid
from sparsevision.methods.spin_nerf.radiance.ray_losses import interlevel_loss
from sparsevision.methods.spin_nerf.radiance.removal import ObjectRemoval, smooth_along_ray
from sparsevision.methods.spin_nerf.radiance.renderer import Renderer
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF
from sparsevision.methods.spin_nerf.radiance.volume import truncated_exp, volume_render

POSE = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
CAMERA = Intrinsics.simple(4, 6, 5.0)


def rays():
    return torch.cat(get_rays(4, 6, 5.0, POSE), -1).reshape(-1, 6)


def vanilla(**kwargs):
    torch.manual_seed(0)
    return VanillaNeRF(depth=2, width=16, **kwargs)


def build(*, coarse=True, objectness=False, **kwargs):
    fields = {"fine": vanilla(objectness=objectness), "coarse": vanilla(objectness=objectness) if coarse else None}
    return Renderer(**fields, num_samples=8, num_fine_samples=4, **kwargs)


class Wall(torch.nn.Module):
    """A red wall at depth 2, opaque, with the logit 3."""

    def density(self, points):
        return torch.where((points[..., 2] < -2) & (points[..., 2] > -2.2), 1e3, -1.0)

    def forward(self, points, directions, *, detach_geometry=False):
        colour = points.new_tensor([20.0, -20.0, -20.0]).expand(points.shape)
        return torch.cat([colour, self.density(points)[..., None], torch.full_like(points[..., :1], 3.0)], -1)


def test_a_wall_is_found_by_the_fine_samples():
    renderer = Renderer(fine=Wall(), num_samples=32, num_fine_samples=64).eval()
    found = renderer(rays(), 1.0, 8.0)
    assert found["coarse"] is None
    assert found["fine"]["z"].shape == (24, 96)
    assert torch.allclose(found["fine"]["depth"], torch.tensor(2.1), atol=0.1)
    assert torch.allclose(found["fine"]["rgb"], torch.tensor([1.0, 0.0, 0.0]), atol=1e-4)
    assert torch.allclose(found["fine"]["logit"], torch.tensor(3.0), atol=1e-4)
    assert torch.allclose(found["fine"]["disparity"] * found["fine"]["depth"], torch.ones(24), atol=1e-4)


def test_a_removed_wall_is_seen_through():
    renderer = Renderer(fine=Wall(), num_samples=32, num_fine_samples=64).eval()
    thinner = renderer(rays(), 1.0, 8.0, removal=ObjectRemoval(threshold=0.02, harsh=True))["fine"]
    assert thinner["accumulation"].max() < 0.5
    assert thinner["logit"].max() < -3


def test_counts_of_samples_and_both_passes():
    assert build().eval()(rays(), 1.2, 8.0)["coarse"]["z"].shape == (24, 8)
    assert build().eval()(rays(), 1.2, 8.0)["fine"]["z"].shape == (24, 12)
    assert build(keep_coarse_samples=False).eval()(rays(), 1.2, 8.0)["fine"]["z"].shape == (24, 4)
    alone = Renderer(fine=vanilla(), num_samples=8, num_fine_samples=0).eval()(rays(), 1.2, 8.0)
    assert alone["fine"]["z"].shape == (24, 8)
    assert alone["coarse"] is None


def test_the_eval_pass_is_plain_volume_rendering():
    renderer = Renderer(fine=vanilla(), num_samples=8, num_fine_samples=0, density_noise=1.0).eval()
    found, own = renderer(rays(), 1.2, 8.0)["fine"], rays()
    points = own[:, None, :3] + own[:, None, 3:] * found["z"][..., None]
    raw = renderer.fine(points, F.normalize(own[:, 3:], dim=-1))
    assert torch.equal(found["rgb"], volume_render(raw, found["z"], own[:, 3:])["rgb"])


def test_training_draws_from_the_generator_alone():
    renderer = build(density_noise=1.0).train()
    draws = [renderer(rays(), 1.2, 8.0, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0]["fine"]["rgb"], draws[1]["fine"]["rgb"])
    assert not torch.equal(draws[0]["fine"]["z"], draws[2]["fine"]["z"])
    z = draws[0]["fine"]["z"]
    assert (z[:, 1:] >= z[:, :-1]).all()
    assert z.min() >= 1.2
    assert z.max() <= 8.0 + 1e-5


@pytest.mark.parametrize("white_background", [False, True])
def test_detached_colours_leave_the_geometry_alone(white_background):
    switches = {"white_background": white_background, "detach_background": True, "activation": F.softplus}
    renderer = build(**switches).train()
    found = renderer(rays(), 1.2, 8.0, detach_weights=True, detach_geometry=True)
    (found["fine"]["rgb"].sum() + found["coarse"]["rgb"].sum()).backward()
    still = [value.grad is None or value.grad.abs().max() == 0 for value in renderer.geometry_parameters()]
    assert len(still) == 12
    assert all(still)


def test_fine_samples_carry_no_gradient_to_the_coarse_field():
    renderer = build(activation=F.softplus).train()
    renderer(rays(), 1.2, 8.0)["fine"]["rgb"].sum().backward()
    assert all(value.grad is None for value in renderer.coarse.parameters())


def test_a_proposal_learns_to_reach_above_the_fine_weights():
    torch.manual_seed(0)
    proposal = DensityGrid(resolution=(4, 4, 8), density_gain=1.0)
    renderer = Renderer(
        fine=Wall(), coarse=proposal, num_samples=16, num_fine_samples=8, activation=lambda x: F.softplus(x - 1)
    )
    optimizer = torch.optim.Adam(proposal.parameters(), lr=0.3)
    losses = []
    for _ in range(30):
        found = renderer(rays(), 1.0, 8.0, generator=torch.Generator().manual_seed(0))
        assert "rgb" not in found["coarse"]
        losses.append(interlevel_loss(found["fine"], found["coarse"]))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]


def test_a_proposal_that_is_above_costs_nothing():
    z, weights = torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.tensor([[0.2, 0.5, 0.1, 0.2]])
    same = {"z": z, "weights": weights}
    assert interlevel_loss(same, same) == 0
    assert interlevel_loss(same, {"z": z, "weights": 0.5 * weights}) > 0


def test_points_are_asked_in_parts_without_gradients(monkeypatch):
    monkeypatch.setattr(renderer_module, "POINTS_AT_ONCE", 30)
    asked = []
    renderer = Renderer(fine=Wall(), num_samples=8, num_fine_samples=0).eval()
    monkeypatch.setattr(renderer.fine, "forward", lambda p, d, **_: asked.append(len(p)) or Wall()(p, d))
    with torch.no_grad():
        renderer(rays(), 1.0, 8.0)
    assert asked == [3] * 8


def test_options_of_the_volume_are_free_of_nan():
    raw = torch.tensor([[[0.0, 0, 0, -1], [0, 0, 0, -1]], [[0, 0, 0, 0.5], [0, 0, 0, -1]]]).requires_grad_()
    z, directions = torch.tensor([[1.0, 2.0]] * 2), torch.tensor([[0.0, 0, -1]] * 2)
    found = volume_render(raw, z, directions, finite_disparity=True, normalize_depth=True)
    assert torch.allclose(found["disparity"], torch.tensor([0.0, 1.0]))
    assert torch.allclose(found["depth"], torch.tensor([0.0, 1.0]))
    (found["disparity"].sum() + found["depth"].sum()).backward()
    assert raw.grad.isfinite().all()


def test_an_empty_ray_without_disparity_spoils_no_gradient_of_others():
    """The first ray's density is above 0, but too faint for a float; the second ray's is not."""
    raw = torch.tensor([[[0.0, 0, 0, 1e-12], [0, 0, 0, -1]], [[0, 0, 0, 0.5], [0, 0, 0, -1]]]).requires_grad_()
    found = volume_render(raw, torch.tensor([[1.0, 2.0]] * 2), torch.tensor([[0.0, 0, -1]] * 2))
    assert found["accumulation"][0] == 0
    assert found["disparity"][0].isnan()
    (found["rgb"].sum() + found["disparity"][1]).backward()
    assert raw.grad.isfinite().all()


def test_the_gradient_of_a_truncated_exp_is_bounded():
    x = torch.tensor([1.0, 30.0], requires_grad=True)
    truncated_exp(x).sum().backward()
    assert torch.allclose(x.grad, torch.tensor([1.0, 15.0]).exp())


def test_smoothing_spreads_an_opacity_along_its_ray():
    smooth = smooth_along_ray(F.one_hot(torch.tensor([6]), 13).float())
    assert torch.allclose(smooth.sum(), torch.tensor(1.0))
    assert torch.equal((smooth > 0)[0], torch.tensor([False] + [True] * 11 + [False]))


def test_rays_with_view_directions_of_their_own():
    renderer, own = build().eval(), rays()
    same = torch.cat([own, F.normalize(own[:, 3:], dim=-1)], -1)
    other = torch.cat([own, torch.tensor([[1.0, 0, 0]]).expand(24, 3)], -1)
    plain = renderer(own, 1.2, 8.0)["fine"]
    assert torch.equal(renderer(same, 1.2, 8.0)["fine"]["rgb"], plain["rgb"])
    assert not torch.equal(renderer(other, 1.2, 8.0)["fine"]["rgb"], plain["rgb"])
    assert torch.equal(renderer(other, 1.2, 8.0)["fine"]["depth"], plain["depth"])


def test_near_and_far_of_each_ray():
    near, far = torch.full((24, 1), 1.2), torch.linspace(2, 8, 24)[:, None]
    z = build().eval()(rays(), near, far)["coarse"]["z"]
    assert torch.allclose(z[:, -1:], far)


def test_a_dense_field_learns_a_picture():
    torch.manual_seed(0)
    field = DenseGridField(resolutions=((6, 4, 4),), plane_resolution=(12, 8, 4), colour_channels=4, hidden=8)
    own = rays()
    field.coordinates.fit(torch.cat([own[:, 3:] * depth for depth in (1.2, 8.0)]))
    renderer = Renderer(fine=field, num_samples=8, num_fine_samples=8, activation=F.softplus)
    colours = torch.rand(24, 3)
    optimizer = torch.optim.Adam(renderer.parameters(), lr=0.05)
    for _ in range(80):
        loss = F.mse_loss(renderer(own, 1.2, 8.0)["fine"]["rgb"], colours)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.01


def test_lens_and_pixel_centres_move_rays():
    xy = torch.tensor([[1.0, 2.0], [5.0, 0.0]])
    lens = Intrinsics(height=4, width=6, fx=5.0, fy=4.0, cx=2.5, cy=1.5, distortion=(0.1, 0.02, 0.003, -0.002))
    straight = rays_at(xy, lens, POSE)[1]
    assert torch.allclose(straight[0], torch.tensor([-0.3, -0.125, -1.0]))
    assert torch.equal(rays_at(xy, lens, POSE, pixel_centre=0.5)[1], rays_at(xy + 0.5, lens, POSE)[1])
    ideal = rays_at(xy, lens, POSE, undistort=True)[1]
    x, y = ideal[:, 0], -ideal[:, 1]
    square = x * x + y * y
    radial = 1 + 0.1 * square + 0.02 * square**2
    bent_x = x * radial + 2 * 0.003 * x * y - 0.002 * (square + 2 * x * x)
    bent_y = y * radial + 0.003 * (square + 2 * y * y) - 2 * 0.002 * x * y
    torch.testing.assert_close(torch.stack([bent_x * 5 + 2.5, bent_y * 4 + 1.5], -1), xy, rtol=0, atol=1e-4)


def test_a_pose_for_each_place():
    poses = torch.stack([POSE, POSE + torch.tensor([0, 0, 0, 1.0])])
    origins, directions = rays_at(torch.zeros(2, 2), CAMERA, poses)
    assert torch.equal(origins, torch.tensor([[0.0, 0, 0], [1, 1, 1]]))
    assert torch.equal(directions[0], directions[1])
