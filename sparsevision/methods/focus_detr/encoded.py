"""What the encoder side hands to the decoder side."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LayerTokens:
    """What one encoder layer made of the tokens that it updates.

    Attributes:
        features: (B,K,C).
        indices: (B,K) of the tokens.
        valid: (B,K) bool, False where an image updates fewer tokens than the batch, or where there is no image.
    """

    features: Tensor
    indices: Tensor
    valid: Tensor


@dataclass(frozen=True)
class Encoded:
    """A batch after the encoder. N tokens: the levels' pixels, row by row, level after level (stride 8 first).

    Attributes:
        memory: (B,N,C), encoder output.
        shapes: [(h, w), ...] of the L levels, of the padded batch.
        padding: (B,N) bool, True where there is no image.
        valid_ratios: (B,L,2) as (w, h): the share of each level that is image.
        foreground_logits: (B,N); None without a selector. Padded tokens mean nothing.
        kept: for each encoder layer the token indices (B,k) that it updated, by falling foreground score.
        kept_valid: for each encoder layer (B,k) bool: False where an image keeps fewer tokens than the batch.
        proposal_features: (B,N,C), the proposal transform of the memory.
        proposal_boxes: (B,N,4) logits of (cx, cy, w, h) in the valid image; inf where a token proposes nothing.
        level_positions: (B,N,C), position plus level embedding.
        by_layer: the tokens of each encoder layer, where they are asked for.
    """

    memory: Tensor
    shapes: list[tuple[int, int]]
    padding: Tensor
    valid_ratios: Tensor
    foreground_logits: Tensor | None
    kept: tuple[Tensor, ...]
    kept_valid: tuple[Tensor, ...]
    proposal_features: Tensor
    proposal_boxes: Tensor
    level_positions: Tensor
    by_layer: tuple[LayerTokens, ...] = ()
