"""nerfstudio's fields, samplers and renderers behind our interfaces, and where its numbers are ours."""

import inspect

import pytest
import torch

from sparsevision.datasets.views.rays import get_rays
from sparsevision.methods.spin_nerf.radiance.coordinates import BoxCoordinates
from sparsevision.methods.spin_nerf.radiance.dense_field import DensityGrid
from sparsevision.methods.spin_nerf.radiance.removal import ObjectRemoval
from sparsevision.methods.spin_nerf.radiance.renderer import Renderer
from sparsevision.methods.spin_nerf.radiance.volume import volume_render
from sparsevision.methods.spin_nerf.studio import (
    StudioHashField,
    StudioRenderer,
    StudioSampler,
    StudioVanillaField,
)
from sparsevision.methods.spin_nerf.studio import package as studio_package
from sparsevision.methods.spin_nerf.studio.package import nerfstudio
from sparsevision.methods.spin_nerf.studio.sampler import random_numbers_of
from sparsevision.utils import UserError

pytest.importorskip("nerfstudio", reason="nerfstudio is not installed (make nerfstudio)")


def hash_field(**options):
    """A small one."""
    box = BoxCoordinates(low=(-8.0,) * 3, high=(8.0,) * 3)
    return StudioHashField(coordinates=box, levels=4, log2_rows=10, finest=128, **options)


def vanilla_field(**options):
    """A small one."""
    return StudioVanillaField(num_layers=6, width=32, **options)


def some_rays(count=6):
    """(R,6) from one place, of directions that are not of length 1."""
    generator = torch.Generator().manual_seed(3)
    directions = torch.randn(count, 3, generator=generator)
    directions[:, 2] = -1.0
    return torch.cat([torch.full((count, 3), 0.1), directions], dim=1)


