"""Where along a ray the field is asked."""

import torch
from torch import Tensor

PDF_PADDING = 1e-5


def depths_between(
    near: float | Tensor, far: float | Tensor, num_samples: int, *, linear_in_disparity: bool = False
) -> Tensor:
    """Depths from near to far, evenly spaced in depth or in 1 / depth.

    near, far: numbers, or (R,1) for each ray; returns (N,) or (R,N).
    """
    share = torch.linspace(0.0, 1.0, num_samples, device=near.device if isinstance(near, Tensor) else None)
    if linear_in_disparity:
        return 1.0 / (1.0 / near * (1.0 - share) + 1.0 / far * share)
    return near * (1.0 - share) + far * share


def stratified(depths: Tensor, uniform: Tensor) -> Tensor:
    """One depth at random in the cell around each given one; cells end half-way between neighbours.

    depths (R,N) or (N,) ascending; uniform (R,N) in [0,1); returns (R,N).
    """
    between = 0.5 * (depths[..., 1:] + depths[..., :-1])
    lower = torch.cat([depths[..., :1], between], -1)
    upper = torch.cat([between, depths[..., -1:]], -1)
    return lower + (upper - lower) * uniform


def sample_pdf(
    bins: Tensor, weights: Tensor, n: int, *, u: Tensor | None = None, padding: float = PDF_PADDING
) -> Tensor:
    """Draw from a piecewise constant density by its inverse distribution (Mildenhall et al. 2020, Sec. 5.2).

    Args:
        bins: (R,M+1) ascending edges.
        weights: (R,M) not negative; of any sum.
        n: how many a ray.
        u: (R,n) numbers in [0,1]; None takes n even ones from 0 to 1.
        padding: is added to each weight, so that none is zero.

    Returns:
        (R,n) places, ascending where u is. No gradient stops here: detach the weights if it should.
    """
    if u is None:
        u = torch.linspace(0.0, 1.0, n, device=bins.device, dtype=bins.dtype).expand(*bins.shape[:-1], n)
    weights = weights + padding
    share = weights / weights.sum(-1, keepdim=True)
    cumulative = torch.cat([torch.zeros_like(share[..., :1]), share.cumsum(-1)], -1)
    above = torch.searchsorted(cumulative.contiguous(), u.contiguous(), right=True)
    below = (above - 1).clamp_min(0)
    above = above.clamp_max(bins.shape[-1] - 1)
    start, end = cumulative.gather(-1, below), cumulative.gather(-1, above)
    low, high = bins.gather(-1, below), bins.gather(-1, above)
    width = end - start
    width = torch.where(width < PDF_PADDING, torch.ones_like(width), width)
    return low + (u - start) / width * (high - low)


def fine_depths(
    depths: Tensor, weights: Tensor, n: int, *, u: Tensor | None = None, padding: float = PDF_PADDING
) -> Tensor:
    """Depths near what is seen: drawn between the mid-points of the samples, by the weights of the inner ones.

    depths, weights (R,S) -> (R,n), without gradient.
    """
    middles = 0.5 * (depths[..., 1:] + depths[..., :-1])
    return sample_pdf(middles, weights[..., 1:-1], n, u=u, padding=padding).detach()
