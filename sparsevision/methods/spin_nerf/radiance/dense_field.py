"""Dense grids: the field that is fast on a processor, and the proposal that says where to ask it."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.spin_nerf.radiance.coordinates import Coordinates, FrustumCoordinates
from sparsevision.methods.spin_nerf.radiance.encoding import spherical_harmonics
from sparsevision.methods.spin_nerf.radiance.lookup import Corners, grid_corners, interpolate, plane_corners

Resolution = tuple[int, int, int]
START = 0.1


class DenseGridField(nn.Module):
    """Density is a sum of dense grids; colour is a small network of other grids, planes and the view's direction.

    Nothing that colours or logits depend on is shared with the density, so each learns without moving it.

    Args:
        coordinates: of the grids.
        resolutions: nodes along the three coordinates, a triple for each grid.
        plane_resolution: nodes of three planes (xy, xz, yz) whose features are added, for the colour's detail; None for
            no planes.
        colour_channels: features of each grid, and of the planes.
        hidden: width of the colour's network.
        density_gain: what the grid holds is multiplied with it: Adam's steps are so much longer for densities.
        objectness: also give an objectness logit, from grids of its own.
    """

    def __init__(
        self,
        *,
        coordinates: Coordinates | None = None,
        resolutions: Sequence[Resolution] = ((24, 24, 12), (96, 96, 48)),
        plane_resolution: Resolution | None = (192, 192, 64),
        colour_channels: int = 8,
        hidden: int = 32,
        density_gain: float = 10.0,
        objectness: bool = False,
    ) -> None:
        super().__init__()
        self.coordinates = coordinates or FrustumCoordinates()
        self.resolutions = tuple(map(tuple, resolutions))
        self.plane_resolution = plane_resolution
        self.density_gain = density_gain
        rows = sum(x * y * z for x, y, z in self.resolutions)
        self.density_table = nn.Parameter(torch.zeros(rows, 1))
        self.colour_tables = nn.ParameterList(_table(x * y * z, colour_channels) for x, y, z in self.resolutions)
        if plane_resolution:
            x, y, z = plane_resolution
            self.colour_tables.append(_table(x * y + x * z + y * z, colour_channels))
        self.objectness_table = nn.Parameter(torch.zeros(rows, 1)) if objectness else None
        self.feature_linear = nn.Linear(colour_channels * len(self.colour_tables), hidden)
        self.view_linear = nn.Linear(16, hidden, bias=False)
        self.colour_linear = nn.Linear(hidden, 3)

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """What the density depends on."""
        yield self.density_table

    def density(self, points: Tensor) -> Tensor:
        """(...,3) points -> (...) densities before activation."""
        corners = self._corners(self.coordinates(points).reshape(-1, 3))
        return self._density(stacked(corners, self.resolutions)).view(points.shape[:-1])

    def forward(self, points: Tensor, directions: Tensor, *, detach_geometry: bool = False) -> Tensor:
        """r, g, b and density before activation, and an objectness logit if built so.

        Args:
            points: (R,S,3).
            directions: (R,3) unit.
            detach_geometry: as for other fields; here the colours have nothing in common with the density.

        Returns:
            (R,S,4) or (R,S,5).
        """
        unit = self.coordinates(points).reshape(-1, 3)
        corners = self._corners(unit)
        together = stacked(corners, self.resolutions)
        answers = [self._colour(unit, corners, directions), self._density(together)]
        if self.objectness_table is not None:
            answers.append(interpolate(self.objectness_table, together) * self.density_gain)
        return torch.cat(answers, -1).view(*points.shape[:-1], -1)

    def _corners(self, unit: Tensor) -> list[Corners]:
        return [grid_corners(unit, resolution) for resolution in self.resolutions]

    def _density(self, corners: Corners) -> Tensor:
        return interpolate(self.density_table, corners) * self.density_gain

    def _colour(self, unit: Tensor, corners: list[Corners], directions: Tensor) -> Tensor:
        """(P,3); the direction's part of the first layer is computed once a ray."""
        if self.plane_resolution:
            corners = [*corners, plane_corners(unit, self.plane_resolution)]
        features = [interpolate(table, own) for table, own in zip(self.colour_tables, corners, strict=True)]
        hidden = self.feature_linear(torch.cat(features, -1)).view(len(directions), -1, self.view_linear.out_features)
        hidden = hidden + self.view_linear(spherical_harmonics(directions))[:, None]
        return self.colour_linear(F.relu(hidden)).flatten(0, 1)


class DensityGrid(nn.Module):
    """A small dense grid of densities: says the renderer where to ask a field, and has no colours.

    Args:
        coordinates: of the grid.
        resolution: nodes along the three coordinates.
        density_gain: see `DenseGridField`.
    """

    has_colour = False

    def __init__(
        self,
        *,
        coordinates: Coordinates | None = None,
        resolution: Resolution = (64, 64, 64),
        density_gain: float = 10.0,
    ) -> None:
        super().__init__()
        self.coordinates = coordinates or FrustumCoordinates()
        self.resolution = tuple(resolution)
        self.density_gain = density_gain
        x, y, z = self.resolution
        self.density_table = nn.Parameter(torch.zeros(x * y * z, 1))

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """All of them."""
        yield from self.parameters()

    def density(self, points: Tensor) -> Tensor:
        """(...,3) points -> (...) densities before activation."""
        corners = grid_corners(self.coordinates(points).reshape(-1, 3), self.resolution)
        return (interpolate(self.density_table, corners) * self.density_gain).view(points.shape[:-1])

    def forward(self, points: Tensor, directions: Tensor, *, detach_geometry: bool = False) -> Tensor:
        """(R,S,3) points -> (R,S,4): grey before activation (0), and the density."""
        return F.pad(self.density(points)[..., None], (3, 0))


def stacked(corners: Sequence[Corners], resolutions: Sequence[Resolution]) -> Corners:
    """Corners in several grids as those in one table that holds one grid after the other; their sum adds the grids."""
    index, start = [], 0
    for own, (x, y, z) in zip(corners, resolutions, strict=True):
        index.append(own.index + start)
        start += x * y * z
    return Corners(torch.cat(index, 1), torch.cat([own.weight for own in corners], 1))


def _table(rows: int, channels: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(rows, channels).uniform_(-START, START))
