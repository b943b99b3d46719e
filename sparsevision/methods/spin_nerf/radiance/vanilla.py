"""The network of the first NeRF (Mildenhall et al. 2020), under the names of its public checkpoints."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.spin_nerf.radiance.encoding import positional_encoding

POINT_FREQUENCIES = 10
DIRECTION_FREQUENCIES = 4


class VanillaNeRF(nn.Module):
    """A deep network of encoded positions and directions; 595,844 parameters at its default size.

    Args:
        depth: layers of the trunk.
        width: of each.
        skip_after: index of the layer whose output the encoded position is put before; None for no such place.
        objectness: also give an objectness logit. It reads the trunk without moving it.
    """

    def __init__(
        self, *, depth: int = 8, width: int = 256, skip_after: int | None = 4, objectness: bool = False
    ) -> None:
        super().__init__()
        points, directions = 3 * (1 + 2 * POINT_FREQUENCIES), 3 * (1 + 2 * DIRECTION_FREQUENCIES)
        inputs = [points] + [width + (points if layer == skip_after else 0) for layer in range(depth - 1)]
        self.skip_after = skip_after
        self.pts_linears = nn.ModuleList(nn.Linear(size, width) for size in inputs)
        self.views_linears = nn.ModuleList([nn.Linear(width + directions, width // 2)])
        self.feature_linear = nn.Linear(width, width)
        self.alpha_linear = nn.Linear(width, 1)
        self.rgb_linear = nn.Linear(width // 2, 3)
        self.objectness_head = objectness_head(width) if objectness else None

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """What the density depends on."""
        yield from self.pts_linears.parameters()
        yield from self.alpha_linear.parameters()

    def density(self, points: Tensor) -> Tensor:
        """(...,3) points -> (...) densities before activation."""
        return self.alpha_linear(self._trunk(points))[..., 0]

    def forward(self, points: Tensor, directions: Tensor, *, detach_geometry: bool = False) -> Tensor:
        """r, g, b and density before activation, and an objectness logit if built so.

        Args:
            points: (R,S,3).
            directions: (R,3) unit.
            detach_geometry: no gradient of the colours reaches what the density depends on.

        Returns:
            (R,S,4) or (R,S,5).
        """
        trunk = self._trunk(points)
        feature = self.feature_linear(trunk.detach() if detach_geometry else trunk)
        seen = positional_encoding(directions, DIRECTION_FREQUENCIES)[:, None].expand(-1, points.shape[1], -1)
        colour = self.rgb_linear(F.relu(self.views_linears[0](torch.cat([feature, seen], -1))))
        answers = [colour, self.alpha_linear(trunk)]
        if self.objectness_head is not None:
            answers.append(self.objectness_head(trunk.detach()))
        return torch.cat(answers, -1)

    def _trunk(self, points: Tensor) -> Tensor:
        encoded = positional_encoding(points, POINT_FREQUENCIES)
        hidden = encoded
        for layer, linear in enumerate(self.pts_linears):
            hidden = F.relu(linear(hidden))
            if layer == self.skip_after and layer + 1 < len(self.pts_linears):
                hidden = torch.cat([encoded, hidden], -1)
        return hidden


def objectness_head(inputs: int, hidden: int = 64) -> nn.Sequential:
    """Features -> a logit."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 1))
