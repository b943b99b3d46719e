"""Contrastive denoising (Zhang et al., DINO, ICLR 2023, Sec. 3.3): disturbed true boxes as queries in training."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparsevision.methods.focus_detr.boxes import inverse_sigmoid, to_centres, to_corners
from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class Denoising:
    """How much is disturbed.

    Attributes:
        queries: true and false copies of boxes that one image gets at most, halved: about this many groups times boxes.
        label_noise: twice the chance that a label is replaced by a random one.
        box_noise: a corner moves by up to this share of half a side (true copies), or by one to two times it (false).
    """

    queries: int = 100
    label_noise: float = 0.5
    box_noise: float = 1.0

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise UserError(f"denoising: queries={self.queries}; expected 1 or more, or denoising=None for none.")
        if not 0 <= self.label_noise <= 2 or self.box_noise < 0:
            raise UserError(
                f"denoising: label_noise={self.label_noise}, box_noise={self.box_noise}; expected label noise in [0,2] "
                "and box noise of 0 or more."
            )


@dataclass(frozen=True, kw_only=True)
class DenoisingQueries:
    """Queries in front of those that are matched.

    Image i has its boxes in the first M_i slots of each half group: true copies first, false copies in the second half.

    Attributes:
        content: (B,P,C).
        box_logits: (B,P,4), centres and sizes before the sigmoid.
        attention_mask: (P+Q,P+Q) bool, True where a row must not look at a column.
        padding: (B,P) bool, True for slots without a copy.
        groups: number of groups G; P = 2 * G * slots.
        slots: largest number of boxes of an image.
    """

    content: Tensor
    box_logits: Tensor
    attention_mask: Tensor
    padding: Tensor
    groups: int
    slots: int

    def true_copies(self, counts: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """(image, query, target) of every true copy; counts: boxes of each image, targets are numbered over all."""
        device, start, parts = self.content.device, 0, []
        groups = 2 * self.slots * torch.arange(self.groups, device=device)[:, None]
        for image, count in enumerate(counts):
            own = torch.arange(count, device=device)
            queries = (groups + own).flatten()
            parts.append((torch.full_like(queries, image), queries, (start + own).repeat(self.groups)))
            start += count
        return tuple(torch.cat(part) for part in zip(*parts, strict=True))


def denoising_queries(
    boxes: Sequence[Tensor],
    labels: Sequence[Tensor],
    *,
    embedding: nn.Embedding,
    num_queries: int,
    settings: Denoising | None = None,
    generator: torch.Generator | None = None,
) -> DenoisingQueries | None:
    """Disturb the boxes of a batch; None when it has none.

    The random numbers come from the CPU's generator on every device, in the published order: chance of a label to flip,
    new labels, signs, sizes.

    Args:
        boxes: one (M_i,4) an image, centres and sizes in [0,1].
        labels: one (M_i,) int64 an image.
        embedding: (classes, C), from a label to the content of a query.
        num_queries: Q, the matched queries that will stand behind.
        settings: how much is disturbed; the published values if None.
        generator: of the CPU; torch's global one if None.
    """
    settings = settings or Denoising()
    counts = [len(part) for part in labels]
    slots = max(counts, default=0)
    if slots == 0:
        return None
    groups = max(2 * settings.queries // (2 * slots), 1)
    all_labels = torch.cat(list(labels)).repeat(2 * groups)
    all_boxes = torch.cat(list(boxes)).repeat(2 * groups, 1)
    all_labels = _flip(all_labels, settings.label_noise, embedding.num_embeddings, generator)
    all_boxes = _shake(all_boxes, settings.box_noise, groups, generator)
    images, places = _slots(counts, slots, 2 * groups, all_labels.device)
    shape = (len(counts), 2 * groups * slots)
    content = embedding.weight.new_zeros(*shape, embedding.embedding_dim)
    box_logits, padding = all_boxes.new_zeros(*shape, 4), all_labels.new_ones(shape, dtype=torch.bool)
    padding[images, places] = False
    return DenoisingQueries(
        content=content.index_put((images, places), embedding(all_labels)),
        box_logits=box_logits.index_put((images, places), inverse_sigmoid(all_boxes)),
        attention_mask=_mask(groups, 2 * slots, num_queries, all_labels.device),
        padding=padding,
        groups=groups,
        slots=slots,
    )


def _flip(labels: Tensor, noise: float, num_classes: int, generator: torch.Generator | None) -> Tensor:
    """Replace labels by uniform ones with half of `noise` as probability."""
    if noise == 0:
        return labels
    flipped = torch.rand(len(labels), generator=generator) < 0.5 * noise
    rows = flipped.nonzero()[:, 0]
    new = torch.randint(0, num_classes, (len(rows),), generator=generator)
    return labels.index_put((rows.to(labels.device),), new.to(labels.device))


def _shake(boxes: Tensor, noise: float, groups: int, generator: torch.Generator | None) -> Tensor:
    """Move the corners of boxes (2 * groups * T, 4); each second T, the false copies, by at least half a side."""
    if noise == 0:
        return boxes
    sign = torch.randint(0, 2, boxes.shape, generator=generator, dtype=torch.float32) * 2 - 1
    size = torch.rand(boxes.shape, generator=generator)
    size.view(groups, 2, -1, 4)[:, 1] += 1
    half = boxes[:, 2:].repeat(1, 2) / 2
    corners = to_corners(boxes) + (sign * size).to(boxes) * half * noise
    return to_centres(corners.clamp(0, 1))


def _slots(counts: Sequence[int], slots: int, halves: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Image and place (2 * groups * T,) of every copy."""
    images = torch.cat([torch.full((count,), index, device=device) for index, count in enumerate(counts)])
    own = torch.cat([torch.arange(count, device=device) for count in counts])
    starts = slots * torch.arange(halves, device=device)[:, None]
    return images.repeat(halves), (starts + own).flatten()


def _mask(groups: int, size: int, num_queries: int, device: torch.device) -> Tensor:
    """Groups of `size` see themselves and the matched queries; these see none of them."""
    pad = groups * size
    mask = torch.zeros(pad + num_queries, pad + num_queries, dtype=torch.bool, device=device)
    group = torch.arange(pad, device=device) // size
    mask[:pad, :pad] = group[:, None] != group
    mask[pad:, :pad] = True
    return mask
