"""What the selector learns from: boxes by ranges, graded boxes, the decoder's attention, or points."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor

from sparsevision.evaluation.functional.tokens import token_centres
from sparsevision.methods.focus_detr.attention_map import AttentionMap
from sparsevision.methods.focus_detr.encoded import Encoded
from sparsevision.methods.focus_detr.ground_truth import GroundTruth
from sparsevision.methods.focus_detr.ignore_zones import IgnoreZones, PointTargets, point_targets, token_weights
from sparsevision.methods.focus_detr.losses import attention_map_loss, selector_loss
from sparsevision.methods.focus_detr.presets import Switches
from sparsevision.methods.focus_detr.targets import (
    FIRST_RANGE,
    centre_distance,
    farthest_side,
    foreground_targets,
    level_ranges,
    salience_targets,
    token_strides,
)
from sparsevision.utils import UserError

SelectorTarget = Literal["ranges", "salience", "decoder_attention", "points"]
Shapes = Sequence[tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class SelectorSupervision:
    """The loss of a selector, unweighted.

    Attributes:
        target: "ranges" (Focus-DETR), "salience" (Salience DETR) or "decoder_attention" (Sparse DETR). Points of
            objects without a box are foreground with the first two; with "points" they alone are.
        switches: `disjoint_ranges`, `farthest_side` and `padding_counts` matter here.
        strides: pixels between two tokens of each level.
        first_range: reach of the finest level in pixels, see `level_ranges`.
        points: how points become foreground.
        zones: where nothing is taught.

    Raises:
        UserError: no such target.
    """

    target: SelectorTarget
    switches: Switches
    strides: Sequence[int]
    first_range: float = FIRST_RANGE
    points: PointTargets = field(default_factory=PointTargets)
    zones: IgnoreZones = field(default_factory=IgnoreZones)

    def __post_init__(self) -> None:
        if self.target not in get_args(SelectorTarget):
            known = ", ".join(get_args(SelectorTarget))
            raise UserError(f"selector_target={self.target!r}; expected one of {known}.")
        if not self.first_range > 0:
            raise UserError(f"first_range={self.first_range}; expected pixels, more than 0.")

    def loss(
        self,
        encoded: Encoded,
        truths: Sequence[GroundTruth],
        *,
        attention_map: AttentionMap | None = None,
        ratio: float = 0.0,
        teacher_scores: Tensor | None = None,
    ) -> Tensor:
        """Mean over the images.

        Args:
            encoded: of the batch, with foreground logits.
            truths: of the images.
            attention_map: where the decoder looked, for that target.
            ratio: share of the tokens that the encoder keeps, for that target.
            teacher_scores: (B,N) probabilities of a teacher's selector; where they are high, nothing is background.
        """
        if self.target == "decoder_attention":
            targets = attention_map.targets(~encoded.padding, ratio=ratio)
            weights = None if self.switches.padding_counts else (~encoded.padding).to(targets)
            return attention_map_loss(encoded.foreground_logits, targets, weights=weights).mean()
        scores = [None] * len(truths) if teacher_scores is None else teacher_scores
        pairs = [self.of_image(truth, encoded.shapes, own) for truth, own in zip(truths, scores, strict=True)]
        targets, weights = (torch.stack(part) for part in zip(*pairs, strict=True))
        if not self.switches.padding_counts:
            weights = weights * ~encoded.padding
        return selector_loss(encoded.foreground_logits, targets, weights=weights).mean()

    def of_image(
        self, truth: GroundTruth, shapes: Shapes, teacher_scores: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Targets (N,) and how much each of the tokens counts (N,), both in [0,1]."""
        device = truth.corners.device
        centres = token_centres(shapes, self.strides, device=device)
        targets, weights = self._targets(truth, shapes, centres)
        held_back = token_weights(targets, centres, truth.ignored, teacher_scores=teacher_scores, settings=self.zones)
        return targets, weights * held_back

    def _targets(self, truth: GroundTruth, shapes: Shapes, centres: Tensor) -> tuple[Tensor, Tensor]:
        if self.target == "points":
            strides = token_strides(shapes, self.strides, device=centres.device)
            return point_targets(truth.points, centres, strides, settings=self.points)
        ranges = level_ranges(len(shapes), disjoint=self.switches.disjoint_ranges, first=self.first_range)
        options = {"feature_shapes": shapes, "strides": self.strides, "ranges": ranges}
        if self.target == "salience":
            targets = salience_targets(truth.corners, **options)
        else:
            distance = farthest_side if self.switches.farthest_side else centre_distance
            targets = foreground_targets(truth.corners, **options, distance=distance)
        return self._with_points(targets, truth.loose_points, shapes, centres)

    def _with_points(self, targets: Tensor, points: Tensor, shapes: Shapes, centres: Tensor) -> tuple[Tensor, Tensor]:
        """Targets (N,) of boxes and of points without a box, and how much tokens around the points count."""
        if not len(points):
            return targets, torch.ones_like(targets)
        strides = token_strides(shapes, self.strides, device=centres.device)
        dots, weights = point_targets(points, centres, strides, settings=self.points)
        return torch.maximum(targets, dots), torch.where(targets > 0, torch.ones_like(weights), weights)
