"""Attention of Motion-I2V: over the places of a frame, to the text, and over time, along the motion (paper, Sec. 3.3).

Names of the parts are the released ones.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.motion_i2v.motion_fields import MotionFields


class Attention(nn.Module):
    """Multi-head attention with projections without bias, and an output projection with one.

    Args:
        channels: C of queries and outputs.
        context_channels: of what is looked at; None for C.
        heads: that share C.
    """

    def __init__(self, channels: int, *, heads: int, context_channels: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context_channels or channels, channels, bias=False)
        self.to_v = nn.Linear(context_channels or channels, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, tokens: Tensor, context: Tensor | None = None) -> Tensor:
        """tokens (N,T,C); context (N,S,D), None for the tokens themselves. Returns (N,T,C)."""
        context = tokens if context is None else context
        return self.attend(self.to_q(tokens), self.to_k(context), self.to_v(context))

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Projected query (N,T,C), key and value (N,S,C) -> (N,T,C)."""
        query, key, value = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (query, key, value))
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.to_out[0](mixed.transpose(1, 2).flatten(2))


class Positions(nn.Module):
    """The table of sines and cosines pe (1,L,C) (Vaswani et al., NeurIPS 2017, Sec. 3.5)."""

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        frequency = torch.exp(torch.arange(0, channels, 2) * (-math.log(10000.0) / channels))
        angle = torch.arange(length)[:, None] * frequency
        self.register_buffer("pe", torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[None])


class TemporalAttention(Attention):
    """Self-attention over time at each place, blind to motion (AnimateDiff, Guo et al., ICLR 2024).

    Args:
        channels: C.
        heads: that share C.
        max_positions: length of the table of positions.
    """

    needs_motion = False

    def __init__(self, channels: int, *, heads: int, max_positions: int) -> None:
        super().__init__(channels, heads=heads)
        self.pos_encoder = Positions(channels, max_positions)

    @staticmethod
    def positions_for(frames: int) -> int:
        """How many rows of the table a clip needs."""
        return frames

    def forward(self, tokens: Tensor, fields: MotionFields | None, size: tuple[int, int]) -> Tensor:
        """tokens (B,P,F,C) of a grid with that height and width, row by row; returns the same shape."""
        return self._over_time(tokens + self.pos_encoder.pe[0, : tokens.shape[2]])

    def _over_time(self, placed: Tensor) -> Tensor:
        rows = placed.flatten(0, 1)
        return super().forward(rows).view_as(placed)


class MotionAugmentedAttention(TemporalAttention):
    """Each frame also looks at the first frame, carried along the motion into every later frame (paper, Eq. 2-4).

    Along time the tokens are z_0, z'_1, z_1, z'_2, z_2, ... with positions 0, 1, 2, ...; z'_i is z_0 splatted by field
    i, without gradient. Queries are the z_i, keys and values all. Splatting (over places) commutes with projecting
    (over channels): tokens of all frames, of the first frame and positions are projected once, and one sparse matrix,
    made once a clip, puts the sequence of keys and values together. The formula step by step is
    `attention_plain.InterleavedMotionAttention`.
    """

    needs_motion = True

    @staticmethod
    def positions_for(frames: int) -> int:
        """A warped token stands between two frames."""
        return 2 * frames - 1

    def forward(self, tokens: Tensor, fields: MotionFields, size: tuple[int, int]) -> Tensor:
        """tokens (B,P,F,C) of a grid with that height and width, row by row; returns the same shape."""
        pixels, frames = tokens.shape[0] * tokens.shape[1], tokens.shape[2]
        positions = self.pos_encoder.pe[0, : self.positions_for(frames)]
        placed = (tokens + positions[0::2]).flatten(0, 2)
        first = tokens[:, :, 0].detach().flatten(0, 1)
        keys_and_values = torch.cat([self.to_k.weight, self.to_v.weight])
        table = F.linear(torch.cat([placed, first, positions[1::2]]), keys_and_values)
        seen = fields.sequence_at(size).times(table).view(pixels, len(positions), -1)
        query = self.to_q(placed).view(pixels, frames, -1)
        return self.attend(query, *seen.chunk(2, -1)).view_as(tokens)


class WarpedSumAttention(TemporalAttention):
    """The paper's ablation: the warped first frame is added to each later frame, then plain temporal attention."""

    needs_motion = True

    def forward(self, tokens: Tensor, fields: MotionFields, size: tuple[int, int]) -> Tensor:
        """tokens (B,P,F,C) of a grid with that height and width, row by row; returns the same shape."""
        warped = fields.at(size)(tokens[:, :, 0].detach())
        return super().forward(tokens + F.pad(warped, (0, 0, 1, 0)), None, size)
