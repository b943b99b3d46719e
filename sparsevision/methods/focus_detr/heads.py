"""Heads of a DINO: class logits, box refinements, and the choice of the first references from the proposals."""

import math
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

PRIOR = 0.01  # probability of each class at the start of training


class MLP(nn.Module):
    """Linear layers with ReLU between them.

    Args:
        widths: of the input, of what is between the layers, of the output.
    """

    def __init__(self, *, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(one, following) for one, following in pairwise(widths))

    def forward(self, features: Tensor) -> Tensor:
        """(..., first width) -> (..., last width)."""
        for layer in self.layers[:-1]:
            features = layer(features).relu()
        return self.layers[-1](features)


def class_head(dim: int, num_classes: int) -> nn.Linear:
    """Logits of independent classes, each rare at the start."""
    head = nn.Linear(dim, num_classes)
    nn.init.constant_(head.bias, -math.log((1 - PRIOR) / PRIOR))
    return head


def box_head(dim: int) -> MLP:
    """Changes of box logits, none at the start."""
    head = MLP(widths=(dim, dim, dim, 4))
    nn.init.zeros_(head.layers[-1].weight)
    nn.init.zeros_(head.layers[-1].bias)
    return head


@dataclass(frozen=True, kw_only=True)
class ChosenProposals:
    """The Q most promising tokens of each image.

    Attributes:
        logits: (B,Q,K), with gradient, for the loss of the encoder.
        boxes: (B,Q,4) centres and sizes in [0,1], with gradient.
        tokens: (B,Q) their indices.
        padding: (B,Q) bool, True where an image has too few tokens; None where none has.
    """

    logits: Tensor
    boxes: Tensor
    tokens: Tensor
    padding: Tensor | None


def choose_proposals(
    features: Tensor,
    anchors: Tensor,
    *,
    class_head: nn.Module,
    box_head: nn.Module,
    count: int,
    invalid: bool,
) -> ChosenProposals:
    """Two-stage selection: the `count` tokens with the highest class logit propose boxes.

    Args:
        features: (B,N,C) of the encoder.
        anchors: (B,N,4) logits of each token's own box, infinite for tokens that are padding or too near a border.
        class_head, box_head: of the encoder.
        count: of proposals; fewer if there are fewer tokens.
        invalid: tokens without an anchor may be chosen, as released: all have one constant score, and their box is the
            lower right corner. Otherwise a place that no token deserves is padding.
    """
    logits = class_head(features)
    scores = logits.detach().max(dim=-1).values
    usable = anchors.isfinite().all(dim=-1)
    if not invalid:
        scores = scores.masked_fill(~usable, -math.inf)
    tokens = scores.topk(min(count, features.shape[1]), dim=1).indices
    padding = None if invalid else ~usable.gather(1, tokens)
    boxes = (box_head(_rows(features, tokens)) + _anchors_of(anchors, tokens, padding)).sigmoid()
    return ChosenProposals(logits=_rows(logits, tokens), boxes=boxes, tokens=tokens, padding=padding)


def _rows(values: Tensor, tokens: Tensor) -> Tensor:
    """(B,N,C) at (B,Q) -> (B,Q,C)."""
    return values.gather(1, tokens[..., None].expand(-1, -1, values.shape[-1]))


def _anchors_of(anchors: Tensor, tokens: Tensor, padding: Tensor | None) -> Tensor:
    """Anchors (B,Q,4) of the chosen tokens; padding gets the middle of the image."""
    chosen = _rows(anchors, tokens)
    return chosen if padding is None else chosen.masked_fill(padding[..., None], 0.0)
