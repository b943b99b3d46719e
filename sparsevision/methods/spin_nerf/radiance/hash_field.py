"""A multi-resolution hash grid with small networks (Mueller et al. 2022, instant-NGP), in plain torch."""

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from sparsevision.methods.spin_nerf.radiance.coordinates import BoxCoordinates, Coordinates
from sparsevision.methods.spin_nerf.radiance.encoding import spherical_harmonics
from sparsevision.methods.spin_nerf.radiance.lookup import Corners, grid_corners, hashed_corners, interpolate

GEOMETRY_FEATURES = 15
START = 1e-4


class HashGrid(nn.Module):
    """Features of points in the unit cube from grids of growing resolution; fine ones share rows of their tables.

    Args:
        levels: number of grids.
        features: of each.
        log2_rows: of each table at most.
        coarsest, finest: nodes a side.
    """

    def __init__(
        self, *, levels: int = 16, features: int = 2, log2_rows: int = 19, coarsest: int = 16, finest: int = 204_800
    ) -> None:
        super().__init__()
        growth = math.exp(math.log(finest / coarsest) / max(levels - 1, 1))
        self.sides = [math.ceil(coarsest * growth**level - 1e-6) for level in range(levels)]
        self.rows = [min(side**3, 2**log2_rows) for side in self.sides]
        self.table = nn.Parameter(torch.empty(sum(self.rows), features).uniform_(-START, START))
        self.out_features = levels * features

    def forward(self, unit: Tensor) -> Tensor:
        """(P,3) -> (P,L*F)."""
        index, weight, start = [], [], 0
        for side, rows in zip(self.sides, self.rows, strict=True):
            dense = side**3 == rows
            corners = grid_corners(unit, (side,) * 3) if dense else hashed_corners(unit, side, rows)
            index.append(corners.index + start)
            weight.append(corners.weight)
            start += rows
        bags = Corners(torch.stack(index, 1).flatten(0, 1), torch.stack(weight, 1).flatten(0, 1))
        return interpolate(self.table, bags).view(len(unit), -1)


class HashGridField(nn.Module):
    """The field of SPIn-NeRF's default path: hash grid -> density and 15 features -> colour with the view's direction.

    Args:
        coordinates: of the grid; None takes the published box of side 200 around the origin.
        levels, features, log2_rows, coarsest, finest: see `HashGrid`; the defaults are published.
        hidden: width of both small networks.
        objectness: also give an objectness logit.
        shared_objectness: the logit is one more output of the density's network (published), so that it moves what the
            density depends on; otherwise a grid and a network of its own.
        own_colour_grid: colours have a grid of their own beside the features, which detached geometry leaves free to
            learn; published: no.
    """

    def __init__(
        self,
        *,
        coordinates: Coordinates | None = None,
        levels: int = 16,
        features: int = 2,
        log2_rows: int = 19,
        coarsest: int = 16,
        finest: int = 204_800,
        hidden: int = 64,
        objectness: bool = False,
        shared_objectness: bool = False,
        own_colour_grid: bool = False,
    ) -> None:
        super().__init__()
        grid = {"levels": levels, "features": features, "log2_rows": log2_rows, "coarsest": coarsest, "finest": finest}
        self.coordinates = coordinates or BoxCoordinates(low=(-100.0,) * 3, high=(100.0,) * 3)
        self.grid = HashGrid(**grid)
        self.colour_grid = HashGrid(**grid) if own_colour_grid else None
        self.objectness_grid = HashGrid(**grid) if objectness and not shared_objectness else None
        self.shared_objectness = objectness and shared_objectness
        inputs = self.grid.out_features
        self.density_network = perceptron(inputs, hidden, 1 + self.shared_objectness + GEOMETRY_FEATURES, layers=1)
        seen = GEOMETRY_FEATURES + 16 + (inputs if own_colour_grid else 0)
        self.colour_network = perceptron(seen, hidden, 3, layers=2)
        self.objectness_network = perceptron(inputs, hidden, 1, layers=1) if self.objectness_grid else None

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """What the density depends on."""
        yield from self.grid.parameters()
        yield from self.density_network.parameters()

    def density(self, points: Tensor) -> Tensor:
        """(...,3) points -> (...) densities before activation."""
        unit = self.coordinates(points).reshape(-1, 3)
        return self.density_network(self.grid(unit))[:, 0].view(points.shape[:-1])

    def forward(self, points: Tensor, directions: Tensor, *, detach_geometry: bool = False) -> Tensor:
        """r, g, b and density before activation, and an objectness logit if built so.

        Args:
            points: (R,S,3).
            directions: (R,3) unit.
            detach_geometry: no gradient of the colours reaches what the density depends on.

        Returns:
            (R,S,4) or (R,S,5).
        """
        unit = self.coordinates(points).reshape(-1, 3)
        geometry = self.density_network(self.grid(unit))
        feature = geometry[:, -GEOMETRY_FEATURES:]
        view = spherical_harmonics(directions)[:, None].expand(-1, points.shape[1], -1).flatten(0, 1)
        inputs = [view, feature.detach() if detach_geometry else feature]
        if self.colour_grid is not None:
            inputs.append(self.colour_grid(unit))
        answers = [self.colour_network(torch.cat(inputs, -1)), geometry[:, :1]]
        if self.shared_objectness:
            answers.append(geometry[:, 1:2])
        elif self.objectness_grid is not None:
            answers.append(self.objectness_network(self.objectness_grid(unit)))
        return torch.cat(answers, -1).view(*points.shape[:-1], -1)


def perceptron(inputs: int, hidden: int, outputs: int, *, layers: int) -> nn.Sequential:
    """So many hidden layers with ReLU, no biases."""
    sizes = [inputs] + [hidden] * layers
    steps = [step for a, b in pairwise(sizes) for step in (nn.Linear(a, b, bias=False), nn.ReLU())]
    return nn.Sequential(*steps, nn.Linear(hidden, outputs, bias=False))
