"""DINO's decoder: queries with a box each attend to one another and to the image, and each layer refines the boxes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sparsevision.layers.ms_deform_attn import MultiScaleDeformableAttention
from sparsevision.methods.focus_detr.attention_map import AttentionMap
from sparsevision.methods.focus_detr.boxes import inverse_sigmoid
from sparsevision.methods.focus_detr.heads import MLP
from sparsevision.methods.focus_detr.position import box_position


class DecoderLayer(nn.Module):
    """Self-attention, deformable attention to the image and a feed-forward net, each followed by its norm.

    Args:
        channels: C.
        heads: of both attentions.
        levels, points: of the deformable attention.
        hidden: width of the feed-forward net.
    """

    def __init__(self, *, channels: int, heads: int, levels: int, points: int, hidden: int) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.self_norm = nn.LayerNorm(channels)
        self.deformable = MultiScaleDeformableAttention(channels=channels, heads=heads, levels=levels, points=points)
        self.deformable_norm = nn.LayerNorm(channels)
        self.ffn = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.ffn_norm = nn.LayerNorm(channels)

    def attend(
        self, queries: Tensor, position: Tensor, attention_mask: Tensor | None, query_padding: Tensor | None
    ) -> Tensor:
        """Queries (B,Q,C) after they have looked at one another; position (B,Q,C)."""
        placed = queries + position
        attended, _ = self.self_attention(
            placed,
            placed,
            queries,
            attn_mask=attention_mask,
            key_padding_mask=query_padding,
            need_weights=False,
        )
        return self.self_norm(queries + attended)

    def read(
        self,
        queries: Tensor,
        position: Tensor,
        memory: Tensor,
        references: Tensor,
        *,
        padding: Tensor,
        shapes: Sequence[tuple[int, int]],
    ) -> Tensor:
        """Queries (B,Q,C) after they have looked at the memory (B,N,C) around their references (B,Q,L,4)."""
        seen = self.deformable(queries + position, memory, references=references, shapes=shapes, padding=padding)
        queries = self.deformable_norm(queries + seen)
        return self.ffn_norm(queries + self.ffn(queries))


class Decoder(nn.Module):
    """Layers that look forward twice (Zhang et al., DINO, ICLR 2023, Sec. 3.5).

    Args:
        layers: number of layers D.
        channels, heads, levels, points, hidden: of `DecoderLayer`.
        padded_positions: a query's position is that of its box in the padded batch, as released; otherwise in the
            image, so that the batch has no influence.
    """

    def __init__(
        self,
        *,
        layers: int = 6,
        channels: int = 256,
        heads: int = 8,
        levels: int = 4,
        points: int = 4,
        hidden: int = 2048,
        padded_positions: bool = True,
    ) -> None:
        super().__init__()
        self.padded_positions = padded_positions
        self.layers = nn.ModuleList(
            DecoderLayer(channels=channels, heads=heads, levels=levels, points=points, hidden=hidden)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(channels)
        self.reference_mlp = MLP(widths=(2 * channels, channels, channels))

    def forward(
        self,
        queries: Tensor,
        references: Tensor,
        memory: Tensor,
        *,
        box_heads: Sequence[nn.Module],
        padding: Tensor,
        shapes: Sequence[tuple[int, int]],
        valid_ratios: Tensor,
        attention_mask: Tensor | None = None,
        query_padding: Tensor | None = None,
        attention_map: AttentionMap | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Refine queries and their boxes.

        Args:
            queries: (B,Q,C).
            references: (B,Q,4) centres and sizes in [0,1] of the part of the image that is no padding.
            memory: (B,N,C) of the encoder.
            box_heads: one a layer (more are left alone), from (B,Q,C) to changes of box logits.
            padding: (B,N) bool, True where there is no image.
            shapes: [(h, w), ...] of the L levels.
            valid_ratios: (B,L,2) as (w, h), the share of each level that is image.
            attention_mask: (Q,Q) bool, True where a row must not look at a column.
            query_padding: (B,Q) bool, queries at which none may look.
            attention_map: is told where each layer looks.

        Returns:
            States (D,B,Q,C), normed, and references (D+1,B,Q,4): what came in, and what each layer made of it. A
            layer's references carry gradient to that layer alone.
        """
        scale = valid_ratios.repeat(1, 1, 2)[:, None]  # (B,1,L,4)
        states, boxes, kept = [], references, [references]
        for layer, box_head in zip(self.layers, box_heads, strict=False):
            scaled = boxes[:, :, None] * scale
            position = self.position_of(scaled[:, :, 0] if self.padded_positions else boxes)
            queries = layer.attend(queries, position, attention_mask, query_padding)
            if attention_map is not None:
                attention_map.add(layer.deformable, queries + position, scaled)
            queries = layer.read(queries, position, memory, scaled, padding=padding, shapes=shapes)
            refined = (box_head(queries) + inverse_sigmoid(boxes)).sigmoid()
            boxes = refined.detach()
            states.append(self.norm(queries))
            kept.append(refined)
        return torch.stack(states), torch.stack(kept)

    def position_of(self, boxes: Tensor) -> Tensor:
        """Position (B,Q,C) of queries with these boxes (B,Q,4)."""
        width = self.norm.normalized_shape[0]
        return self.reference_mlp(box_position(boxes, channels=width // 2).to(self.norm.weight.dtype))


def predictions(
    states: Tensor, references: Tensor, *, class_heads: Sequence[nn.Module], box_heads: Sequence[nn.Module]
) -> tuple[Tensor, Tensor]:
    """Class logits (D,B,Q,K) and boxes (D,B,Q,4) of layers, from their states and the references that came in.

    A layer's box is a change of the layer before it, whose gradient it takes along: "look forward twice".
    """
    pairs = zip(states, references, class_heads, box_heads, strict=True)
    found = [
        (class_head(state), (box_head(state) + inverse_sigmoid(reference)).sigmoid())
        for state, reference, class_head, box_head in pairs
    ]
    logits, boxes = zip(*found, strict=True)
    return torch.stack(logits), torch.stack(boxes)
