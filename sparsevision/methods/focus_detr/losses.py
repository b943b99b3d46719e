"""The losses of a DINO with a token selector; none of them overflows, however sure a logit is."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.methods.focus_detr.boxes import iou_and_giou, to_corners
from sparsevision.methods.focus_detr.matcher import Assignment

ClassLoss = Callable[[Tensor, Tensor, Tensor], Tensor]


def focal_loss(logits: Tensor, targets: Tensor, *, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Sigmoid focal loss (Lin et al., ICCV 2017, Eq. 5) of each element; targets in [0,1] of the same shape.

    The released selector takes the logarithm of the probability and is infinite beyond about 17; here it is finite.
    """
    probability = logits.sigmoid()
    error = probability * (1 - targets) + (1 - probability) * targets
    balance = alpha * targets + (1 - alpha) * (1 - targets)
    return balance * error**gamma * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def hard_focal(logits: Tensor, hot: Tensor, quality: Tensor) -> Tensor:
    """The class loss of DINO: a matched query is wholly its class, however good its box is."""
    return focal_loss(logits, hot)


def varifocal(logits: Tensor, hot: Tensor, quality: Tensor, *, alpha: float = 0.75, gamma: float = 2.0) -> Tensor:
    """VFL (Zhang et al., VarifocalNet, CVPR 2021, Eq. 2), as in RT-DETR: scores shall be the IoU of the box."""
    target = hot * quality
    weight = target + (1 - hot) * alpha * logits.detach().sigmoid() ** gamma
    return weight * F.binary_cross_entropy_with_logits(logits, target, reduction="none")


def matchability(logits: Tensor, hot: Tensor, quality: Tensor, *, gamma: float = 1.5) -> Tensor:
    """MAL (Huang et al., DEIM, CVPR 2025): like `varifocal`, but matches with poor boxes keep their weight."""
    target = hot * quality**gamma
    weight = hot + (1 - hot) * logits.detach().sigmoid() ** gamma
    return weight * F.binary_cross_entropy_with_logits(logits, target, reduction="none")


CLASS_LOSSES: dict[str, ClassLoss] = {"focal": hard_focal, "varifocal": varifocal, "matchability": matchability}


@dataclass(frozen=True)
class SetLosses:
    """(S,) each: classes, L1 distance and generalised IoU of each output set, over the number of boxes, unweighted."""

    classes: Tensor
    boxes: Tensor
    giou: Tensor


def set_losses(
    logits: Tensor,
    boxes: Tensor,
    targets: tuple[Tensor, Tensor],
    assignment: Assignment,
    *,
    num_boxes: float,
    located: Tensor | None = None,
    silent: Tensor | None = None,
    class_loss: ClassLoss = hard_focal,
) -> SetLosses:
    """Losses of S output sets at once.

    Args:
        logits: (S,B,Q,K).
        boxes: (S,B,Q,4) centres and sizes in [0,1].
        targets: boxes (T,4) and labels (T,) of all images of the batch, one after the other.
        assignment: which prediction is which object.
        num_boxes: what sums are divided by.
        located: (T,) bool, targets whose place is known; the others teach a class alone. None: all.
        silent: (S,B,Q) bool, unmatched predictions that are no background either.
        class_loss: one of `CLASS_LOSSES`.
    """
    true_boxes, labels = (part[assignment.targets] for part in targets)
    place = (assignment.sets, assignment.images, assignment.queries)
    own = boxes[place].float()
    iou, giou = iou_and_giou(to_corners(own), to_corners(true_boxes))
    rows = (assignment.sets == torch.arange(len(logits), device=logits.device)[:, None]).to(own)
    if located is not None:
        rows = rows * located[assignment.targets]
    logits = logits.float()
    hot = torch.zeros_like(logits).index_put((*place, labels), logits.new_ones(()))
    quality = logits.new_zeros(logits.shape[:3]).index_put(place, iou.detach().clamp(0, 1))
    classes = class_loss(logits, hot, quality[..., None]).sum(dim=-1)
    if silent is not None:
        classes = classes.masked_fill(silent & ~hot.any(dim=-1), 0.0)
    return SetLosses(
        classes=classes.sum(dim=(1, 2)) / num_boxes,
        boxes=rows @ (own - true_boxes).abs().sum(dim=-1) / num_boxes,
        giou=rows @ (1 - giou) / num_boxes,
    )


def selector_loss(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """How wrong foreground logits are: focal loss of the tokens over the number of true ones, of each image.

    Args:
        logits: (B,N).
        targets: (B,N) in [0,1]; those over one half are true. Graded ones are as in Salience DETR.
        weights: (B,N) in [0,1], how much tokens count; None: all alike, padding as background, as released.

    Returns:
        (B,).
    """
    losses = focal_loss(logits.float(), targets.to(torch.float32))
    if weights is not None:
        losses = losses * weights
    return losses.sum(dim=1) / (targets > 0.5).sum(dim=1).clamp(min=1)


def attention_map_loss(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Sparse DETR's selector loss (Roh et al., ICLR 2022): mean cross-entropy; arguments of `selector_loss`."""
    losses = F.binary_cross_entropy_with_logits(logits.float(), targets.to(torch.float32), reduction="none")
    if weights is None:
        return losses.mean(dim=1)
    return (losses * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
