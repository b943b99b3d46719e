"""From samples along a ray to what the ray sees (Mildenhall et al. 2020, Eq. 3; Mirzaei et al. 2023, Sec. 3)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

BEYOND = 1e10
TINY = 1e-10
FAINT = 1e-6


def opacities(
    density: Tensor,
    z: Tensor,
    directions: Tensor,
    *,
    noise: Tensor | None = None,
    activation: Callable[[Tensor], Tensor] = F.relu,
) -> Tensor:
    """Alpha of each sample: 1 - exp(-sigma delta); what lies behind the last sample is endless.

    Args:
        density: (R,S) before activation.
        z: (R,S) ascending ray parameters.
        directions: (R,3); their length turns ray parameters into distances.
        noise: (R,S), added before the activation.
        activation: makes a density of a number.

    Returns:
        (R,S) in [0,1].
    """
    steps = torch.cat([z[..., 1:] - z[..., :-1], torch.full_like(z[..., :1], BEYOND)], -1)
    steps = steps * directions.norm(dim=-1, keepdim=True)
    sigma = activation(density if noise is None else density + noise)
    return 1.0 - torch.exp(-sigma * steps)


def weights_of(alpha: Tensor) -> Tensor:
    """How much of the ray's light comes from each sample. (R,S) -> (R,S)."""
    passing = torch.cat([torch.ones_like(alpha[..., :1]), 1.0 - alpha[..., :-1] + TINY], -1)
    return alpha * passing.cumprod(-1)


def volume_render(
    raw: Tensor,
    z: Tensor,
    directions: Tensor,
    *,
    white_background: bool = False,
    detach_weights: bool = False,
    detach_background: bool = False,
    normalize_depth: bool = False,
    finite_disparity: bool = False,
    noise: Tensor | None = None,
    activation: Callable[[Tensor], Tensor] = F.relu,
) -> dict[str, Tensor]:
    """Colour and depth of rays.

    Args:
        raw: (R,S,4) r, g, b and density before their activations; a fifth channel holds objectness logits.
        z: (R,S) ascending ray parameters.
        directions: (R,3), not normalised where z is a depth.
        white_background: what no sample hides is white.
        detach_weights: no gradient of the colour's sum reaches the density.
        detach_background: nor does one of the white background; the released code lets it through.
        normalize_depth: divide the depth by the accumulation; published: not divided.
        finite_disparity: 0 where a ray meets nothing; published: NaN.
        noise: (R,S), added to the density before its activation.
        activation: makes a density of a number.

    Returns:
        rgb (R,3), disparity, accumulation, depth (R,), weights (R,S); logit (R,) with a fifth channel.
    """
    alpha = opacities(raw[..., 3], z, directions, noise=noise, activation=activation)
    switches = {"white_background": white_background, "detach_weights": detach_weights}
    switches |= {"detach_background": detach_background, "normalize_depth": normalize_depth}
    return composite(raw, z, weights_of(alpha), finite_disparity=finite_disparity, **switches)


def composite(
    raw: Tensor,
    z: Tensor,
    weights: Tensor,
    *,
    white_background: bool = False,
    detach_weights: bool = False,
    detach_background: bool = False,
    normalize_depth: bool = False,
    finite_disparity: bool = False,
) -> dict[str, Tensor]:
    """The second half of `volume_render`: samples summed with given weights (R,S)."""
    for_colour = weights.detach() if detach_weights else weights
    rgb = (for_colour[..., None] * torch.sigmoid(raw[..., :3])).sum(-2)
    accumulation = weights.sum(-1)
    depth = (weights * z).sum(-1)
    if white_background:
        hidden = for_colour.sum(-1) if detach_background else accumulation
        rgb = rgb + (1.0 - hidden[..., None])
    rendered = {
        "rgb": rgb,
        "disparity": disparity_of(depth, accumulation, finite=finite_disparity),
        "accumulation": accumulation,
        "weights": weights,
        "depth": depth / accumulation.clamp_min(FAINT) if normalize_depth else depth,
    }
    return rendered if raw.shape[-1] < 5 else rendered | {"logit": objectness(weights, raw[..., 4])}


def disparity_of(depth: Tensor, accumulation: Tensor, *, finite: bool = False) -> Tensor:
    """1 / (depth / accumulation) of summed depths (R,); an empty ray's is NaN, or 0 if it must be finite."""
    if finite:
        return accumulation / depth.clamp_min(FAINT)
    empty = accumulation == 0  # divided by 1, since the gradient of 0 / 0 would be NaN for its whole batch
    mean = depth / accumulation.masked_fill(empty, 1.0)
    return (1.0 / mean.clamp_min(TINY)).masked_fill(empty, torch.nan)


def objectness(weights: Tensor, logits: Tensor) -> Tensor:
    """Logit of a ray: weighted sum of its samples' logits; the weights get no gradient. (R,S), (R,S) -> (R,)."""
    return (weights.detach() * logits).sum(-1)


class _TruncatedExp(torch.autograd.Function):
    """exp whose gradient stays bounded (Mueller et al. 2022)."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * x.clamp(-15.0, 15.0).exp()


def truncated_exp(x: Tensor) -> Tensor:
    """A density activation: exp(x), with the gradient of exp at no more than 15."""
    return _TruncatedExp.apply(x)
