"""Radiance fields of nerfstudio's encodings and networks, behind the interface of our own fields."""

import importlib.util
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sparsevision.methods.spin_nerf.studio.package import nerfstudio
from sparsevision.registry import MODELS
from sparsevision.utils import UserError


@MODELS.register_module()
class StudioHashField(nn.Module):
    """Multi-resolution hash grid and two small networks (Mueller et al. 2022), of nerfstudio's components.

    The defaults are SPIn-NeRF's published sizes. Density and colour share the grid and the first network.

    Args:
        objectness: the field has a fifth output, the objectness logit.
        num_levels, features_per_level: of the grid.
        log2_table_size: binary logarithm of the entries of each level.
        base_resolution, finest_resolution: cells along a side of the first and the last level.
        bound: half the side of the cube that the grid covers. With `contract`, half the side of what is not contracted.
        contract: everything outside of the bound is squeezed into a shell around it (Barron et al. 2022, Eq. 10).
        hidden_width: of both networks.
        geometry_features: what the first network tells the second beside the density.
        implementation: "torch", or "tcnn" where tiny-cuda-nn is installed. Checkpoints of one do not fit the other.

    Raises:
        ImportError: nerfstudio is not installed.
        UserError: an implementation that is not here.
    """

    def __init__(
        self,
        *,
        objectness: bool = False,
        num_levels: int = 16,
        features_per_level: int = 2,
        log2_table_size: int = 19,
        base_resolution: int = 16,
        finest_resolution: int = 204800,
        bound: float = 100.0,
        contract: bool = False,
        hidden_width: int = 64,
        geometry_features: int = 15,
        implementation: str = "torch",
    ) -> None:
        super().__init__()
        _check_implementation(implementation)
        why = type(self).__name__
        encodings = nerfstudio("field_components.encodings", why=why)
        MLP = nerfstudio("field_components.mlp", why=why).MLP
        distortions = nerfstudio("field_components.spatial_distortions", why=why)
        self.heads, self.bound = 2 if objectness else 1, bound
        self.contraction = distortions.SceneContraction(order=float("inf")) if contract else None
        self.grid = encodings.HashEncoding(
            num_levels=num_levels,
            min_res=base_resolution,
            max_res=finest_resolution,
            log2_hashmap_size=log2_table_size,
            features_per_level=features_per_level,
            implementation=implementation,
        )
        self.geometry = MLP(
            in_dim=num_levels * features_per_level,
            num_layers=2,
            layer_width=hidden_width,
            out_dim=self.heads + geometry_features,
            implementation=implementation,
        )
        self.direction = encodings.SHEncoding(levels=4, implementation=implementation)
        self.colour = MLP(
            in_dim=self.direction.get_out_dim() + geometry_features,
            num_layers=3,
            layer_width=hidden_width,
            out_dim=3,
            implementation=implementation,
        )

    def forward(self, points: Tensor, directions: Tensor, *, detach_geometry: bool = False) -> Tensor:
        """points (R,S,3), unit directions (R,3) -> (R,S,4) or (R,S,5): r, g, b, density[, logit] before activation."""
        rays, samples = points.shape[:2]
        geometry = self.geometry(self.grid(self.unit_cube(points).reshape(-1, 3))).float().view(rays, samples, -1)
        heads, features = geometry[..., : self.heads], geometry[..., self.heads :]
        if detach_geometry:
            features = features.detach()
        seen = _harmonics(self.direction, directions)[:, None].expand(-1, samples, -1)
        colour = self.colour(torch.cat([seen, features], dim=-1).reshape(rays * samples, -1)).float()
        return torch.cat([colour.view(rays, samples, 3), heads], dim=-1)

    def unit_cube(self, points: Tensor) -> Tensor:
        """Where the grid is asked: points (...,3) of the scene -> (...,3) in [0,1]."""
        if self.contraction is None:
            return (points / self.bound / 2 + 0.5).clamp(0, 1)
        return self.contraction(points / self.bound) / 4 + 0.5

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """What the density depends on."""
        yield from self.grid.parameters()
        yield from self.geometry.parameters()


@MODELS.register_module()
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

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """What the density depends on."""
        yield from self.field.mlp_base.parameters()
        yield from self.field.field_output_density.parameters()


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
