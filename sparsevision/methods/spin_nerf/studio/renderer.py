"""What rays see, by nerfstudio's samplers and renderers, behind the interface of our own `Renderer`."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sparsevision.methods.spin_nerf.radiance.removal import ObjectRemoval
from sparsevision.methods.spin_nerf.radiance.renderer import in_parts
from sparsevision.methods.spin_nerf.radiance.volume import disparity_of, truncated_exp
from sparsevision.methods.spin_nerf.studio.package import nerfstudio
from sparsevision.methods.spin_nerf.studio.sampler import StudioSampler


class StudioRenderer(nn.Module):
    """Volume rendering of one or two fields with nerfstudio's components.

    Its quadrature is nerfstudio's (see `StudioSampler`), everything else is as `Renderer` has it.

    Args:
        fine: the field.
        coarse: a field of its own that finds where to ask the fine one; None asks the fine one's density twice, first
            without gradient.
        num_samples, num_fine_samples, linear_in_disparity, histogram_padding, single_jitter: of `StudioSampler`.
        white_background: what no sample hides is white.
        density_noise: standard deviation of the noise on densities before activation, in training.
        detach_background: with detached weights the white background moves no density either; published: it does.
        normalize_depth: depths are divided by the accumulation, as nerfstudio does; published: not.
        finite_disparity: 0 where a ray meets nothing; published: NaN.
        activation: makes a density of a number.

    Raises:
        ImportError: nerfstudio is not installed.
    """

    def __init__(
        self,
        *,
        fine: nn.Module,
        coarse: nn.Module | None = None,
        num_samples: int = 64,
        num_fine_samples: int = 64,
        linear_in_disparity: bool = True,
        histogram_padding: float = 0.01,
        single_jitter: bool = False,
        white_background: bool = False,
        density_noise: float = 0.0,
        detach_background: bool = False,
        normalize_depth: bool = False,
        finite_disparity: bool = False,
        activation: Callable[[Tensor], Tensor] = truncated_exp,
    ) -> None:
        super().__init__()
        self.fine, self.coarse = fine, coarse
        self.sampler = StudioSampler(
            num_samples=num_samples,
            num_fine_samples=num_fine_samples,
            linear_in_disparity=linear_in_disparity,
            histogram_padding=histogram_padding,
            single_jitter=single_jitter,
        )
        renderers = nerfstudio("model_components.renderers", why=type(self).__name__)
        self.colour_of = renderers.RGBRenderer(background_color="black")
        self.accumulation_of = renderers.AccumulationRenderer()
        self.depth_of = renderers.DepthRenderer(method="expected")
        self.logit_of = renderers.SemanticRenderer()
        self.activation, self.density_noise = activation, density_noise
        self.white_background, self.detach_background = white_background, detach_background
        self.normalize_depth, self.finite_disparity = normalize_depth, finite_disparity

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """What densities depend on, in both fields."""
        for field in filter(None, (self.fine, self.coarse)):
            yield from field.geometry_parameters()

    def forward(
        self,
        rays: Tensor,
        near: float | Tensor,
        far: float | Tensor,
        *,
        detach_weights: bool = False,
        detach_geometry: bool = False,
        removal: ObjectRemoval | None = None,
        generator: torch.Generator | None = None,
    ) -> dict[str, dict[str, Tensor] | None]:
        """Render R rays, as `Renderer.forward` does.

        Args:
            rays: (R,6) origins and directions, whose length is kept: ray parameters are multiples of it.
            near, far: ray parameters, for all rays or (R,1).
            detach_weights: the colours move no density by their weights.
            detach_geometry: nor by what fields share between colour and density.
            removal: render without the object; the field needs objectness logits.
            generator: of the random numbers in training; None takes torch's own.

        Returns:
            fine, and coarse where that field exists: rgb (R,3), disparity, accumulation, depth (R,), weights and z
            (R,S), logit (R,) with objectness.
        """
        switches = {"detach_weights": detach_weights, "detach_geometry": detach_geometry, "removal": removal}
        bundle = self.sampler.bundle(rays, near, far)
        samples = self.sampler.first(bundle, generator=generator)
        coarse, weights = self._coarse_pass(samples, rays, generator, switches)
        samples = self.sampler.second(bundle, samples, weights, generator=generator)
        return {"fine": self._render(self.fine, samples, rays, generator, **switches), "coarse": coarse}

    def _coarse_pass(
        self, samples: Any, rays: Tensor, generator: torch.Generator | None, switches: dict
    ) -> tuple[dict[str, Tensor] | None, Tensor]:
        if self.coarse is not None:
            found = self._render(self.coarse, samples, rays, generator, **switches)
            return found, found["weights"]
        with torch.no_grad():
            density = in_parts(self.fine.density, samples.frustums.get_positions())
            return None, _weights(samples, rays, self.activation(density))

    def _render(
        self,
        field: nn.Module,
        samples: Any,
        rays: Tensor,
        generator: torch.Generator | None,
        *,
        detach_weights: bool,
        detach_geometry: bool,
        removal: ObjectRemoval | None,
    ) -> dict[str, Tensor]:
        """What rays see of a field at these samples."""
        points, unit = samples.frustums.get_positions(), nn.functional.normalize(rays[:, 3:6], dim=-1)
        raw = in_parts(lambda p, d: field(p, d, detach_geometry=detach_geometry), points, unit)
        noise = 0.0
        if self.training and self.density_noise:
            noise = torch.randn(raw.shape[:2], generator=generator, device=raw.device) * self.density_noise
        logits = raw[..., 4] if raw.shape[-1] == 5 else None
        density = self.activation(raw[..., 3] + noise)
        weights = _weights(samples, rays, density, None if logits is None else removal, logits)
        found = self._sums(samples, weights) | {"weights": weights}
        found["z"] = (samples.frustums.starts + samples.frustums.ends)[..., 0] / 2
        if getattr(field, "has_colour", True):
            found["rgb"] = self._colour(raw[..., :3].sigmoid(), weights, detach_weights)
        if logits is not None:
            alone = weights.detach()
            plain = self.logit_of(logits[..., None], alone[..., None])[..., 0]
            found["logit"] = plain if removal is None else removal.logit(alone, logits)
        return found

    def _sums(self, samples: Any, weights: Tensor) -> dict[str, Tensor]:
        """accumulation, depth and disparity (R,)."""
        accumulation = self.accumulation_of(weights[..., None])[..., 0]
        mean_depth = self.depth_of(weights[..., None], samples)[..., 0]
        depth = mean_depth * accumulation
        return {
            "accumulation": accumulation,
            "depth": mean_depth if self.normalize_depth else depth,
            "disparity": disparity_of(depth, accumulation, finite=self.finite_disparity),
        }

    def _colour(self, colours: Tensor, weights: Tensor, detach_weights: bool) -> Tensor:
        seen = weights.detach() if detach_weights else weights
        rgb = self.colour_of(colours, seen[..., None])
        if not self.white_background:
            return rgb
        hidden = seen if self.detach_background else weights
        return rgb + (1.0 - self.accumulation_of(hidden[..., None]))


def _weights(
    samples: Any, rays: Tensor, density: Tensor, removal: ObjectRemoval | None = None, logits: Tensor | None = None
) -> Tensor:
    """(R,S) densities, and logits of the object that is removed -> weights."""
    length = rays[:, 3:6].norm(dim=-1)[:, None, None]  # turns ray parameters into distances
    samples = dataclasses.replace(samples, deltas=samples.deltas * length)
    if removal is None:
        return samples.get_weights(density[..., None])[..., 0]
    alpha = removal.opacities(1.0 - torch.exp(-samples.deltas[..., 0] * density), logits)
    return samples.get_weights_and_transmittance_from_alphas(alpha[..., None], weights_only=True)[..., 0]
