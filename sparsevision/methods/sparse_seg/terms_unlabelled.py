"""Terms of the training loss that need no label: what a good mask looks like, whatever it is a mask of."""

from torch import Tensor

from sparsevision.methods.sparse_seg.losses_confidence import (
    entropy_minimisation,
    entropy_weight,
    ramp_up_cosine,
    uncertainty_aware_loss,
)
from sparsevision.methods.sparse_seg.losses_consistency import downsampled, resized, structure_consistency
from sparsevision.methods.sparse_seg.losses_features import feature_guided_loss
from sparsevision.methods.sparse_seg.losses_pairwise import local_saliency_coherence
from sparsevision.methods.sparse_seg.moves import random_move
from sparsevision.methods.sparse_seg.terms import LossTerm, Step
from sparsevision.registry import MODELS


@MODELS.register_module()
class SaliencyCoherence(LossTerm):
    """`local_saliency_coherence` of a head's prediction with the image.

    Args:
        weight: .3 in SCWSSOD, on each head.
        radius, sigma_xy, sigma_rgb, scale, padding: see the function.
        compounding_sigma: as released: the k-th head sees sigma_rgb ** k, which voids the term for all but the first.
        foreground_only: as released: compare the foreground's probability alone. With two classes this differs at the
            rim only, where padding="zero" sets a probability of zero outside the image against it.
    """

    name = "coherence"

    def __init__(
        self,
        *,
        weight: float = 0.3,
        radius: int = 5,
        sigma_xy: float = 6.0,
        sigma_rgb: float = 0.1,
        scale: float = 0.25,
        padding: str = "zero",
        compounding_sigma: bool = False,
        foreground_only: bool = False,
    ) -> None:
        super().__init__(weight=weight)
        self.sigma_rgb = sigma_rgb
        self.foreground_only = foreground_only
        self.compounding_sigma = compounding_sigma
        self.options = {"radius": radius, "sigma_xy": sigma_xy, "scale": scale, "padding": padding}

    def value(self, step: Step) -> Tensor:
        """See the class."""
        sigma = self.sigma_rgb ** (step.head + 1) if self.compounding_sigma else self.sigma_rgb
        binary = self.foreground_only and step.foreground_index is not None
        probability = step.foreground if binary else step.probability
        return local_saliency_coherence(probability, step.image, sigma_rgb=sigma, **self.options)


@MODELS.register_module()
class StructureConsistency(LossTerm):
    """`structure_consistency` between the prediction of a changed image and the changed prediction of the image.

    SCWSSOD: the image at `scale` .3, no moves. CRNet: one random move (mirror, shift, crop), the image at
    `scale` .6, both compared at `compared_at` .3, weights (1.3, .7).

    Args:
        weight: of the term.
        scale: size of the changed image.
        compared_at: size at which the two are compared, a share of the image; None: `scale`.
        moves: also move the image at random.
        weights: of the two directions, see the function.
        ssim_weight: see the function.
    """

    name = "consistency"
    main_head_only = True

    def __init__(
        self,
        *,
        weight: float = 1.0,
        scale: float = 0.3,
        compared_at: float | None = None,
        moves: bool = False,
        weights: tuple[float, float] | None = None,
        ssim_weight: float = 0.85,
    ) -> None:
        super().__init__(weight=weight)
        self.scale = scale
        self.compared_at = scale if compared_at is None else compared_at
        self.moves = moves
        self.options = {"weights": weights, "ssim_weight": ssim_weight}

    def value(self, step: Step) -> Tensor:
        """See the class."""
        image, expected = step.image, step.probability
        if self.moves:
            move = random_move()
            image, expected = move(image), move(expected)
        expected = downsampled(expected, self.compared_at)
        seen = step.predict(downsampled(image, self.scale))
        return structure_consistency(resized(seen, tuple(expected.shape[2:])), expected, **self.options)


@MODELS.register_module()
class EntropyMinimisation(LossTerm):
    """`entropy_minimisation` with the weight of `entropy_weight`.

    Args:
        weight: the highest weight, reached at the end.
        start: share of the training before the term sets in. CRNet: from epoch 20.
        threshold: see the function.
    """

    name = "entropy"

    def __init__(self, *, weight: float = 0.05, start: float = 0.0, threshold: float = 0.5) -> None:
        super().__init__(weight=weight)
        self.start = start
        self.threshold = threshold

    def value(self, step: Step) -> Tensor:
        """See the class."""
        ramp = entropy_weight(since(self.start, step.progress), highest=1.0)
        return ramp * entropy_minimisation(step.probability, threshold=self.threshold)


@MODELS.register_module()
class UncertaintyAware(LossTerm):
    """`uncertainty_aware_loss` with the weight of `ramp_up_cosine`.

    Args:
        weight: the highest weight, reached at the end; 2 in WS-SAM.
        power: see the function.
    """

    name = "uncertainty"
    binary = True

    def __init__(self, *, weight: float = 2.0, power: float = 2.0) -> None:
        super().__init__(weight=weight)
        self.power = power

    def value(self, step: Step) -> Tensor:
        """See the class."""
        return ramp_up_cosine(step.progress) * uncertainty_aware_loss(step.foreground, power=self.power)


@MODELS.register_module()
class FeatureGuided(LossTerm):
    """`feature_guided_loss` on the features that the decode head sees, with the weight of `entropy_weight`.

    Args:
        weight: the highest weight, reached at the end. CRNet says .15 and its release doubles the loss.
        start: share of the training before the term sets in. CRNet: from epoch 60 of 150.
        scale: see the function.
    """

    name = "feature_guided"
    main_head_only = True
    binary = True

    def __init__(self, *, weight: float = 0.3, start: float = 0.4, scale: float = 0.5) -> None:
        super().__init__(weight=weight)
        self.start = start
        self.scale = scale

    def value(self, step: Step) -> Tensor:
        """See the class."""
        ramp = entropy_weight(since(self.start, step.progress), highest=1.0)
        if ramp == 0:
            return step.logits.sum() * 0
        return ramp * feature_guided_loss(step.foreground, step.features, scale=self.scale)


def since(start: float, progress: float) -> float:
    """Share of the time from `start` to the end that is over; negative before `start`."""
    return (progress - start) / (1 - start) if start < 1 else -1.0
