"""How many tokens each encoder layer updates, and which: one sort, of which every layer takes a beginning."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sparsevision.methods.focus_detr.pyramid import Pyramid
from sparsevision.utils import UserError

PUBLISHED_CASCADE = (1.0, 0.8, 0.6, 0.6, 0.4, 0.2)


@dataclass(frozen=True)
class Budget:
    """Shares of tokens.

    Attributes:
        keep_ratio: of all tokens, for the first layer, in (0, 1]. The paper counts its mean over the layers.
        cascade: what each layer takes of that, not rising, in (0, 1].
        level_ratios: what is at most taken of each level, relative to `keep_ratio`, finest first (Salience DETR:
            0.4, 0.8, 1, 1 of all); None chooses from all levels together.
        by_batch: all layers cut the list of the largest image, and an image's own share is that of the first layer
            (released, so that results depend on the batch); otherwise every image counts for itself.

    Raises:
        UserError: a share outside of (0, 1], or a rising cascade.
    """

    keep_ratio: float = 0.5
    cascade: Sequence[float] = PUBLISHED_CASCADE
    level_ratios: Sequence[float] | None = None
    by_batch: bool = False

    def __post_init__(self) -> None:
        for name, shares in (
            ("keep_ratio", [self.keep_ratio]),
            ("cascade", self.cascade),
            ("level_ratios", self.level_ratios or [1.0]),
        ):
            if not len(shares) or not all(0 < share <= 1 for share in shares):
                raise UserError(f"Budget: {name}={getattr(self, name)}; expected numbers over 0 and up to 1.")
        if list(self.cascade) != sorted(self.cascade, reverse=True):
            raise UserError(f"Budget: cascade={tuple(self.cascade)} rises; a layer takes tokens of the one before it.")


@dataclass(frozen=True)
class Selection:
    """Tokens that encoder layers update. Layer j takes the first counts[j] of the list, of image b the first own[j][b].

    Attributes:
        tokens: (B,K) indices by falling foreground score.
        scores: (B,K) their foreground logits.
        counts: K_j of each layer, K_0 = K.
        own: for each layer one number an image, at most K_j.
        by_batch: see `Budget`; what an image takes beyond its own share then plays a part among object tokens.
    """

    tokens: Tensor
    scores: Tensor
    counts: tuple[int, ...]
    own: tuple[tuple[int, ...], ...]
    by_batch: bool = False

    def kept(self, layer: int) -> Tensor:
        """(B,K_j) indices."""
        return self.tokens[:, : self.counts[layer]]

    def kept_valid(self, layer: int) -> Tensor:
        """(B,K_j) bool: False behind the share of an image."""
        places = torch.arange(self.counts[layer], device=self.tokens.device)
        return places < torch.tensor(self.own[layer], device=self.tokens.device)[:, None]

    def whole(self, layer: int) -> bool:
        """All images take all K_j."""
        return min(self.own[layer]) == self.counts[layer]


def select_tokens(logits: Tensor, pyramid: Pyramid, budget: Budget) -> Selection:
    """Sort once by foreground, padding last, and cut.

    Args:
        logits: (B,N) foreground logits; they get no gradient from here.
        pyramid: whose tokens they are.
        budget: how many.

    Raises:
        UserError: as many level ratios as levels are needed.
    """
    scores = logits.detach().float()
    padding = pyramid.padding
    filled = scores.masked_fill(padding, scores.min()) if budget.by_batch else scores.masked_fill(padding, -torch.inf)
    shares = _first_counts(pyramid.valid_tokens, budget)
    ranked = filled if budget.level_ratios is None else _best_of_levels(filled, pyramid, shares)
    totals = shares.sum(-1).clamp(min=1)
    counts, own = _layer_counts(totals, budget)
    tokens = ranked.topk(counts[0], dim=1, sorted=True).indices
    return Selection(tokens=tokens, scores=filled.gather(1, tokens), counts=counts, own=own, by_batch=budget.by_batch)


def _first_counts(valid: Tensor, budget: Budget) -> Tensor:
    """(B,1), or (B,L) with level ratios: tokens of the first layer; valid (B,L) tokens there are."""
    if budget.level_ratios is None:
        valid = valid.sum(-1, keepdim=True)
        return torch.minimum((valid * budget.keep_ratio).int() + 1, valid.int())
    if len(budget.level_ratios) != valid.shape[1]:
        raise UserError(f"level_ratios={tuple(budget.level_ratios)}; expected one for each of {valid.shape[1]} levels.")
    return (valid * budget.keep_ratio * torch.tensor(budget.level_ratios)).int()


def _layer_counts(totals: Tensor, budget: Budget) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Counts of the batch and of each image (B,) for every layer."""
    cascade = torch.tensor(budget.cascade, dtype=torch.float32)[:, None]
    scaled = (totals * cascade).int().clamp(min=1)  # (layers,B); single precision, as released
    counts = tuple(scaled.amax(1).tolist())
    if budget.by_batch:
        own = tuple(tuple(min(n, count) for n in totals.tolist()) for count in counts)
    else:
        own = tuple(map(tuple, scaled.tolist()))
    return counts, own


def _best_of_levels(scores: Tensor, pyramid: Pyramid, shares: Tensor) -> Tensor:
    """Scores (B,N), -inf for those that are not among the best shares (B,L) of their level."""
    levels = []
    for level, part in enumerate(scores.split([height * width for height, width in pyramid.shapes], 1)):
        rank = part.argsort(1, descending=True).argsort(1)
        levels.append(part.masked_fill(rank >= shares[:, level, None].to(part.device), -torch.inf))
    return torch.cat(levels, 1)
