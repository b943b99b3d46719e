"""The weighted sums of rows are what F.grid_sample computes, forward and backward."""

import torch
from torch.nn import functional as F

from sparsevision.methods.spin_nerf.radiance.lookup import grid_corners, hashed_corners, interpolate, plane_corners

POINTS = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 1.4 - 0.2  # some outside of the cube
SIDES = (5, 4, 3)


def volume_sampled(table, points):
    x, y, z = SIDES
    volume = table.t().view(1, -1, z, y, x)
    places = (points * 2 - 1).view(1, 1, 1, -1, 3)
    return F.grid_sample(volume, places, align_corners=True, padding_mode="border").view(table.shape[1], -1).t()


def planes_sampled(table, points):
    total, start = 0, 0
    for first, second in ((0, 1), (0, 2), (1, 2)):
        size = SIDES[first] * SIDES[second]
        plane = table[start : start + size].t().view(1, -1, SIDES[second], SIDES[first])
        places = (points[:, [first, second]] * 2 - 1).view(1, 1, -1, 2)
        total = total + F.grid_sample(plane, places, align_corners=True, padding_mode="border").view(plane.shape[1], -1)
        start += size
    return total.t()


def compare(corners, reference, rows):
    generator = torch.Generator().manual_seed(1)
    ours = torch.randn(rows, 6, generator=generator).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    wanted = torch.randn(len(POINTS), 6, generator=generator)
    found, expected = interpolate(ours, corners(POINTS, SIDES)), reference(theirs, POINTS)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    (found * wanted).sum().backward()
    (expected * wanted).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-5)


def test_a_grid_is_grid_sample():
    compare(grid_corners, volume_sampled, 60)


def test_planes_are_three_grid_samples():
    compare(plane_corners, planes_sampled, 20 + 15 + 12)


def test_hashed_rows_are_those_of_the_papers_formula():
    points = torch.tensor([[0.4, 0.7, 0.1]])
    corners = hashed_corners(points, 11, 32)
    low, mask = (4, 7, 1), 2**64 - 1
    expected = [
        (((low[0] + i) * 1) ^ ((low[1] + j) * 2654435761 & mask) ^ ((low[2] + k) * 805459861 & mask)) % 32
        for k in (0, 1)
        for j in (0, 1)
        for i in (0, 1)
    ]
    assert corners.index[0].tolist() == expected
    assert torch.allclose(corners.weight.sum(), torch.tensor(1.0))


def test_gradients_are_the_same_with_any_number_of_threads(threads):
    table, found = torch.randn(60, 3, requires_grad=True), []
    for count in (1, 2, 2):
        threads(count)
        out = interpolate(table, grid_corners(POINTS.repeat(200, 1), SIDES))
        found.append(torch.autograd.grad(out.square().sum(), table)[0])
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[1], found[2])
