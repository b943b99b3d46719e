"""What rays see, by nerfstudio's samplers and renderers, behind the interface of our own `Renderer`."""

from typing import Any

import torch
from torch import Tensor, nn

from sparsevision.methods.spin_nerf.radiance.volume import disparity_of
from sparsevision.methods.spin_nerf.studio.package import nerfstudio
from sparsevision.methods.spin_nerf.studio.sampler import StudioSampler
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

ACTIVATIONS = ("relu", "softplus", "truncated_exp")


@MODELS.register_module()
class StudioRenderer(nn.Module):
    """Volume rendering of one or two fields with nerfstudio's components.

    Its quadrature is nerfstudio's (see `StudioSampler`), everything else is as `Renderer` has it.

    Args:
        fine: field that is asked twice, or at the second time only; built or as a config.
        coarse: field that is asked first; None asks the fine one.
        num_samples, num_fine_samples, linear_in_disparity, histogram_padding, single_jitter: of `StudioSampler`.
        white_background: what no sample hides is white.
        density_noise: standard deviation of the noise on densities before activation, in training.
        density_activation: "relu" (published), "softplus" or "truncated_exp".
        normalize_depth: depths are divided by the accumulation, as nerfstudio does; published: not.

    Raises:
        ImportError: nerfstudio is not installed.
        UserError: no such activation.
    """

    def __init__(
        self,
        *,
        fine: nn.Module | dict,
        coarse: nn.Module | dict | None = None,
        num_samples: int = 64,
        num_fine_samples: int = 64,
        linear_in_disparity: bool = True,
        histogram_padding: float = 0.01,
        single_jitter: bool = False,
        white_background: bool = False,
        density_noise: float = 0.0,
        density_activation: str = "truncated_exp",
        normalize_depth: bool = False,
    ) -> None:
        super().__init__()
        self.fine = MODELS.build(fine) if isinstance(fine, dict) else fine
        self.coarse = MODELS.build(coarse) if isinstance(coarse, dict) else coarse
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
        self.activation = _activation(density_activation)
        self.white_background, self.density_noise = white_background, density_noise
        self.normalize_depth = normalize_depth

    def forward(
        self,
        rays: Tensor,
        near: float | Tensor,
        far: float | Tensor,
        *,
        detach_weights: bool = False,
        detach_background: bool = False,
        detach_geometry: bool = False,
        generator: torch.Generator | None = None,
    ) -> dict[str, dict[str, Tensor]]:
        """Values of rays (R,6), which are origins and directions.

        Args:
            rays: directions keep their length: ray parameters between near and far are multiples of it.
            near, far: where samples lie.
            detach_weights: colours give no gradient to the density.
            detach_background: nor does the white background behind them.
            detach_geometry: nor do they reach what colour shares with the density.
            generator: of the random numbers in training; None takes torch's own.

        Returns:
            {"fine": values, "coarse": values}, each of rgb (R,3), disparity, accumulation, depth (R,), weights, z
            (R,S) and, with objectness, logit (R,).
        """
        detach = {"weights": detach_weights, "background": detach_background, "geometry": detach_geometry}
        bundle = self.sampler.bundle(rays, near, far)
        samples = self.sampler.first(bundle, generator=generator)
        coarse = self._values(self.coarse or self.fine, samples, rays, detach, generator)
        samples = self.sampler.second(bundle, samples, coarse["weights"], generator=generator)
        return {"fine": self._values(self.fine, samples, rays, detach, generator), "coarse": coarse}

    def _values(
        self, field: nn.Module, samples: Any, rays: Tensor, detach: dict[str, bool], generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """What rays see of a field at these samples."""
        length = rays[:, 3:6].norm(dim=-1, keepdim=True)
        raw = field(samples.frustums.get_positions(), rays[:, 3:6] / length, detach_geometry=detach["geometry"])
        samples.deltas = samples.deltas * length[:, None]
        weights = samples.get_weights(self.activation(self._noisy(raw[..., 3:4], generator)))
        accumulation = self.accumulation_of(weights)
        mean_depth = self.depth_of(weights, samples)[:, 0]
        total = accumulation[:, 0]
        values = {
            "rgb": self._colour(raw[..., :3].sigmoid(), weights, detach),
            "accumulation": total,
            "depth": mean_depth if self.normalize_depth else mean_depth * total,
            "disparity": disparity_of(mean_depth * total, total),
            "weights": weights[..., 0],
            "z": (samples.frustums.starts + samples.frustums.ends)[..., 0] / 2,
        }
        if raw.shape[-1] == 5:
            values["logit"] = self.logit_of(raw[..., 4:5], weights.detach())[:, 0]
        return values

    def _colour(self, colours: Tensor, weights: Tensor, detach: dict[str, bool]) -> Tensor:
        seen = weights.detach() if detach["weights"] else weights
        rgb = self.colour_of(colours, seen)
        if not self.white_background:
            return rgb
        hidden = weights.detach() if detach["background"] else weights
        return rgb + (1 - self.accumulation_of(hidden))

    def _noisy(self, density: Tensor, generator: torch.Generator | None) -> Tensor:
        if not (self.training and self.density_noise):
            return density
        noise = torch.empty_like(density).normal_(generator=generator)
        return density + self.density_noise * noise


def _activation(name: str) -> Any:
    """A density of a number."""
    if name not in ACTIVATIONS:
        raise UserError(f"density_activation={name!r}; expected one of {', '.join(ACTIVATIONS)}.")
    if name == "truncated_exp":
        return nerfstudio("field_components.activations", why="StudioRenderer").trunc_exp
    return {"relu": torch.relu, "softplus": nn.functional.softplus}[name]
