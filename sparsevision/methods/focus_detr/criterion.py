"""All detection losses of a step: the last layer's, those of the others, the encoder's and the denoising's."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sparsevision.methods.focus_detr.boxes import around_points, inside_zones, to_corners
from sparsevision.methods.focus_detr.decoding import Decoded
from sparsevision.methods.focus_detr.denoising import DenoisingQueries
from sparsevision.methods.focus_detr.encoder_heads import TokenPredictions
from sparsevision.methods.focus_detr.ground_truth import GroundTruth, joined
from sparsevision.methods.focus_detr.losses import CLASS_LOSSES, SetLosses, set_losses
from sparsevision.methods.focus_detr.matcher import Assignment, MatchCosts, match
from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """How much each loss counts.

    Attributes:
        classes, boxes, giou: of every output set.
        selector: of the foreground selector.
        encoder_layers: of what the tokens of encoder layers before the last detect, relative to the other output sets;
            with 0 they have no heads. Sparse DETR: 1.
        class_loss: "focal" as published; "varifocal" or "matchability" draw the score of a class to the box's IoU.

    Raises:
        UserError: no such class loss, or a negative weight of the encoder layers.
    """

    classes: float = 1.0
    boxes: float = 5.0
    giou: float = 2.0
    selector: float = 1.5
    encoder_layers: float = 0.0
    class_loss: str = "focal"

    def __post_init__(self) -> None:
        if self.class_loss not in CLASS_LOSSES:
            raise UserError(f"losses: class_loss={self.class_loss!r}; expected one of {', '.join(CLASS_LOSSES)}.")
        if self.encoder_layers < 0:
            raise UserError(f"losses: encoder_layers={self.encoder_layers}; expected 0 or more.")


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """Weighted losses by name: loss_class, loss_bbox, loss_giou of the last layer; with _0, _1, ... of those before it,
    _enc of the encoder, _enc_0, ... of its layers before the last if they are to learn so, _dn and _dn_0, ... of the
    denoising.

    Attributes:
        weights: of the losses.
        costs: of the matching.
        padded_copies: places of denoising that have no box are background, as released.
    """

    weights: LossWeights = field(default_factory=LossWeights)
    costs: MatchCosts = field(default_factory=MatchCosts)
    padded_copies: bool = True

    def matched(self, decoded: Decoded, truths: Sequence[GroundTruth], *, num_boxes: Tensor) -> dict[str, Tensor]:
        """Losses of all layers and the encoder, each matched on its own.

        What no object is matched to is background, unless it lies in an ignored zone.
        """
        proposals = decoded.proposals
        logits = torch.cat([decoded.logits, proposals.logits[None]])
        boxes = torch.cat([decoded.boxes, proposals.boxes[None]])
        losses = self._matched(logits, boxes, truths, proposals.padding, num_boxes)
        return self._named(losses, [*_suffixes(len(decoded.logits)), "_enc"])

    def encoder_layers(
        self, predictions: Sequence[TokenPredictions], truths: Sequence[GroundTruth], *, num_boxes: Tensor
    ) -> dict[str, Tensor]:
        """Losses of what tokens of each encoder layer detect, matched among themselves (Sparse DETR, Sec. 3.4)."""
        named = {}
        for index, own in enumerate(predictions):
            losses = self._matched(own.logits[None], own.boxes[None], truths, own.padding, num_boxes)
            named |= self._named(losses, [f"_enc_{index}"])
        return {name: self.weights.encoder_layers * value for name, value in named.items()}

    def _matched(
        self,
        logits: Tensor,
        boxes: Tensor,
        truths: Sequence[GroundTruth],
        padding: Tensor | None,
        num_boxes: Tensor,
    ) -> SetLosses:
        silent = _silent(boxes, truths, padding)
        assignment = match(logits, boxes, truths, costs=self.costs, padding=padding)
        return self._losses(logits, boxes, truths, assignment, num_boxes, silent)

    def denoised(
        self,
        predicted: tuple[Tensor, Tensor],
        queries: DenoisingQueries,
        truths: Sequence[GroundTruth],
        *,
        num_boxes: Tensor,
    ) -> dict[str, Tensor]:
        """Losses of all layers on the denoising queries; true copies are their objects, false ones are background."""
        logits, boxes = predicted
        images, places, targets = queries.true_copies([len(truth.labels) for truth in truths])
        count = len(logits)
        sets = torch.arange(count, device=logits.device).repeat_interleave(len(images))
        assignment = Assignment(sets, images.repeat(count), places.repeat(count), targets.repeat(count))
        silent = None if self.padded_copies else queries.padding.expand(count, -1, -1)
        losses = self._losses(logits, boxes, truths, assignment, num_boxes * queries.groups, silent)
        return self._named(losses, [f"_dn{suffix}" for suffix in _suffixes(count)])

    def _losses(
        self,
        logits: Tensor,
        boxes: Tensor,
        truths: Sequence[GroundTruth],
        assignment: Assignment,
        num_boxes: Tensor,
        silent: Tensor | None,
    ) -> SetLosses:
        *targets, drawn = joined(truths)
        return set_losses(
            logits,
            boxes,
            tuple(targets),
            assignment,
            num_boxes=num_boxes,
            located=drawn if any(truth.mined for truth in truths) else None,
            silent=silent,
            class_loss=CLASS_LOSSES[self.weights.class_loss],
        )

    def _named(self, losses: SetLosses, suffixes: Sequence[str]) -> dict[str, Tensor]:
        kinds = {"class": "classes", "bbox": "boxes", "giou": "giou"}
        return {
            f"loss_{kind}{suffix}": getattr(self.weights, name) * value
            for kind, name in kinds.items()
            for suffix, value in zip(suffixes, getattr(losses, name), strict=True)
        }


def _suffixes(count: int) -> list[str]:
    """Of the layers in their order; the last has none."""
    return [*(f"_{index}" for index in range(count - 1)), ""]


def _silent(boxes: Tensor, truths: Sequence[GroundTruth], padding: Tensor | None) -> Tensor | None:
    """(S,B,Q) bool, predictions that are no background: no query, in an ignored zone, or around a point without a box.

    None: none are.
    """
    silent = None if padding is None else padding.expand(len(boxes), -1, -1)
    if any(len(truth.ignored) or len(truth.loose_points) for truth in truths):
        corners = to_corners(boxes.detach())
        unknown = torch.stack([_unknown(corners[:, image], truth) for image, truth in enumerate(truths)], dim=1)
        silent = unknown if silent is None else silent | unknown
    return silent


def _unknown(corners: Tensor, truth: GroundTruth) -> Tensor:
    return inside_zones(corners, truth.zones) | around_points(corners, truth.loose_places)
