"""Radiance fields of nerfstudio's encodings and networks, behind the interface of our own fields."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sparsevision.methods.spin_nerf.radiance.coordinates import BoxCoordinates, Coordinates
from sparsevision.methods.spin_nerf.studio.package import nerfstudio
from sparsevision.utils import UserError

GEOMETRY_FEATURES = 15


class StudioHashField(nn.Module):
    """`HashGridField` of nerfstudio's hash encoding, networks and spherical harmonics.

    Args:
        coordinates: of the grid; None takes the published box of side 200 around the origin.
        levels, features, log2_rows, coarsest, finest: of the grid; the defaults are published.
        hidden: width of both small networks.
        objectness: also give an objectness logit.
        shared_objectness: the logit is one more output of the density's network (published), so that it moves what the
            density depends on; otherwise a grid and a network of its own.
        own_colour_grid: colours have a grid of their own beside the features, which detached geometry leaves free to
            learn; published: no.
        implementation: "torch", or "tcnn" where tiny-cuda-nn is installed. Checkpoints of one do not fit the other.

    Raises:
        ImportError: nerfstudio is not installed.
        UserError: an implementation that is not here.
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
        implementation: str = "torch",
    ) -> None:
        super().__init__()
        _check_implementation(implementation)
        encodings = nerfstudio("field_components.encodings", why="StudioHashField")
        sizes = {"num_levels": levels, "features_per_level": features, "log2_hashmap_size": log2_rows}
        sizes |= {"min_res": coarsest, "max_res": finest, "implementation": implementation}
        layers = {"layer_width": hidden, "implementation": implementation}
        inputs = levels * features
        self.coordinates = coordinates or BoxCoordinates(low=(-100.0,) * 3, high=(100.0,) * 3)
        self.shared_objectness = objectness and shared_objectness
        own_objectness = objectness and not shared_objectness
        self.grid = encodings.HashEncoding(**sizes)
        self.colour_grid = encodings.HashEncoding(**sizes) if own_colour_grid else None
        self.objectness_grid = encodings.HashEncoding(**sizes) if own_objectness else None
        self.direction = encodings.SHEncoding(levels=4, implementation=implementation)
        seen = GEOMETRY_FEATURES + self.direction.get_out_dim() + (inputs if own_colour_grid else 0)
        self.density_network = _network(inputs, 1 + self.shared_objectness + GEOMETRY_FEATURES, num_layers=2, **layers)
        self.colour_network = _network(seen, 3, num_layers=3, **layers)
        self.objectness_network = _network(inputs, 1, num_layers=2, **layers) if own_objectness else None

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """What the density depends on."""
        yield from self.grid.parameters()
        yield from self.density_network.parameters()

    def density(self, points: Tensor) -> Tensor:
        """(...,3) points -> (...) densities before activation."""
        return self._geometry(self._unit(points))[:, 0].view(points.shape[:-1])

    def forward(self, points: Tensor, directions: Tensor, *, detach_geometry: bool = False) -> Tensor:
        """r, g, b and density before activation, and an objectness logit if built so.

        Args:
            points: (R,S,3).
            directions: (R,3) unit.
            detach_geometry: no gradient of the colours reaches what the density depends on.

        Returns:
            (R,S,4) or (R,S,5).
        """
        unit = self._unit(points)
        geometry = self._geometry(unit)
        feature = geometry[:, -GEOMETRY_FEATURES:]
        view = _harmonics(self.direction, directions)[:, None].expand(-1, points.shape[1], -1).flatten(0, 1)
        inputs = [view, feature.detach() if detach_geometry else feature]
        if self.colour_grid is not None:
            inputs.append(self.colour_grid(unit).float())
        answers = [self.colour_network(torch.cat(inputs, -1)).float(), geometry[:, :1]]
        if self.shared_objectness:
            answers.append(geometry[:, 1:2])
        elif self.objectness_grid is not None:
            answers.append(self.objectness_network(self.objectness_grid(unit)).float())
        return torch.cat(answers, -1).view(*points.shape[:-1], -1)

    def _unit(self, points: Tensor) -> Tensor:
        """(...,3) -> (P,3) in the cube; what lies outside of it counts as on its wall."""
        return self.coordinates(points).reshape(-1, 3).clamp(0.0, 1.0)

    def _geometry(self, unit: Tensor) -> Tensor:
        return self.density_network(self.grid(unit)).float()


