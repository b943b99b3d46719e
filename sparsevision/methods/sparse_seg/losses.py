"""Losses of dense predictions against sparse labels: plain functions on tensors."""

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.layers.reduce import global_count


def partial_cross_entropy(logits: Tensor, labels: Tensor, *, ignore_index: int, per_class: bool = False) -> Tensor:
    """Cross-entropy over the labelled pixels alone.

    The sum over this process's labelled pixels is divided by the mean label count per process, so that after the
    gradients are averaged over processes each labelled pixel of the whole batch weighs the same. Without any label the
    loss is zero and has a (zero) gradient.

    Source: partial cross-entropy of scribble supervision (Tang et al., CVPR 2018, Eq. 2); `per_class` as in SCWSSOD
    (Yu et al., AAAI 2021), where foreground and background strokes are averaged on their own and added.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) integer classes, or `ignore_index` where nothing is labelled.
        ignore_index: value of unlabelled pixels.
        per_class: average each class on its own and add the averages, so that a rare class is not outweighed.

    Returns:
        Scalar.

    Raises:
        ValueError: the shapes do not fit.
    """
    if logits.ndim != 4 or labels.shape != (len(logits), *logits.shape[2:]):
        raise ValueError(
            f"expected logits (B, C, H, W) and labels (B, H, W), got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))  # half precision would lose the sum
    pixelwise = F.cross_entropy(scores, labels.long(), ignore_index=ignore_index, reduction="none")
    groups = _class_masks(labels, logits.shape[1]) if per_class else (labels != ignore_index)[None]
    sums = (pixelwise[None] * groups).flatten(1).sum(1)
    counts = global_count(groups.flatten(1).sum(1))
    return (sums / counts.clamp(min=torch.finfo(sums.dtype).tiny)).sum()


def _class_masks(labels: Tensor, classes: int) -> Tensor:
    """labels (B, H, W); returns bool (C, B, H, W), true where a pixel has that class."""
    return labels[None] == torch.arange(classes, device=labels.device).view(-1, 1, 1, 1)
