"""Boxes that nobody drew: what a confident teacher sees beside the given boxes of a sparsely annotated image.

In the manner of co-mining (Wang et al., "Co-mining: Self-Supervised Learning for Sparsely Annotated Object Detection",
AAAI 2021), where two views of one network find what each other's annotations lack; here a mean teacher does.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torchvision.ops import box_iou, nms

from sparsevision.methods.focus_detr.ground_truth import GroundTruth
from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class PseudoBoxes:
    """When and how the teacher's boxes count.

    Attributes:
        momentum: of the teacher's running mean.
        from_iteration: first step (from 0) in which its boxes count; it follows the student from the start.
        high: how sure it has to be of a box that is learnt as an object: its class, not its place.
        low: how sure of a box that is a zone where nothing is background.
        relative: high and low are shares of the mean score that it gives to the given boxes which it finds; otherwise
            they are scores. Where half of the objects are taught to be background, scores of all objects are low, and
            they rise as what it finds is learnt. Until it finds a given box it is sure of nothing.
        overlap: IoU with a given box from which a box is that object, and not a new one.
        duplicates: IoU with a more confident box from which a box is the same object.

    Raises:
        UserError: a value outside of [0, 1], or low above high.
    """

    momentum: float = 0.999
    from_iteration: int = 2000
    high: float = 0.8
    low: float = 0.5
    relative: bool = True
    overlap: float = 0.5
    duplicates: float = 0.6

    def __post_init__(self) -> None:
        for name in ("momentum", "high", "low", "overlap", "duplicates"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"PseudoBoxes: {name}={getattr(self, name)}; expected a number in [0, 1].")
        if self.low > self.high:
            raise UserError(f"PseudoBoxes: low={self.low} is above high={self.high}; expected at most as much.")


@dataclass(frozen=True)
class Mined:
    """New objects: boxes (P,4) and labels (P,); zones (Z,4) where something may be. All xyxy, as they came."""

    boxes: Tensor
    labels: Tensor
    zones: Tensor


@torch.no_grad()
def mine_boxes(boxes: Tensor, labels: Tensor, scores: Tensor, *, known: Tensor, settings: PseudoBoxes) -> Mined:
    """What a teacher found in one image that is not known.

    Args:
        boxes, labels, scores: its detections, (K,4) xyxy, (K,), (K,).
        known: (M,4) xyxy, given boxes of any class, and zones that are ignored anyway.
        settings: thresholds.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    seen = ((scores >= settings.low) & (sides > 0).all(1)).nonzero()[:, 0]
    seen = seen[nms(boxes[seen], scores[seen], settings.duplicates)]
    free = seen[(box_iou(boxes[seen], known) < settings.overlap).all(1)]
    sure = scores[free] >= settings.high
    return Mined(boxes[free[sure]], labels[free[sure]], boxes[free[~sure]])


@torch.no_grad()
def scores_of_known(
    boxes: Tensor, labels: Tensor, scores: Tensor, *, truth: GroundTruth, settings: PseudoBoxes
) -> Tensor:
    """The best scores (F,) of those given boxes of an image that a teacher finds; its detections as in `mine_boxes`."""
    if not len(boxes) or not len(truth.labels):
        return scores[:0]
    there = (box_iou(truth.corners, boxes) >= settings.overlap) & (truth.labels[:, None] == labels)
    best = (there * scores).amax(1)
    return best[best > 0]


def completed(truth: GroundTruth, mined: Mined) -> GroundTruth:
    """What an image teaches once the mined boxes, in its pixels, are taken for objects; `GroundTruth.mined` says so."""
    return replace(
        truth,
        corners=torch.cat([truth.corners, mined.boxes]),
        labels=torch.cat([truth.labels, mined.labels]),
        ignored=torch.cat([truth.ignored, mined.zones]),
        mined=truth.mined + len(mined.labels),
    )
