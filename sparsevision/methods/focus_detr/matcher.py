"""Hungarian matching of predictions and objects: all output sets of a step in one transfer from the device."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from sparsevision.methods.focus_detr.boxes import iou_and_giou, to_corners
from sparsevision.methods.focus_detr.ground_truth import GroundTruth
from sparsevision.utils import UserError

FORBIDDEN = 1e6  # cost of a query that does not exist; real costs are below 100
EPS = 1e-8  # within the logarithms of the class cost


@dataclass(frozen=True, kw_only=True)
class MatchCosts:
    """Weights of the costs, and the form of the class cost, a focal loss."""

    classes: float = 2.0
    boxes: float = 5.0
    giou: float = 2.0
    alpha: float = 0.25
    gamma: float = 2.0


@dataclass(frozen=True)
class Assignment:
    """Which prediction is which object: (A,) int64 each.

    Attributes:
        sets, images, queries: of the prediction, among (S,B,Q).
        targets: rows of the objects of all images of the batch, one image after the other.
    """

    sets: Tensor
    images: Tensor
    queries: Tensor
    targets: Tensor


@torch.no_grad()
def match(
    logits: Tensor,
    boxes: Tensor,
    truths: Sequence[GroundTruth],
    *,
    costs: MatchCosts,
    padding: Tensor | None = None,
) -> Assignment:
    """One-to-one pairs of least total cost, for each set and image on its own (Carion et al., DETR, ECCV 2020, Eq. 1).

    Args:
        logits: (S,B,Q,K) of S output sets.
        boxes: (S,B,Q,4) centres and sizes in [0,1].
        truths: of the B images.
        costs: weights.
        padding: (B,Q) bool, queries that do not exist.

    Raises:
        UserError: a prediction is not finite, since the training has diverged.
    """
    parts = [
        pair_costs(logits[:, image].float(), boxes[:, image].float(), truth, costs)
        for image, truth in enumerate(truths)
    ]
    if padding is not None:
        parts = [part.masked_fill(own[:, None], FORBIDDEN) for part, own in zip(parts, padding, strict=True)]
    shapes = [part.shape for part in parts]
    values = torch.cat([part.flatten() for part in parts]).cpu().numpy()
    if not np.isfinite(values).all():
        raise UserError("A predicted class or box is not a number: the training diverged. Lower the learning rate.")
    pieces = np.split(values, np.cumsum([shape.numel() for shape in shapes])[:-1])
    tables = [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]
    return Assignment(*torch.from_numpy(_solve(tables)).to(logits.device))


def pair_costs(logits: Tensor, boxes: Tensor, truth: GroundTruth, costs: MatchCosts) -> Tensor:
    """Cost (S,Q,M) of each prediction (S,Q,K), (S,Q,4) as each of the M objects of one image."""
    score = logits[..., truth.labels].sigmoid()
    is_object = costs.alpha * (1 - score) ** costs.gamma * -(score + EPS).log()
    is_other = (1 - costs.alpha) * score**costs.gamma * -(1 - score + EPS).log()
    distance = (boxes[..., None, :] - truth.boxes).abs().sum(dim=-1)
    giou = iou_and_giou(to_corners(boxes)[..., None, :], to_corners(truth.boxes))[1]
    return costs.classes * (is_object - is_other) + costs.boxes * distance - costs.giou * giou


def _solve(tables: list[np.ndarray]) -> np.ndarray:
    """Tables (S,Q,M_i) of each image -> (4, A): set, image, query, target; sets first, then images."""
    starts = np.cumsum([0, *(table.shape[2] for table in tables)])
    found = []
    for index in range(len(tables[0]) if tables else 0):
        for image, table in enumerate(tables):
            queries, own = linear_sum_assignment(table[index])
            real = table[index][queries, own] < FORBIDDEN
            queries, own = queries[real], own[real]
            found.append(np.stack([np.full_like(own, index), np.full_like(own, image), queries, starts[image] + own]))
    return np.concatenate(found, axis=1)
