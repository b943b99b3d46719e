"""Losses of dense predictions against sparse labels: plain functions on tensors."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.layers.reduce import global_count


def full_precision(values: Tensor) -> Tensor:
    """float32 for half precision, which would lose sums and squares; float64 stays."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def partial_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    ignore_index: int,
    per_class: bool = False,
    class_share: Sequence[float] | None = None,
    probabilities_as_logits: bool = False,
) -> Tensor:
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
        class_share: (C,) shares of all pixels that the classes are known to cover. Each class is averaged on its own
            and weighted with its share: the network then learns these proportions and not those of the strokes,
            which are about as long on a small object as on all that is around it (prior correction of Saerens et
            al., Neural Computation 2002).
        probabilities_as_logits: what SCWSSOD and CRNet released: the softmax of the *probabilities* is scored, so that
            a class of two costs log(1 + 1/e) = .313 at the very least and a sure pixel is still pulled.

    Returns:
        Scalar.

    Raises:
        ValueError: the shapes do not fit, or the shares are not one positive number for each class.
    """
    if logits.ndim != 4 or labels.shape != (len(logits), *logits.shape[2:]):
        raise ValueError(
            f"expected logits (B, C, H, W) and labels (B, H, W), got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    scores = full_precision(logits)
    if probabilities_as_logits:
        scores = scores.softmax(1)
    pixelwise = F.cross_entropy(scores, labels.long(), ignore_index=ignore_index, reduction="none")
    weights = None if class_share is None else _checked_share(class_share, like=logits)
    by_class = per_class or weights is not None
    groups = _class_masks(labels, logits.shape[1]) if by_class else (labels != ignore_index)[None]
    sums = (pixelwise[None] * groups).flatten(1).sum(1)
    counts = global_count(groups.flatten(1).sum(1))
    means = sums / counts.clamp(min=torch.finfo(sums.dtype).tiny)
    return means.sum() if weights is None else (means * weights).sum()


def _checked_share(share: Sequence[float], *, like: Tensor) -> Tensor:
    """Shares as (C,), scaled to a sum of 1."""
    weights = torch.tensor(share, dtype=torch.float32, device=like.device)
    if weights.shape != like.shape[1:2] or not (weights > 0).all():
        raise ValueError(f"class_share must be {like.shape[1]} positive numbers, one for each class, got {share}")
    return weights / weights.sum()


def _class_masks(labels: Tensor, classes: int) -> Tensor:
    """labels (B, H, W); returns bool (C, B, H, W), true where a pixel has that class."""
    return labels[None] == torch.arange(classes, device=labels.device).view(-1, 1, 1, 1)
