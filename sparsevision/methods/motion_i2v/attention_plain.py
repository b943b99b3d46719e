"""Motion-augmented attention as the paper writes it, step by step: the referee of the fast form."""

import torch
from torch import Tensor

from sparsevision.layers.forward_splat import forward_splat
from sparsevision.methods.motion_i2v.attention import TemporalAttention
from sparsevision.methods.motion_i2v.motion_fields import MotionFields


class InterleavedMotionAttention(TemporalAttention):
    """As `MotionAugmentedAttention`: flows are resized and splatted anew, all 2F-1 tokens stacked, then projected."""

    needs_motion = True

    @staticmethod
    def positions_for(frames: int) -> int:
        """A warped token stands between two frames."""
        return 2 * frames - 1

    def forward(self, tokens: Tensor, fields: MotionFields, size: tuple[int, int]) -> Tensor:
        """tokens (B,P,F,C) of a grid with that height and width, row by row; returns the same shape."""
        first = tokens[:, :, 0].detach().transpose(1, 2).unflatten(2, size)  # (B,C,h,w)
        repeated = first[:, None].expand(-1, fields.frames - 1, -1, -1, -1).flatten(0, 1)
        warped = forward_splat(repeated, fields.resized(size).flatten(0, 1))
        warped = warped.flatten(2).transpose(1, 2).unflatten(0, (len(tokens), -1))  # (B,F-1,P,C)
        sequence = [tokens[:, :, 0]]
        for frame in range(1, fields.frames):
            sequence += [warped[:, frame - 1], tokens[:, :, frame]]
        augmented = (torch.stack(sequence, 2) + self.pos_encoder.pe[0, : len(sequence)]).flatten(0, 1)
        query = self.to_q(augmented[:, 0::2])
        return self.attend(query, self.to_k(augmented), self.to_v(augmented)).view_as(tokens)
