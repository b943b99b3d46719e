"""What the selector learns where annotations are sparse: nothing where an unnamed object may be; points as they are."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class IgnoreZones:
    """Where the selector's loss holds back.

    Attributes:
        token_score: probability of the teacher's selector from which a token without a box teaches nothing; None asks
            no teacher.

    Raises:
        UserError: a probability outside of [0, 1].
    """

    token_score: float | None = 0.3

    def __post_init__(self) -> None:
        if self.token_score is not None and not 0 <= self.token_score <= 1:
            raise UserError(f"IgnoreZones: token_score={self.token_score}; expected a number in [0, 1], or None.")


@dataclass(frozen=True, kw_only=True)
class PointTargets:
    """How a point of unknown extent becomes foreground.

    Attributes:
        radius: in strides of a level; tokens whose centre is nearer are foreground. In each level, for the size of the
            object is not known. 0.75 reaches at least the token that the point lies in.
        sigma: in pixels; other tokens count as background with 1 - exp(-d^2 / 2 sigma^2), so that those near a point,
            probably of its object, hardly teach. 0 lets all count.

    Raises:
        UserError: a negative number.
    """

    radius: float = 0.75
    sigma: float = 32.0

    def __post_init__(self) -> None:
        for name in ("radius", "sigma"):
            if getattr(self, name) < 0:
                raise UserError(f"PointTargets: {name}={getattr(self, name)}; expected 0 or more.")


def token_weights(
    targets: Tensor,
    centres: Tensor,
    zones: Tensor,
    *,
    teacher_scores: Tensor | None = None,
    settings: IgnoreZones | None = None,
) -> Tensor:
    """How much each token of an image counts in the selector's loss: 0 in zones and where the teacher sees something.

    Args:
        targets: (N,) 1 for foreground, which always counts.
        centres: (N,2) (x, y) of the tokens in pixels.
        zones: (Z,4) xyxy in pixels.
        teacher_scores: (N,) probabilities of the teacher's selector.
        settings: None is `IgnoreZones()`.

    Returns: (N,) of 0. and 1.
    """
    low, high = zones[:, None, :2], zones[:, None, 2:]
    unknown = ((centres > low) & (centres < high)).all(-1).any(0)
    threshold = (settings or IgnoreZones()).token_score
    if teacher_scores is not None and threshold is not None:
        unknown |= teacher_scores >= threshold
    return (~unknown | (targets > 0)).to(centres.dtype)


def point_targets(
    points: Tensor, centres: Tensor, strides: Tensor, *, settings: PointTargets | None = None
) -> tuple[Tensor, Tensor]:
    """Foreground around points, and how much the tokens around it count as background.

    Args:
        points: (P,2) as (x, y) in pixels.
        centres: (N,2) of the tokens, likewise.
        strides: (N,) in pixels.
        settings: None is `PointTargets()`.

    Returns: targets (N,) of 0 and 1, weights (N,) in [0, 1].
    """
    settings = settings or PointTargets()
    if not len(points):
        return torch.zeros_like(centres[:, 0]), torch.ones_like(centres[:, 0])
    distance = torch.cdist(centres, points.to(centres.dtype)).amin(1)
    foreground = distance <= settings.radius * strides
    doubt = torch.exp(-0.5 * (distance / settings.sigma).square()) if settings.sigma else torch.zeros_like(distance)
    return foreground.to(centres.dtype), torch.where(foreground, torch.ones_like(doubt), 1 - doubt)
