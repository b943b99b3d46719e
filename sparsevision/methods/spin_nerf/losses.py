"""What SPIn-NeRF learns from: colours, objectness, depths and disparities of rays.

Mirzaei et al., CVPR 2023, Sec. 3. All functions are pure and take what a renderer gives: (R,...) values along R rays.
"""

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

Rendering = Mapping[str, Tensor]


def colour_loss(renderings: list[Rendering], colour: Tensor) -> Tensor:
    """Mean squared error of the colours (R,3), summed over fine and coarse."""
    return sum(F.mse_loss(one["rgb"], colour) for one in renderings if "rgb" in one)


def objectness_loss(renderings: list[Rendering], label: Tensor, *, object_weight: float = 1.0) -> Tensor:
    """Binary cross-entropy of the rendered logits (R,) against labels (R,) in {0, 1}, summed over fine and coarse.

    `object_weight` is that of label 1, beside 1 for label 0.
    """
    weight = label.new_tensor(object_weight)
    return sum(
        F.binary_cross_entropy_with_logits(one["logit"], label, pos_weight=weight)
        for one in renderings
        if "logit" in one
    )


def depth_loss(rendering: Rendering, depth: Tensor, *, weight: Tensor | None = None, relative: bool = False) -> Tensor:
    """Mean squared error of depth (R,) at key points, in units of the scene; of the fine rendering alone.

    Options of the release, off in its configs: `weight` (R,) trusts points of a small reprojection error more,
    `relative` divides errors by the depth.
    """
    error = (rendering["depth"] - depth) / depth if relative else rendering["depth"] - depth
    return (error.square() if weight is None else error.square() * weight).mean()


def disparity_loss(renderings: list[Rendering], disparity: Tensor) -> Tensor:
    """Mean squared error of disparity (R,) where it is known, summed over fine and coarse.

    NaN is not known: no prior covers this pixel. A rendering in which one ray meets nothing and has no disparity (NaN)
    counts 0, in the graph. Renderers with `finite_disparity` give none such.
    """
    known = disparity.isfinite()
    total = renderings[0]["accumulation"].sum() * 0.0
    for one in renderings:
        if one["disparity"].isfinite().all() and known.any():
            total = total + F.mse_loss(one["disparity"][known], disparity[known])
    return total


def accumulation_loss(rendering: Rendering) -> Tensor:
    """Mean of what the rays are stopped by: the object-removal baseline empties the hole with it."""
    return rendering["accumulation"].mean()
