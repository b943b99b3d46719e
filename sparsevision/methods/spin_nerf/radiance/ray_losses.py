"""Losses on what lies along a ray."""

from collections.abc import Callable

import torch
from torch import Tensor

from sparsevision.methods.spin_nerf.radiance.sampling import depths_between


def sigma_loss(
    density: Callable[[Tensor], Tensor],
    origins: Tensor,
    directions: Tensor,
    depths: Tensor,
    *,
    near: float,
    num_samples: int = 64,
) -> Tensor:
    """Rays shall end at known depths (DS-NeRF, Deng et al. 2022, as in SPIn-NeRF's code).

    -exp(sigma_last) / (sum of exp(sigma) + 1) over samples between near and the depth, of which the last lies there.

    Args:
        density: (R,S,3) points -> (R,S).
        origins, directions: (R,3).
        depths: (R,) in units of the ray parameter.
        near: where the samples start.
        num_samples: a ray.

    Returns:
        (R,) losses between -1 and 0.
    """
    z = depths_between(origins.new_tensor(near), depths[:, None], num_samples)
    points = origins[:, None] + directions[:, None] * z[..., None]
    grown = density(points).exp()
    return -grown[:, -1] / (grown.sum(-1) + 1.0)


def interlevel_loss(fine: dict[str, Tensor], coarse: dict[str, Tensor]) -> Tensor:
    """A proposal shall reach above what the fine field sees (Barron et al. 2022, mip-NeRF 360, Eq. 13).

    Args:
        fine, coarse: what `Renderer` returns, with z and weights (R,S); only the coarse one gets a gradient.

    Returns:
        A number: the excess of the fine weights over those of all overlapping coarse intervals.
    """
    z, weights = fine["z"].detach(), fine["weights"].detach()[..., :-1]
    bound = _overlapping(coarse["z"].detach(), coarse["weights"][..., :-1], z)
    excess = (weights - bound).clamp_min(0.0)
    return (excess.square() / (weights + 1e-7)).sum(-1).mean()


def _overlapping(edges: Tensor, weights: Tensor, wanted: Tensor) -> Tensor:
    """Summed weights of the intervals (R,M) between edges (R,M+1) that touch each one between wanted (R,N+1)."""
    cumulative = torch.cat([torch.zeros_like(weights[..., :1]), weights.cumsum(-1)], -1)
    last = edges.shape[-1] - 1
    below = (torch.searchsorted(edges, wanted, right=True) - 1).clamp(0, last)
    above = torch.searchsorted(edges, wanted).clamp(0, last)
    return cumulative.gather(-1, above)[..., 1:] - cumulative.gather(-1, below)[..., :-1]
