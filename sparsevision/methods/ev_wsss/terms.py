"""The three terms by which the students teach each other, each with what the paper sets for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sparsevision.methods.ev_wsss.losses import (
    confidences,
    cross_pseudo_loss,
    feature_distillation,
    prototype_contrast,
    pseudo_labels,
)
from sparsevision.methods.ev_wsss.network import Latents, Student
from sparsevision.methods.ev_wsss.prototypes import PrototypeBank, UpsampledFeatures, region_prototypes
from sparsevision.utils import UserError

SCALES = (2, 4, 8)  # of the encoder's latents


@dataclass(frozen=True)
class Switches:
    """Where the release and what it meant differ; docs/ev_wsss.md compares them.

    Attributes:
        released_confidence: softmax(ReLU(logits)) with absent classes set to zero afterwards.
        drop_largest_label: the largest value of a label map is taken for the unlabelled one.
        all_or_none: one image without pseudo labels switches the dual term off for its batch.
        last_class_decides: prototypes act once the last class has enough of them, and then for every class.
        guard: a mean over no pixel is 0 instead of NaN.
    """

    released_confidence: bool
    drop_largest_label: bool
    all_or_none: bool
    last_class_decides: bool
    guard: bool


PRESETS = {
    "published": Switches(
        released_confidence=True, drop_largest_label=True, all_or_none=True, last_class_decides=True, guard=False
    ),
    "fixed": Switches(
        released_confidence=False, drop_largest_label=False, all_or_none=False, last_class_decides=False, guard=True
    ),
}


@dataclass(frozen=True)
class Dual:
    """Each student learns the confident pixels of the other one (Sec. 3.2).

    Attributes:
        weight: of the term.
        threshold: probability from which a pixel is a pseudo label.
        from_epoch: first epoch (from 0) in which the term acts.
    """

    weight: float = 0.5
    threshold: float = 0.5
    from_epoch: int = 0


@dataclass(frozen=True)
class Prototypes:
    """Pixels are drawn to the prototype of their class (Sec. 3.3).

    Attributes:
        own_weight, cross_weight: of a student's own prototypes, and of the other's, projected.
        from_epoch: first epoch in which the term acts; prototypes are collected from the start.
        confidence: probability from which a pixel takes part in a region prototype.
        min_mass: sum of confidences that a region needs.
        length, min_count: of the `PrototypeBank`.
        temperature: of the contrast.
    """

    own_weight: float = 0.25
    cross_weight: float = 0.25
    from_epoch: int = 2
    confidence: float = 0.7
    min_mass: float = 10.0
    length: int = 200
    min_count: int = 10
    temperature: float = 0.1


@dataclass(frozen=True)
class Distillation:
    """A student's projected features follow the other's at several scales (Sec. 3.3).

    Attributes:
        weight: of the sum over scales and directions.
        from_epoch: first epoch in which the term acts.
        scales: down-sampling factors.

    Raises:
        UserError: a scale that the encoder does not have.
    """

    weight: float = 1 / 6
    from_epoch: int = 2
    scales: Sequence[int] = SCALES

    def __post_init__(self) -> None:
        if set(self.scales) - set(SCALES):
            raise UserError(f"Distillation: scales={tuple(self.scales)}; expected some of {SCALES}.")


@dataclass(frozen=True)
class View:
    """What one student made of a batch: logits (B,C,H,W), latents by scale, its network and its prototypes."""

    student: Student
    logits: Tensor
    latents: Latents
    bank: PrototypeBank | None


@dataclass(frozen=True)
class Guess:
    """A student's confidences (B,C,H,W) and pseudo labels (B,H,W), without gradient."""

    confidence: Tensor
    labels: Tensor


@torch.no_grad()
def guess_of(view: View, present: Tensor, *, threshold: float, ignore_index: int, switches: Switches) -> Guess:
    """What a student believes, among the classes present (B,C) in each image."""
    confidence = confidences(view.logits, present, released=switches.released_confidence)
    return Guess(confidence, pseudo_labels(confidence, threshold=threshold, ignore_index=ignore_index))


def dual_loss(
    views: Sequence[View], guesses: Sequence[Guess], *, ignore_index: int, switches: Switches, balanced: bool
) -> Tensor:
    """Both directions, unweighted."""
    return cross_pseudo_loss(
        (views[0].logits, views[1].logits),
        (guesses[1].labels, guesses[0].labels),
        ignore_index=ignore_index,
        all_or_none=switches.all_or_none,
        guard=switches.guard,
        balanced=balanced,
    )


def upsampled(view: View) -> UpsampledFeatures:
    """The features at 1/8 as if they had the size of the logits."""
    return UpsampledFeatures(view.latents[8], tuple(view.logits.shape[2:]))


def collect(features: UpsampledFeatures, guess: Guess, settings: Prototypes) -> tuple[Tensor, Tensor]:
    """Region prototypes of a batch and which of them count."""
    return region_prototypes(features, guess.confidence, min_confidence=settings.confidence, min_mass=settings.min_mass)


def projected_means(view: View) -> Tensor:
    """A student's prototypes (C,D) in the feature space of the other one; the gradient goes into its projection."""
    means = view.bank.means()
    return torch.nn.functional.normalize(view.student.encoder.project(means[:, :, None, None], 8)[:, :, 0, 0], dim=1)


def contrast_losses(
    view: View,
    features: UpsampledFeatures,
    other: View,
    targets: Tensor,
    *,
    settings: Prototypes,
    ignore_index: int,
    switches: Switches,
    balanced: bool,
) -> tuple[Tensor, Tensor] | None:
    """(own, crossed) of one student, unweighted; targets are the other's pseudo labels. None: too few prototypes."""
    if switches.last_class_decides and not view.bank.ready[-1]:
        return None
    pairs = ((view.bank.means(), view.bank.ready), (projected_means(other), other.bank.ready))
    return tuple(
        prototype_contrast(
            features.cosines(prototypes),
            targets,
            ready=None if switches.last_class_decides else ready,
            temperature=settings.temperature,
            ignore_index=ignore_index,
            guard=switches.guard,
            balanced=balanced,
        )
        for prototypes, ready in pairs
    )


def distillation_loss(views: Sequence[View], scales: Sequence[int]) -> Tensor:
    """Sum over scales and both directions, unweighted."""
    pairs = ((views[0], views[1]), (views[1], views[0]))
    return sum(
        feature_distillation(_projected(one, scale), other.latents[scale]) for scale in scales for one, other in pairs
    )


def _projected(view: View, scale: int) -> Tensor:
    unit = torch.nn.functional.normalize(view.latents[scale], dim=1)
    return view.student.encoder.project(unit, scale)
