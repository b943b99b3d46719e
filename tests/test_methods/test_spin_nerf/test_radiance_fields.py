"""Every field: its shapes, and where gradients stop."""

import pytest
import torch

from sparsevision.methods.spin_nerf.radiance.coordinates import (
    BoxCoordinates,
    ContractedCoordinates,
    FrustumCoordinates,
)
from sparsevision.methods.spin_nerf.radiance.dense_field import DenseGridField, DensityGrid
from sparsevision.methods.spin_nerf.radiance.hash_field import HashGrid, HashGridField
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF

SMALL_HASH = {"levels": 4, "log2_rows": 8, "coarsest": 4, "finest": 32, "hidden": 8}
SMALL_DENSE = {"resolutions": ((4, 5, 3), (8, 6, 7)), "plane_resolution": (9, 8, 7), "colour_channels": 2, "hidden": 4}
FIELDS = {
    "vanilla": lambda **kwargs: VanillaNeRF(depth=6, width=16, **kwargs),
    "hash": lambda **kwargs: HashGridField(coordinates=BoxCoordinates(), **SMALL_HASH, **kwargs),
    "hash, own colours": lambda **kwargs: HashGridField(
        coordinates=BoxCoordinates(), own_colour_grid=True, **SMALL_HASH, **kwargs
    ),
    "dense": lambda **kwargs: DenseGridField(coordinates=BoxCoordinates(), **SMALL_DENSE, **kwargs),
    "dense, no planes": lambda **kwargs: DenseGridField(**SMALL_DENSE | {"plane_resolution": None}, **kwargs),
}


@pytest.fixture(params=FIELDS)
def build(request):
    torch.manual_seed(0)
    return FIELDS[request.param]


def asked(field, **switches):
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(6, 5, 3, generator=generator) - 0.5 - torch.tensor([0.0, 0.0, 1.0])
    directions = torch.nn.functional.normalize(torch.rand(6, 3, generator=generator) - 0.5, dim=-1)
    return field(points, directions, **switches), points


def gradients(parameters):
    return [0.0 if value.grad is None else float(value.grad.abs().max()) for value in parameters]


def test_shapes_and_the_density_alone(build):
    for objectness in (False, True):
        field = build(objectness=objectness)
        raw, points = asked(field)
        assert raw.shape == (6, 5, 5 if objectness else 4)
        assert torch.allclose(field.density(points), raw[..., 3], atol=1e-6)


def test_all_parameters_learn_from_what_is_rendered(build):
    field = build(objectness=True)
    raw, _ = asked(field)
    raw.square().sum().backward()
    learning = [value.grad is not None for value in field.parameters()]
    assert all(learning)


def test_detached_geometry_gets_no_gradient_of_colours(build):
    field = build(objectness=True)
    raw, _ = asked(field, detach_geometry=True)
    raw[..., :3].sum().backward()
    geometry = {id(value) for value in field.geometry_parameters()}
    assert geometry
    assert max(gradients(field.geometry_parameters())) == 0
    assert max(gradients(value for value in field.parameters() if id(value) not in geometry)) > 0


def test_the_density_depends_on_its_geometry_parameters_alone(build):
    field = build(objectness=True)
    raw, _ = asked(field)
    raw[..., 3].sum().backward()
    geometry = {id(value) for value in field.geometry_parameters()}
    moved = {id(value) for value in field.parameters() if value.grad is not None and value.grad.abs().max() > 0}
    assert moved
    assert moved <= geometry


def test_logits_move_no_density(build):
    field = build(objectness=True)
    raw, _ = asked(field)
    raw[..., 4].sum().backward()
    assert max(gradients(field.geometry_parameters())) == 0
    assert max(gradients(field.parameters())) > 0


@pytest.mark.parametrize("name", ["vanilla", "hash"])
def test_colours_of_published_fields_leak_into_shared_geometry(name):
    field = FIELDS[name]()
    raw, _ = asked(field)
    raw[..., :3].sum().backward()
    assert max(gradients(field.geometry_parameters())) > 0


def test_a_shared_logit_leaks_as_published():
    field = HashGridField(coordinates=BoxCoordinates(), objectness=True, shared_objectness=True, **SMALL_HASH)
    raw, _ = asked(field)
    assert raw.shape[-1] == 5
    raw[..., 4].sum().backward()
    assert max(gradients(field.geometry_parameters())) > 0


def test_the_published_hash_field_has_the_published_sizes():
    field = HashGridField(log2_rows=8)
    assert field.grid.sides[0] == 16
    assert field.grid.sides[-1] == 204_800
    assert field.grid.out_features == 32
    assert [tuple(layer.weight.shape) for layer in field.density_network[::2]] == [(64, 32), (16, 64)]
    assert [tuple(layer.weight.shape) for layer in field.colour_network[::2]] == [(64, 31), (64, 64), (3, 64)]


def test_a_hash_grid_says_nothing_new_between_its_nodes():
    grid = HashGrid(levels=1, features=3, log2_rows=10, coarsest=5, finest=5)
    ends = torch.tensor([[0.25, 0.5, 0.0], [0.5, 0.5, 0.0]])
    middle = grid(ends.mean(0, keepdim=True))
    assert torch.allclose(middle, grid(ends).mean(0, keepdim=True), atol=1e-7)


def test_a_proposal_has_a_density_and_no_colour():
    proposal = DensityGrid(coordinates=BoxCoordinates(), resolution=(4, 4, 4))
    raw, points = asked(proposal)
    assert raw.shape == (6, 5, 4)
    assert raw[..., :3].abs().max() == 0
    assert torch.equal(raw[..., 3], proposal.density(points))
    assert not proposal.has_colour
    raw[..., 3].sum().backward()
    assert max(gradients(proposal.geometry_parameters())) > 0


def test_frustum_coordinates_divide_by_the_depth():
    coordinates = FrustumCoordinates(low=(-1.0, -1.0, 0.0), high=(1.0, 1.0, 1.0))
    points = torch.tensor([[1.0, -1.0, -2.0], [0.0, 4.0, -4.0], [0.0, 0.0, 3.0]])
    assert torch.allclose(coordinates(points[:2]), torch.tensor([[0.75, 0.25, 0.5], [0.5, 1.0, 0.25]]))
    assert coordinates(points[2:]).isfinite().all()


def test_contraction_keeps_what_is_near_and_bounds_what_is_far():
    coordinates = ContractedCoordinates(centre=(1.0, 0.0, 0.0), radius=2.0)
    inside = torch.tensor([[1.0, 1.0, 0.0]])
    assert torch.allclose(coordinates(inside), torch.tensor([[0.5, 0.625, 0.5]]))
    far = coordinates(torch.tensor([[1e6, 0.0, 0.0]]))
    assert torch.allclose(far, torch.tensor([[1.0, 0.5, 0.5]]), atol=1e-5)


@pytest.mark.parametrize("kind", [BoxCoordinates, FrustumCoordinates, ContractedCoordinates])
def test_fitted_coordinates_fill_the_cube_and_are_saved(kind):
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - torch.tensor([0.5, 0.5, 3.0])
    coordinates, loaded = kind(), kind()
    coordinates.fit(points)
    placed = coordinates(points)
    assert torch.allclose(placed.amin(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(placed.amax(0), torch.ones(3), atol=1e-5)
    loaded.load_state_dict(coordinates.state_dict())
    assert torch.equal(loaded(points), placed)