@pytest.fixture
def points():
    """Points (6,5,3) and unit directions (6,3)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 5, 3, generator=generator), torch.nn.functional.normalize(some_rays()[:, 3:], dim=1)


@pytest.mark.parametrize("make", [hash_field, vanilla_field])
class TestFields:
    @pytest.mark.parametrize("objectness", [False, True])
    def test_answers_with_colours_density_and_objectness(self, make, objectness, points):
        raw = make(objectness=objectness)(*points)
        assert raw.shape == (6, 5, 5 if objectness else 4)
        assert raw.dtype == torch.float32

    def test_detached_colours_move_nothing_of_the_geometry(self, make, points):
        field = make(objectness=True)
        field(*points, detach_geometry=True)[..., :3].sum().backward()
        assert not any(parameter.grad.any() for parameter in field.geometry_parameters())
        field(*points)[..., :3].sum().backward()
        assert any(parameter.grad.any() for parameter in field.geometry_parameters())

    def test_density_alone_is_the_same(self, make, points):
        field = make(objectness=True)
        torch.testing.assert_close(field.density(points[0]), field(*points)[..., 3])

    def test_density_and_objectness_do_not_know_the_direction(self, make, points):
        field = make(objectness=True)
        places, directions = points
        with torch.no_grad():
            first, second = field(places, directions), field(places, -directions)
        assert torch.equal(first[..., 3:], second[..., 3:])
        assert not torch.equal(first[..., :3], second[..., :3])


class TestHashField:
    def test_the_published_box_and_its_walls(self):
        asked = []
        field = StudioHashField(levels=2, log2_rows=4)
        field.grid.register_forward_pre_hook(lambda module, inputs: asked.append(inputs[0]))
        field.density(torch.tensor([[-100.0, 0.0, 50.0], [-2e3, 10.0, 2e3]]))
        torch.testing.assert_close(asked[0], torch.tensor([[0.0, 0.5, 0.75], [0.0, 0.55, 1.0]]))

    def test_colours_with_a_grid_of_their_own_learn_where_geometry_is_detached(self, points):
        field = hash_field(own_colour_grid=True)
        field(*points, detach_geometry=True)[..., :3].sum().backward()
        assert field.colour_grid.hash_table.grad.any()
        assert not field.grid.hash_table.grad.any()

    @pytest.mark.parametrize("shared", [False, True])
    def test_whether_objectness_moves_the_geometry(self, shared, points):
        field = hash_field(objectness=True, shared_objectness=shared)
        field(*points)[..., 4].sum().backward()
        assert any(parameter.grad.any() for parameter in field.geometry_parameters()) == shared

    def test_published_growth_of_the_levels(self):
        grid = StudioHashField(log2_rows=4).grid
        assert grid.growth_factor == pytest.approx(1.8785, abs=1e-4)
        assert grid.scalings[0] == 16
        assert grid.scalings[-1] == pytest.approx(204800, abs=1)

    def test_an_implementation_that_is_not_here(self):
        with pytest.raises(UserError, match="expected 'torch' or 'tcnn'"):
            hash_field(implementation="cuda")

    def test_tiny_cuda_nn_is_asked_for_in_words(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(UserError, match="tiny-cuda-nn"):
            hash_field(implementation="tcnn")


class TestSampler:
    def test_intervals_are_even_in_disparity(self):
        sampler = StudioSampler(num_samples=4).eval()
        samples = sampler.first(sampler.bundle(some_rays(2), 1.2, 8.0))
        edges = torch.cat([samples.frustums.starts[:, :, 0], samples.frustums.ends[:, -1:, 0]], dim=1)
        torch.testing.assert_close(1 / edges[0], torch.linspace(1 / 1.2, 1 / 8.0, 5))

    def test_second_pass_keeps_the_first_edges_and_goes_where_the_weight_is(self):
        sampler = StudioSampler(num_samples=4, num_fine_samples=8).eval()
        bundle = sampler.bundle(some_rays(2), 1.0, 5.0)
        first = sampler.first(bundle)
        second = sampler.second(bundle, first, torch.tensor([[0.0, 1.0, 0.0, 0.0]] * 2, requires_grad=True))
        starts = second.frustums.starts[0, :, 0]
        assert not starts.requires_grad
        assert torch.isin(first.frustums.starts[0, :, 0], starts).all()
        inside = (starts >= first.frustums.starts[0, 1, 0]) & (starts <= first.frustums.ends[0, 1, 0])
        assert inside.sum() >= 8

    def test_a_generator_decides_and_the_global_one_is_left_alone(self):
        sampler = StudioSampler(num_samples=4).train()
        bundle = sampler.bundle(some_rays(2), 1.2, 8.0)
        before = torch.random.get_rng_state()
        drawn = [
            sampler.first(bundle, generator=torch.Generator().manual_seed(seed)).frustums.starts for seed in (1, 1, 2)
        ]
        assert torch.equal(drawn[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[2])
        assert torch.equal(before, torch.random.get_rng_state())

    def test_without_a_generator_torch_itself_decides(self):
        torch.manual_seed(5)
        with random_numbers_of(None):
            first = torch.rand(3)
        torch.manual_seed(5)
        assert torch.equal(first, torch.rand(3))


class TestRenderer:
    def renderer(self, **options):
        torch.manual_seed(0)
        options = {"num_samples": 8, "num_fine_samples": 8, "activation": torch.nn.functional.softplus} | options
        return StudioRenderer(fine=hash_field(objectness=True), **options)

    def test_takes_what_our_renderer_takes(self):
        ours, theirs = (inspect.signature(kind.forward).parameters for kind in (Renderer, StudioRenderer))
        assert list(ours) == list(theirs)
        built = [set(inspect.signature(kind).parameters) for kind in (Renderer, StudioRenderer)]
        assert built[0] - built[1] == {"keep_coarse_samples", "perturb", "pdf_padding"}

    def test_gives_what_our_renderer_gives(self):
        values = self.renderer(coarse=hash_field()).eval()(some_rays(), 1.2, 8.0)
        assert set(values) == {"fine", "coarse"}
        assert set(values["fine"]) == {"rgb", "accumulation", "depth", "disparity", "weights", "z", "logit"}
        assert values["coarse"]["z"].shape == (6, 8)
        assert values["fine"]["rgb"].shape == (6, 3)

    def test_its_sums_are_ours_for_its_weights(self):
        renderer = self.renderer(white_background=True).eval()
        with torch.no_grad():
            fine = renderer(some_rays(), 1.2, 8.0)["fine"]
        weights, z = fine["weights"], fine["z"]
        torch.testing.assert_close(fine["depth"], (weights * z).sum(-1))
        torch.testing.assert_close(fine["disparity"], fine["accumulation"] / fine["depth"])
        assert (fine["rgb"] >= 1 - fine["accumulation"][:, None] - 1e-6).all()

    def test_normalized_depth_lies_between_near_and_far(self):
        depth = self.renderer(normalize_depth=True).eval()(some_rays(), 1.2, 8.0)["fine"]["depth"]
        assert ((depth > 1.2) & (depth < 8.0)).all()

    def test_without_a_coarse_field_the_fine_ones_density_is_asked(self):
        assert self.renderer()(some_rays(), 1.2, 8.0)["coarse"] is None

    def test_a_proposal_without_colours(self):
        values = self.renderer(coarse=DensityGrid(resolution=(4, 4, 4)))(some_rays(), 1.2, 8.0)
        assert "rgb" not in values["coarse"]

    @pytest.mark.parametrize("stopped", [False, True])
    def test_the_white_background_leaks_unless_it_is_detached(self, stopped):
        renderer = self.renderer(white_background=True, detach_background=stopped).eval()
        fine = renderer(some_rays(), 1.2, 8.0, detach_weights=True, detach_geometry=True)["fine"]
        fine["rgb"].sum().backward()
        gradients = [parameter.grad for parameter in renderer.geometry_parameters()]
        assert all(gradient is None or not gradient.any() for gradient in gradients) == stopped

    def test_the_object_is_made_transparent(self):
        renderer = self.renderer().eval()
        renderer.fine = FixedField(torch.tensor([[[0.0, 0.0, 0.0, 1.0, -50.0]]]))
        kept = renderer(some_rays(), 1.2, 8.0, removal=ObjectRemoval())["fine"]["accumulation"]
        torch.testing.assert_close(kept, renderer(some_rays(), 1.2, 8.0)["fine"]["accumulation"])
        renderer.fine = FixedField(torch.tensor([[[0.0, 0.0, 0.0, 1.0, 50.0]]]))
        assert renderer(some_rays(), 1.2, 8.0, removal=ObjectRemoval())["fine"]["accumulation"].max() < 1e-5

    def test_an_empty_ray_has_no_disparity_or_zero(self):
        empty = FixedField(torch.full((1, 1, 5), -1.0))
        for finite in (False, True):
            renderer = self.renderer(finite_disparity=finite, activation=torch.relu).eval()
            renderer.fine = empty
            disparity = renderer(some_rays(), 1.2, 8.0)["fine"]["disparity"]
            assert (disparity == 0).all() if finite else disparity.isnan().all()

    def test_objectness_does_not_move_the_weights(self):
        renderer = self.renderer().eval()
        renderer.fine = field = FixedField(torch.randn(1, 1, 5))
        renderer(some_rays(), 1.2, 8.0)["fine"]["logit"].sum().backward()
        assert field.raw.grad[0, 0, 3] == 0
        assert field.raw.grad[0, 0, 4] > 0

    def test_noise_and_jitter_only_in_training_and_from_the_generator(self):
        renderer = self.renderer(density_noise=1.0)
        drawn = [renderer(some_rays(), 1.2, 8.0, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
        assert torch.equal(drawn[0]["fine"]["rgb"], drawn[1]["fine"]["rgb"])
        renderer.eval()
        still = [renderer(some_rays(), 1.2, 8.0)["fine"]["rgb"] for _ in range(2)]
        assert torch.equal(still[0], still[1])
        assert not torch.equal(still[0], drawn[0]["fine"]["rgb"])


class FixedField(torch.nn.Module):
    """Answers alike everywhere."""

    def __init__(self, raw):
        super().__init__()
        self.raw = torch.nn.Parameter(raw)

    def density(self, points):
        return self.raw[..., 3].expand(points.shape[:-1])

    def forward(self, points, directions, *, detach_geometry=False):
        return self.raw.expand(*points.shape[:2], -1)


class TestAgreement:
    """Where nerfstudio's numbers are the reference's."""

    def test_rays_through_integer_pixels(self):
        cameras = nerfstudio("cameras.cameras", why="a test").Cameras
        pose = torch.tensor([[0.0, -0.6, 0.8, 0.3], [1.0, 0.0, 0.0, -0.2], [0.0, 0.8, 0.6, 0.7]])
        height, width, focal = 12, 20, 17.5
        camera = cameras(pose[None], fx=focal, fy=focal, cx=width / 2, cy=height / 2, width=width, height=height)
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        bundle = camera.generate_rays(camera_indices=0, coords=torch.stack([rows, columns], dim=-1).float())
        origins, directions = get_rays(height, width, focal, pose)
        theirs = bundle.directions * bundle.metadata["directions_norm"]
        torch.testing.assert_close(bundle.origins, origins, atol=0, rtol=0)
        assert (theirs - directions).abs().max() < 1.2e-7

    def test_weights_of_the_same_intervals(self):
        rays_module = nerfstudio("cameras.rays", why="a test")
        generator = torch.Generator().manual_seed(0)
        raw = torch.randn(9, 7, 4, generator=generator)
        z = torch.rand(9, 7, generator=generator).cumsum(-1) + 1
        directions = torch.randn(9, 3, generator=generator)
        steps = torch.cat([z[:, 1:] - z[:, :-1], torch.full((9, 1), 1e10)], dim=1) * directions.norm(dim=1)[:, None]
        samples = rays_module.RaySamples(frustums=None, deltas=steps[..., None])
        theirs = samples.get_weights(raw[..., 3:].relu())[..., 0]
        ours = volume_render(raw, z, directions)["weights"]
        assert (theirs - ours).abs().max() < 1.2e-7


def test_without_nerfstudio_the_error_names_the_remedy(monkeypatch):
    def absent(module, *, extra, why):
        raise ImportError(f"{why} needs the package '{module}', which is not installed", name=module)

    monkeypatch.setattr(studio_package, "require", absent)
    with pytest.raises(ImportError, match=r"StudioHashField needs .*make nerfstudio.*--no-deps"):
        hash_field()
