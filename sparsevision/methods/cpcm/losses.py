"""What CPCM learns from: few labels, the agreement of two views, and a masked view that should answer as they do.

Liu et al., ICCV 2023. One network, three forwards in train mode: Z1 of view 1, Z2 of view 2, Zm of view 2 masked. All
are logits (voxels, C). Every function is pure; nothing is NaN where labels or matches are missing.
"""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.layers.reduce import global_count

Preset = Literal["published", "fixed"]


class Matches(NamedTuple):
    """Which voxels of the two views are the same piece of surface.

    samples1, samples2: (M1,), (M2,) int, the sample of each voxel of view 1, of view 2.
    pairs1, pairs2: (m, 2) int64 [sample, row within that sample] of matched voxels, the same order in both.
    """

    samples1: Tensor
    samples2: Tensor
    pairs1: Tensor
    pairs2: Tensor


class CPCMWeights(NamedTuple):
    """Weights of this epoch, that is, after the ramp; a term of weight 0 is left out.

    consistency: of the term between the two views.
    mask: of both terms of the masked view.
    """

    consistency: float
    mask: float


def js_divergence(a: Tensor, b: Tensor, *, eps: float = 1e-4, mean_over_classes: bool = False) -> Tensor:
    """KL(p||q) + KL(s||q) of p = softmax(a), s = softmax(b), q = (p + s) / 2, as released: mean over the rows.

    It is twice the usual Jensen-Shannon divergence, at most about 2 ln 2, and because of `eps` slightly negative where
    both sides agree (-0.0038 for 20 uniform classes).

    Args:
        a, b: (n, C) logits, row by row of the same thing.
        eps: added to q in the quotient and to the argument of the logarithm.
        mean_over_classes: the older release's variant, which divides by C as well.

    Returns:
        scalar; 0 in the graph for n = 0.

    Raises:
        ValueError: the two sides differ in shape.
    """
    if a.shape != b.shape:
        raise ValueError(f"both sides need one shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    p, s = a.softmax(dim=1), b.softmax(dim=1)
    middle = (p + s) / 2 + eps
    each = p * (p / middle + eps).log() + s * (s / middle + eps).log()
    return each.sum() / max(each.numel() if mean_over_classes else len(each), 1)


def supervised_loss(logits: tuple[Tensor, ...], labels: tuple[Tensor, ...], *, ignore_index: int) -> Tensor:
    """Cross-entropy of each view, mean over its labelled voxels; views are summed, not averaged.

    A view without labels counts 0, in the graph (released: NaN). Several processes divide by what all of them see.

    Args:
        logits: per view (M, C).
        labels: per view (M,) int64.
        ignore_index: the label of unlabelled voxels.
    """
    total = sum(part.sum() * 0.0 for part in logits)
    for part, wanted in zip(logits, labels, strict=True):
        count = global_count((wanted != ignore_index).sum())
        summed = F.cross_entropy(part, wanted, ignore_index=ignore_index, reduction="sum")
        total = total + summed / count.where(count > 0, 1)
    return total


def consistency_loss(first: Tensor, second: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
    """Divergence of the two views on matched voxels, with gradient through both.

    Args:
        first, second: (M1, C), (M2, C) logits.
        rows: (m,) rows of view 1, (m,) rows of view 2.
    """
    return js_divergence(first.index_select(0, rows[0]), second.index_select(0, rows[1]))


def masked_corresponding_loss(first: Tensor, masked: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
    """Divergence of the masked view from view 1 on matched voxels; view 1 is a target without gradient."""
    return js_divergence(first.detach().index_select(0, rows[0]), masked.index_select(0, rows[1]))


def masked_self_loss(second: Tensor, masked: Tensor) -> Tensor:
    """Divergence of the masked view from its own view, on all voxels, masked or not; no gradient to the target."""
    return js_divergence(second.detach(), masked)


def flat_rows(samples: Tensor, pairs: Tensor) -> Tensor:
    """Rows of the batch that (sample, row within the sample) mean.

    Args:
        samples: (M,) int, the sample of each row of the batch, in any order.
        pairs: (m, 2) int64.

    Returns:
        (m,) int64.

    Raises:
        ValueError: a sample has no such row.
    """
    sample, row = pairs.long().unbind(dim=1)
    counts = samples.long().bincount(minlength=int(sample.max()) + 1 if len(pairs) else 0)
    if (pairs < 0).any() or (row >= counts[sample.clamp(min=0)]).any():
        raise ValueError("matches: a pair names a row that its sample does not have")
    starts = counts.cumsum(0) - counts
    return samples.argsort(stable=True)[starts[sample] + row]


def every_sample_matched(samples1: Tensor, samples2: Tensor, pairs: Tensor) -> bool:
    """Whether each sample that has a voxel in one of the views is named by a pair."""
    return bool(torch.isin(torch.cat([samples1, samples2]).unique(), pairs[:, 0]).all())


def cpcm_losses(
    logits: tuple[Tensor, Tensor, Tensor | None],
    labels: tuple[Tensor, Tensor],
    matches: Matches,
    *,
    weights: CPCMWeights,
    ignore_index: int,
    preset: Preset = "fixed",
) -> dict[str, Tensor]:
    """All terms of one step, weighted; their sum is the loss.

    Args:
        logits: (M1, C) of view 1, (M2, C) of view 2, (M2, C) of view 2 masked, or None without mask
            weight.
        labels: (M1,), (M2,) int64.
        matches: between the two views.
        weights: of this epoch.
        ignore_index: the label of unlabelled voxels.
        preset: "published" silences all terms but the supervised one as soon as one sample of the batch has no match.
            "fixed" takes the matches that there are, and the self term, which needs none, always.

    Returns:
        `loss_seg`; `loss_consistency` where its weight is not 0; `loss_mask_corresponding` and `loss_mask_self` where
        theirs is not. A silenced term is 0, in the graph.

    Raises:
        ValueError: another preset, or a mask weight without masked logits.
    """
    if preset not in ("published", "fixed"):
        raise ValueError(f"preset: expected 'published' or 'fixed', got {preset!r}")
    first, second, masked = logits
    if weights.mask and masked is None:
        raise ValueError("logits: a mask weight needs the logits of the masked view")
    losses = {"loss_seg": supervised_loss((first, second), labels, ignore_index=ignore_index)}
    if not weights.consistency and not weights.mask:
        return losses
    silent = preset == "published" and not every_sample_matched(matches.samples1, matches.samples2, matches.pairs1)
    rows = (flat_rows(matches.samples1, matches.pairs1), flat_rows(matches.samples2, matches.pairs2))
    if weights.consistency:
        term = (first.sum() + second.sum()) * 0.0 if silent else consistency_loss(first, second, rows)
        losses["loss_consistency"] = weights.consistency * term
    if weights.mask:
        zero = masked.sum() * 0.0
        corresponding = zero if silent else masked_corresponding_loss(first, masked, rows)
        losses["loss_mask_corresponding"] = weights.mask * corresponding
        losses["loss_mask_self"] = weights.mask * (zero if silent else masked_self_loss(second, masked))
    return losses
