"""What the two students learn from: clicks, each other's confident pixels, prototypes, each other's features.

Section numbers are those of EV-WSSS (Cho et al., ECCV 2024). Every function is pure; logits are (B, C, H, W), label
maps (B, H, W) int64 with `ignore_index` where nothing is known.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def partial_cross_entropy(
    logits: Tensor, labels: Tensor, *, ignore_index: int, guard: bool = True, balanced: bool = False
) -> Tensor:
    """Mean cross-entropy of the labelled pixels.

    guard: without a labelled pixel the answer is 0, in the graph; else it is NaN, as released.
    balanced: the mean over the classes of each image instead, each class by the mean of its pixels. For one click per
        class it is the same.
    """
    if balanced:
        each = F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction="none")
        sizes = class_sizes(labels, num_classes=logits.shape[1], ignore_index=ignore_index)
        total = (each / sizes.gather(1, _in_range(labels, ignore_index).flatten(1)).view_as(each).clamp(min=1)).sum()
        count = (sizes > 0).sum()
    else:
        total = F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction="sum")
        count = (labels != ignore_index).sum()
    return total / (count.clamp(min=1) if guard else count)


def class_sizes(labels: Tensor, *, num_classes: int, ignore_index: int) -> Tensor:
    """Pixels of each class in each image: (B, H, W) -> (B, C) int64."""
    counted = (labels != ignore_index).long().flatten(1)
    sizes = counted.new_zeros(len(labels), num_classes)
    return sizes.scatter_add_(1, _in_range(labels, ignore_index).flatten(1), counted)


def _in_range(labels: Tensor, ignore_index: int) -> Tensor:
    return labels.masked_fill(labels == ignore_index, 0)


def present_classes(labels: Tensor, *, num_classes: int, ignore_index: int, drop_largest: bool = False) -> Tensor:
    """Which classes are clicked in each image, (B, C) bool.

    drop_largest: the release takes the largest value of the map for the unlabelled one; in an image without unlabelled
        pixels its largest class is then lost.
    """
    flat = labels.flatten(1)
    present = torch.zeros(len(flat), num_classes, dtype=torch.bool, device=flat.device)
    for row, values in zip(present, flat, strict=True):
        found = values.unique()
        found = found[:-1] if drop_largest else found[found != ignore_index]
        row[found] = True
    return present


def confidences(logits: Tensor, present: Tensor, *, released: bool) -> Tensor:
    """Probabilities of the classes that the image has, (B, C, H, W); zero for the others (Sec. 3.2).

    released: softmax of ReLU(logits) over all classes, of which the absent ones are then set to zero. Otherwise the
        softmax runs over the present classes alone, so that probabilities sum to one.
    """
    absent = ~present[:, :, None, None]
    if released:
        return logits.relu().softmax(dim=1).masked_fill(absent, 0.0)
    return logits.masked_fill(absent, -torch.inf).softmax(dim=1).nan_to_num(0.0)


def pseudo_labels(confidence: Tensor, *, threshold: float, ignore_index: int) -> Tensor:
    """The most confident class of each pixel, `ignore_index` where it is below the threshold."""
    best, labels = confidence.max(dim=1)
    return labels.masked_fill(best < threshold, ignore_index)


def cross_pseudo_loss(
    logits: tuple[Tensor, Tensor],
    targets: tuple[Tensor, Tensor],
    *,
    ignore_index: int,
    all_or_none: bool,
    guard: bool = True,
    balanced: bool = False,
) -> Tensor:
    """Each student on the other's pseudo labels: logits (A, B), targets (B's labels, A's labels) (Sec. 3.2).

    all_or_none: as released, the term is 0 as soon as one image of the batch has no pseudo label in either branch.
    guard, balanced: see `partial_cross_entropy`; with `all_or_none` there is no mean over no pixel to guard.
    """
    if all_or_none and any((target == ignore_index).flatten(1).all(dim=1).any() for target in targets):
        return sum(part.sum() * 0.0 for part in logits)
    pairs = zip(logits, targets, strict=True)
    return sum(
        partial_cross_entropy(part, target, ignore_index=ignore_index, guard=guard, balanced=balanced)
        for part, target in pairs
    )


def prototype_contrast(
    cosines: Tensor,
    targets: Tensor,
    *,
    ready: Tensor | None,
    temperature: float,
    ignore_index: int,
    guard: bool = True,
    balanced: bool = False,
) -> Tensor:
    """Cross-entropy of cosine similarities to the prototypes (Sec. 3.3).

    Args:
        cosines: (B, C, H, W) in [-1, 1].
        targets: pseudo labels of the other student.
        ready: (C,) bool, classes whose prototype speaks; others are no answer and no target. None: all take part, as
            released, also those whose prototype is zero.
        temperature: of the softmax.
        guard, balanced: see `partial_cross_entropy`.
    """
    if ready is not None:
        cosines = cosines.masked_fill(~ready[None, :, None, None], -1e4)
        known = torch.cat([ready, ready.new_zeros(1)])[targets.clamp(max=len(ready))]
        targets = targets.masked_fill(~known, ignore_index)
    return partial_cross_entropy(
        cosines / temperature, targets, ignore_index=ignore_index, guard=guard, balanced=balanced
    )


def feature_distillation(projected: Tensor, other: Tensor) -> Tensor:
    """Mean L1 distance of a student's projected features to the other's, both (B, D, h, w), unit length per pixel.

    The gradient goes into `projected` alone (Sec. 3.3, cross-scale distillation).
    """
    return F.l1_loss(F.normalize(projected, dim=1), F.normalize(other, dim=1).detach())
