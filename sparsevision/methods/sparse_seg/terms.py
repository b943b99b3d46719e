"""Terms of the training loss that read labels, and what every term is given.

A term is an object with a weight; `SparseSegmentor(terms=[...])` adds them up. The formulas are plain functions in
`losses*.py`; a term says where their arguments come from and how its weight grows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sparsevision.methods.sparse_seg.losses import partial_cross_entropy
from sparsevision.methods.sparse_seg.losses_boxes import box_projection
from sparsevision.methods.sparse_seg.losses_pseudo import structure_loss
from sparsevision.registry import MODELS


@dataclass(frozen=True, kw_only=True)
class Step:
    """One training step as one head of the network sees it.

    Attributes:
        image: (B, 3, H, W), normalised.
        logits: (B, C, H, W) of this head, at the size of the image.
        head: 0 is the head that answers, 1, 2, ... are the auxiliary ones.
        labels: the fields that all samples of the batch have: "sparse_sem_seg", "box_sem_seg" and "gt_sem_seg"
            (B, H, W) integer classes, "pseudo_mask" (B, 1, H, W) probability.
        features: the highest-resolution feature map that the heads see, (B, D, h, w).
        progress: share of the training that is over, in [0, 1].
        predict: another image (B, 3, h, w) -> class probabilities (B, C, h, w) of the head that answers.
        ignore_index: value of unlabelled pixels.
        foreground_index: the class that `pred_mask` means; None with several classes on equal terms.
    """

    image: Tensor
    logits: Tensor
    head: int
    labels: Mapping[str, Tensor]
    features: Tensor
    progress: float
    predict: Callable[[Tensor], Tensor]
    ignore_index: int
    foreground_index: int | None

    @property
    def probability(self) -> Tensor:
        """(B, C, H, W), summing to 1 over classes."""
        return self.logits.softmax(1)

    @property
    def foreground(self) -> Tensor:
        """(B, 1, H, W) foreground probability."""
        return self.foreground_logits.sigmoid()

    @property
    def foreground_logits(self) -> Tensor:
        """(B, 1, H, W): the logarithm of foreground against everything else, whose sigmoid is `foreground`."""
        chosen = self.foreground_index
        others = [index for index in range(self.logits.shape[1]) if index != chosen]
        return self.logits[:, chosen : chosen + 1] - self.logits[:, others].logsumexp(1, keepdim=True)


class LossTerm:
    """One term. Subclasses say what they are called, which labels they need and how they are computed.

    Args:
        weight: of this term; the weight of an auxiliary head comes on top.
    """

    name: ClassVar[str]
    needs: ClassVar[str | None] = None
    main_head_only: ClassVar[bool] = False
    binary: ClassVar[bool] = False  # needs a foreground_index

    def __init__(self, *, weight: float = 1.0) -> None:
        self.weight = weight

    def __call__(self, step: Step) -> Tensor:
        """The weighted term, a scalar."""
        return self.weight * self.value(step)

    def value(self, step: Step) -> Tensor:
        """The term before its weight, a scalar."""
        raise TypeError(f"{type(self).__name__} does not say how it is computed: give it a method value(step)")

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


@MODELS.register_module()
class PartialCrossEntropy(LossTerm):
    """`partial_cross_entropy` of the labelled pixels; see there for the options."""

    name = "partial_ce"
    needs = "sparse_sem_seg"

    def __init__(
        self,
        *,
        weight: float = 1.0,
        per_class: bool = False,
        class_share: Sequence[float] | None = None,
        probabilities_as_logits: bool = False,
    ) -> None:
        super().__init__(weight=weight)
        self.options = {
            "per_class": per_class,
            "class_share": class_share,
            "probabilities_as_logits": probabilities_as_logits,
        }

    def value(self, step: Step) -> Tensor:
        """See the class."""
        return partial_cross_entropy(
            step.logits, step.labels[self.needs], ignore_index=step.ignore_index, **self.options
        )


@MODELS.register_module()
class DenseCrossEntropy(LossTerm):
    """Cross-entropy with the dense truth: the upper bound that sparse labels are compared with."""

    name = "dense_ce"
    needs = "gt_sem_seg"

    def value(self, step: Step) -> Tensor:
        """See the class."""
        return partial_cross_entropy(step.logits, step.labels[self.needs], ignore_index=step.ignore_index)


@MODELS.register_module()
class PseudoLabels(LossTerm):
    """`structure_loss` against the soft pseudo label of each image; see there for the options."""

    name = "pseudo"
    needs = "pseudo_mask"
    binary = True

    def __init__(
        self,
        *,
        weight: float = 1.0,
        weighted: bool = True,
        kernel: int = 31,
        boost: float = 5.0,
        drop: tuple[float, float] | None = (0.3, 0.7),
    ) -> None:
        super().__init__(weight=weight)
        self.options = {"weighted": weighted, "kernel": kernel, "boost": boost, "drop": drop}

    def value(self, step: Step) -> Tensor:
        """See the class."""
        return structure_loss(step.foreground_logits, step.labels[self.needs], **self.options)


@MODELS.register_module()
class BoxProjection(LossTerm):
    """`box_projection`: the foreground should fill its boxes from side to side; see there for `inside_only`."""

    name = "box_projection"
    needs = "box_sem_seg"
    binary = True

    def __init__(self, *, weight: float = 1.0, inside_only: bool = True) -> None:
        super().__init__(weight=weight)
        self.inside_only = inside_only

    def value(self, step: Step) -> Tensor:
        """See the class."""
        return box_projection(
            step.foreground,
            step.labels[self.needs],
            foreground=step.foreground_index,
            ignore_index=step.ignore_index,
            inside_only=self.inside_only,
        )