class StudioVanillaField(nn.Module):
    """The network of NeRF (Mildenhall et al. 2020) as nerfstudio builds it.

    Not the published one to the digit: nerfstudio's encoding multiplies by 2 pi and orders its terms in another way.
    `VanillaNeRF` is.

    Args:
        objectness: the field has a fifth output, the objectness logit.
        num_layers, width: of the network that knows the place.
        num_frequencies, num_direction_frequencies: of the two encodings.

    Raises:
        ImportError: nerfstudio is not installed.
    """

    def __init__(
        self,
        *,
        objectness: bool = False,
        num_layers: int = 8,
        width: int = 256,
        num_frequencies: int = 10,
        num_direction_frequencies: int = 4,
    ) -> None:
        super().__init__()
        why = type(self).__name__
        encoding = nerfstudio("field_components.encodings", why=why).NeRFEncoding
        position, direction = (
            encoding(in_dim=3, num_frequencies=count, min_freq_exp=0.0, max_freq_exp=count - 1.0, include_input=True)
            for count in (num_frequencies, num_direction_frequencies)
        )
        self.field = nerfstudio("fields.vanilla_nerf_field", why=why).NeRFField(
            position_encoding=position,
            direction_encoding=direction,
            base_mlp_num_layers=num_layers,
            base_mlp_layer_width=width,
            head_mlp_layer_width=max(width // 2, 1),
        )
        self.logit = nn.Linear(width, 1) if objectness else None

    def forward(self, points: Tensor, directions: Tensor, *, detach_geometry: bool = False) -> Tensor:
        """points (R,S,3), unit directions (R,3) -> (R,S,4) or (R,S,5): r, g, b, density[, logit] before activation."""
        field = self.field
        features = field.mlp_base(field.position_encoding(points))
        heads = [field.field_output_density.net(features)]
        heads += [self.logit(features)] if self.logit is not None else []
        seen = field.direction_encoding(directions)[:, None].expand(-1, points.shape[1], -1)
        known = features.detach() if detach_geometry else features
        colour = field.field_heads[0].net(field.mlp_head(torch.cat([seen, known], dim=-1)))
        return torch.cat([colour, *heads], dim=-1)

    def density(self, points: Tensor) -> Tensor:
        """(...,3) points -> (...) densities before activation."""
        features = self.field.mlp_base(self.field.position_encoding(points))
        return self.field.field_output_density.net(features)[..., 0]

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """What the density depends on."""
        yield from self.field.mlp_base.parameters()
        yield from self.field.field_output_density.parameters()


def _network(inputs: int, outputs: int, **options: Any) -> nn.Module:
    """nerfstudio's perceptron with ReLU between its layers."""
    return nerfstudio("field_components.mlp", why="StudioHashField").MLP(in_dim=inputs, out_dim=outputs, **options)


def _harmonics(encoding: nn.Module, directions: Tensor) -> Tensor:
    """(R,3) unit directions -> (R,16). The fused implementation wants them in [0,1]."""
    fused = getattr(encoding, "tcnn_encoding", None) is not None
    return encoding((directions + 1) / 2 if fused else directions).float()


def _check_implementation(name: str) -> None:
    if name not in ("torch", "tcnn"):
        raise UserError(f"implementation={name!r}; expected 'torch' or 'tcnn'.")
    if name == "tcnn" and importlib.util.find_spec("tinycudann") is None:
        raise UserError(
            "implementation='tcnn' needs tiny-cuda-nn (the package tinycudann), which is built from its source on a "
            "machine with CUDA and is not installed: install it, or set implementation='torch'."
        )
