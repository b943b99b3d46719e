"""Loss against boxes: a mask should fill its box from side to side and from top to bottom."""

import torch
from torch import Tensor

from sparsevision.layers.reduce import global_count
from sparsevision.methods.sparse_seg.losses import full_precision


def box_projection(
    probability: Tensor, box_map: Tensor, *, foreground: int, ignore_index: int, inside_only: bool = False
) -> Tensor:
    """dice(max over y of p, max over y of b) + dice(max over x of p, max over x of b), mean over images with a box.

    dice(u, v) = 1 - 2 sum(u v) / sum(u^2 + v^2). Several boxes of one image are projected together, as one map b.

    Source: BoxInst (Tian et al., CVPR 2021, Eq. 1-2), there for each instance on its own.

    Args:
        probability: (B, 1, H, W) of the class `foreground`.
        box_map: (B, H, W) integer class map: inside a box its class, outside another class, or `ignore_index` where
            nothing is known (padding, an image without boxes); such pixels take no part.
        foreground: the class whose boxes are compared.
        ignore_index: see above.
        inside_only: project only what lies inside the boxes. Without it a prediction along the rim of the image has the
            right projections too, and networks do find that; what lies outside is then left to partial cross-entropy.

    Returns:
        Scalar; zero (with a zero gradient) where no image has a box of that class.

    Raises:
        ValueError: the shapes do not fit.
    """
    if probability.ndim != 4 or probability.shape[1] != 1 or box_map.shape != probability[:, 0].shape:
        raise ValueError(
            f"expected probability (B, 1, H, W) and box_map (B, H, W), got {tuple(probability.shape)} and "
            f"{tuple(box_map.shape)}"
        )
    values = full_precision(probability[:, 0])
    boxes = (box_map == foreground).to(values)
    predicted = values * (boxes if inside_only else box_map != ignore_index)
    boxed = boxes.amax((1, 2))
    terms = sum(_dice_loss(predicted.amax(axis), boxes.amax(axis)) for axis in (1, 2))
    return (terms * boxed).sum() / global_count(boxed.sum()).clamp(min=torch.finfo(values.dtype).tiny)


def _dice_loss(u: Tensor, v: Tensor) -> Tensor:
    """u, v (B, N); returns (B,)."""
    size = (u**2 + v**2).sum(1)
    return 1 - 2 * (u * v).sum(1) / size.clamp(min=torch.finfo(size.dtype).tiny)
