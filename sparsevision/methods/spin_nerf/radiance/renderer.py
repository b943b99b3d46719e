"""Renders rays with a field: coarse depths, fine ones where the coarse pass sees something, a sum along the ray."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.spin_nerf.radiance.removal import ObjectRemoval
from sparsevision.methods.spin_nerf.radiance.sampling import PDF_PADDING, depths_between, fine_depths, stratified
from sparsevision.methods.spin_nerf.radiance.volume import composite, opacities, weights_of

Bound = float | Tensor
POINTS_AT_ONCE = 65_536
PER_SAMPLE = ("weights", "z")


class Renderer(nn.Module):
    """What rays see of a field. In training mode depths are perturbed and densities noisy; in eval mode neither.

    Args:
        fine: the field, see `VanillaNeRF.forward` for what it is asked and answers.
        coarse: a field of its own that finds where to ask the fine one; None asks the fine one's density twice, first
            without gradient.
        num_samples: depths a ray of the coarse pass.
        num_fine_samples: more depths a ray, near what the coarse pass sees; 0 renders the fine field in one pass.
        keep_coarse_samples: the fine pass takes the coarse depths as well (published).
        linear_in_disparity: coarse depths are even in 1 / z.
        white_background: what nothing hides is white.
        density_noise: standard deviation of the noise on densities before activation, in training.
        perturb: depths are drawn at random in training.
        detach_background: closes a leak: with detached weights the white background moves no density either.
        normalize_depth, finite_disparity: see `volume_render`.
        activation: makes a density of a number; published: ReLU.
        pdf_padding: share that keeps every interval possible, see `sample_pdf`.
    """

    def __init__(
        self,
        *,
        fine: nn.Module,
        coarse: nn.Module | None = None,
        num_samples: int = 64,
        num_fine_samples: int = 64,
        keep_coarse_samples: bool = True,
        linear_in_disparity: bool = True,
        white_background: bool = False,
        density_noise: float = 0.0,
        perturb: bool = True,
        detach_background: bool = False,
        normalize_depth: bool = False,
        finite_disparity: bool = False,
        activation: Callable[[Tensor], Tensor] = F.relu,
        pdf_padding: float = PDF_PADDING,
    ) -> None:
        super().__init__()
        self.fine = fine
        self.coarse = coarse
        self.num_samples = num_samples
        self.num_fine_samples = num_fine_samples
        self.keep_coarse_samples = keep_coarse_samples
        self.linear_in_disparity = linear_in_disparity
        self.density_noise = density_noise
        self.perturb = perturb
        self.pdf_padding = pdf_padding
        self.activation = activation
        self.volume = {"white_background": white_background, "detach_background": detach_background}
        self.volume |= {"normalize_depth": normalize_depth, "finite_disparity": finite_disparity}

    def geometry_parameters(self) -> Iterator[nn.Parameter]:
        """What densities depend on, in both fields."""
        for field in filter(None, (self.fine, self.coarse)):
            yield from field.geometry_parameters()

    def forward(
        self,
        rays: Tensor,
        near: Bound,
        far: Bound,
        *,
        detach_weights: bool = False,
        detach_geometry: bool = False,
        removal: ObjectRemoval | None = None,
        generator: torch.Generator | None = None,
    ) -> dict[str, dict[str, Tensor] | None]:
        """Render R rays.

        Args:
            rays: (R,6) origins and directions; (R,9) with unit view directions that are not those of the rays (NDC).
            near, far: ray parameters, for all rays or (R,1).
            detach_weights: the colours move no density by their weights.
            detach_geometry: nor by what fields share between colour and density.
            removal: render without the object; the field needs objectness logits.
            generator: of all random numbers.

        Returns:
            fine, and coarse where that field exists: rgb (R,3), disparity, accumulation, depth (R,), weights and z
            (R,S), logit (R,) with objectness. A coarse field without colours (`DensityGrid`) gives no rgb.
        """
        rays = _with_view(rays)
        z = self._coarse_depths(rays, near, far, generator)
        switches = {"detach_weights": detach_weights, "detach_geometry": detach_geometry, "removal": removal}
        coarse = None
        if self.num_fine_samples:
            coarse, weights = self._coarse_pass(rays, z, generator, switches)
            z = self._fine_depths(z, weights, generator)
        return {"fine": self._render(self.fine, rays, z, generator, **switches), "coarse": coarse}

    def _coarse_depths(self, rays: Tensor, near: Bound, far: Bound, generator: torch.Generator | None) -> Tensor:
        z = depths_between(near, far, self.num_samples, linear_in_disparity=self.linear_in_disparity)
        z = z.to(rays).expand(len(rays), self.num_samples)
        if self.training and self.perturb:
            return stratified(z, torch.rand(z.shape, generator=generator, device=z.device))
        return z

    def _coarse_pass(
        self, rays: Tensor, z: Tensor, generator: torch.Generator | None, switches: dict
    ) -> tuple[dict[str, Tensor] | None, Tensor]:
        if self.coarse is not None:
            found = self._render(self.coarse, rays, z, generator, **switches)
            return found, found["weights"]
        with torch.no_grad():
            density = in_parts(self.fine.density, _points(rays, z))
            alpha = opacities(density, z, rays[:, 3:6], activation=self.activation)
            return None, weights_of(alpha)

    def _fine_depths(self, z: Tensor, weights: Tensor, generator: torch.Generator | None) -> Tensor:
        u = None
        if self.training and self.perturb:
            u = torch.rand(len(z), self.num_fine_samples, generator=generator, device=z.device)
        drawn = fine_depths(z, weights, self.num_fine_samples, u=u, padding=self.pdf_padding)
        return torch.cat([z, drawn] if self.keep_coarse_samples else [drawn], -1).sort(-1).values

    def _render(
        self,
        field: nn.Module,
        rays: Tensor,
        z: Tensor,
        generator: torch.Generator | None,
        *,
        detach_weights: bool,
        detach_geometry: bool,
        removal: ObjectRemoval | None,
    ) -> dict[str, Tensor]:
        raw = in_parts(lambda p, d: field(p, d, detach_geometry=detach_geometry), _points(rays, z), rays[:, 6:])
        noise = None
        if self.training and self.density_noise:
            noise = torch.randn(z.shape, generator=generator, device=z.device) * self.density_noise
        alpha = opacities(raw[..., 3], z, rays[:, 3:6], noise=noise, activation=self.activation)
        if removal is not None and raw.shape[-1] == 5:
            alpha = removal.opacities(alpha, raw[..., 4])
        weights = weights_of(alpha)
        found = composite(raw, z, weights, detach_weights=detach_weights, **self.volume) | {"z": z}
        if removal is not None and raw.shape[-1] == 5:
            found["logit"] = removal.logit(weights, raw[..., 4])
        if not getattr(field, "has_colour", True):
            del found["rgb"]
        return found


def in_parts(ask: Callable[..., Tensor], points: Tensor, *others: Tensor) -> Tensor:
    """Ask about (R,S,3) points; without gradients in parts of so many rays that memory stays small."""
    size = max(1, POINTS_AT_ONCE // points.shape[1])
    if torch.is_grad_enabled() or len(points) <= size:
        return ask(points, *others)
    return torch.cat([ask(*part) for part in zip(*(value.split(size) for value in (points, *others)), strict=True)])


def _with_view(rays: Tensor) -> Tensor:
    """(R,6) -> (R,9): unit directions are what the field is told."""
    return rays if rays.shape[-1] == 9 else torch.cat([rays, F.normalize(rays[:, 3:6], dim=-1)], -1)


def _points(rays: Tensor, z: Tensor) -> Tensor:
    """(R,S,3) of the world."""
    return rays[:, None, :3] + rays[:, None, 3:6] * z[..., None]
