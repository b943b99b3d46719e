"""From the world to the unit cube that a grid fills."""

import torch
from torch import Tensor, nn

NEAREST = 1e-2


class Coordinates(nn.Module):
    """Maps points to a space of its own and that space's box to [0,1]^3; what lies outside of the box leaves the cube.

    Args:
        low, high: (3,) the box, in the coordinates' own space; None leaves it to `fit`, which sets it from points. It
            is kept in checkpoints.
    """

    usual_box = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
    low: Tensor
    high: Tensor

    def __init__(self, *, low: tuple[float, ...] | None = None, high: tuple[float, ...] | None = None) -> None:
        super().__init__()
        self.to_be_fitted = low is None and high is None
        low, high = (own if given is None else given for given, own in zip((low, high), self.usual_box, strict=True))
        self.register_buffer("low", torch.tensor(low, dtype=torch.float32))
        self.register_buffer("high", torch.tensor(high, dtype=torch.float32))

    def space(self, points: Tensor) -> Tensor:
        """(...,3) points of the world -> (...,3) in the coordinates' own space; here the same."""
        return points

    def fit(self, points: Tensor) -> None:
        """Let the box hold just these points of the world (...,3): those between near and far that cameras see."""
        placed = self.space(points).reshape(-1, 3)
        low, high = placed.amin(0), placed.amax(0)
        self.low.copy_(low)
        self.high.copy_(torch.maximum(high, low + NEAREST))

    def forward(self, points: Tensor) -> Tensor:
        """(...,3) points of the world -> (...,3); [0,1] inside of the box."""
        return (self.space(points) - self.low) / (self.high - self.low)


class BoxCoordinates(Coordinates):
    """An upright box of the world."""


class FrustumCoordinates(Coordinates):
    """(x / depth, y / depth, 1 / depth) of cameras that look along -z from around the origin: forward-facing scenes.

    Cells are then as large as pixels everywhere, and small where things are near. Depths under 0.01, and all that lies
    behind, count as 0.01.
    """

    usual_box = ((-1.0, -1.0, 0.0), (1.0, 1.0, 1.0))

    def space(self, points: Tensor) -> Tensor:
        """(...,3) -> (x / depth, y / depth, 1 / depth)."""
        disparity = 1.0 / (-points[..., 2:]).clamp_min(NEAREST)
        return torch.cat([points[..., :2] * disparity, disparity], -1)


class ContractedCoordinates(Coordinates):
    """All of space in a ball of radius 2: scenes around which cameras go (Barron et al. 2022, mip-NeRF 360, Eq. 10).

    Args:
        centre: (3,) of the scene, in the world.
        radius: what lies within it is not contracted.
    """

    def __init__(self, *, centre: tuple[float, ...] = (0.0, 0.0, 0.0), radius: float = 1.0):
        super().__init__(low=(-2.0, -2.0, -2.0), high=(2.0, 2.0, 2.0))
        self.register_buffer("centre", torch.tensor(centre, dtype=torch.float32))
        self.radius = radius

    def space(self, points: Tensor) -> Tensor:
        """(...,3) -> (...,3) of length under 2."""
        scaled = (points - self.centre) / self.radius
        length = scaled.norm(dim=-1, keepdim=True).clamp_min(1.0)
        return (2.0 - 1.0 / length) * scaled / length
