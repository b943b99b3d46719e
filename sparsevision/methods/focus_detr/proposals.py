"""Where tokens stand, and what each of them proposes (Deformable DETR's two stages; DINO; Focus-DETR's selector)."""

import torch
from torch import Tensor, nn

from sparsevision.methods.focus_detr.pyramid import Pyramid

FIRST_SIDE = 0.05  # of a proposal of the finest level, as a share of the image; each coarser one is twice as large
LARGEST_SIDE = 0.9
BORDER = 0.01


def token_places(pyramid: Pyramid) -> Tensor:
    """Centres of the tokens (B,N,2) as (x, y) in [0,1] of the image; beyond 1 in the padding."""
    places = []
    for level, (height, width) in enumerate(pyramid.shapes):
        rows, columns = (torch.arange(n, dtype=torch.float32) + 0.5 for n in (height, width))
        y = (rows / pyramid.extents[:, level, 0, None])[:, :, None].expand(-1, -1, width)
        x = (columns / pyramid.extents[:, level, 1, None])[:, None, :].expand(-1, height, -1)
        places.append(torch.stack([x, y], -1).flatten(1, 2))
    return torch.cat(places, 1).to(pyramid.features.device)


def token_boxes(pyramid: Pyramid) -> Tensor:
    """Logits (B,N,4) of the box (cx, cy, w, h) that each token proposes; inf in padding and close to the border."""
    places = token_places(pyramid)
    sides = [min(FIRST_SIDE * 2**level, LARGEST_SIDE) for level in range(len(pyramid.shapes))]
    areas = torch.tensor([height * width for height, width in pyramid.shapes])
    side = torch.tensor(sides).repeat_interleave(areas).to(places.device)
    boxes = torch.cat([places, side[None, :, None].expand(len(places), -1, 2)], -1)
    usable = ((boxes > BORDER) & (boxes < 1 - BORDER)).all(-1) & ~pyramid.padding
    return torch.logit(boxes).masked_fill(~usable[..., None], float("inf"))


class ProposalTransform(nn.Module):
    """G: a linear layer and a norm, on features for the selector and on memory for the proposals.

    Args:
        channels: C.
    """

    def __init__(self, *, channels: int = 256) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor, *, dropped: Tensor | None = None) -> Tensor:
        """(B,N,C) -> (B,N,C); dropped (B,N) bool, tokens that are seen as zeros."""
        if dropped is not None:
            tokens = tokens.masked_fill(dropped[..., None], 0.0)
        return self.norm(self.linear(tokens))
