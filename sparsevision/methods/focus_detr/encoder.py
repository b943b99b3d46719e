"""The encoder: layers that update some tokens or all, by deformable attention and, in Focus-DETR, attention of objects.

One encoder is four: without a selection it is DINO's; with a selection and no object tokens Sparse DETR's (cascade of
ones); with both Focus-DETR's (Zheng et al., ICCV 2023, Alg. 1); with a background embedding Salience DETR's.
"""

from collections.abc import Callable, Sequence
from typing import get_args

import torch
from torch import Tensor, nn

from sparsevision.layers.ms_deform_attn import MultiScaleDeformableAttention
from sparsevision.methods.focus_detr.budget import Selection
from sparsevision.methods.focus_detr.encoded import LayerTokens
from sparsevision.methods.focus_detr.presets import ObjectScore
from sparsevision.methods.focus_detr.proposals import token_places
from sparsevision.methods.focus_detr.pyramid import Pyramid
from sparsevision.utils import UserError

ClassHead = Callable[[Tensor], Tensor]
TABLE = 200  # rows and columns that a background embedding knows; those beyond share the last one


class EncoderLayer(nn.Module):
    """Attention among object tokens, deformable attention, feed-forward net, each followed by its norm.

    Args:
        channels: C.
        heads: of both attentions.
        levels, points: of the deformable attention.
        hidden: width of the feed-forward net.
        objects: whether tokens can attend to one another.
    """

    def __init__(self, *, channels: int, heads: int, levels: int, points: int, hidden: int, objects: bool) -> None:
        super().__init__()
        if objects:
            self.self_attention = nn.MultiheadAttention(channels, heads, batch_first=True)
            self.self_norm = nn.LayerNorm(channels)
        self.deformable = MultiScaleDeformableAttention(channels=channels, heads=heads, levels=levels, points=points)
        self.deformable_norm = nn.LayerNorm(channels)
        self.ffn = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels))
        self.ffn_norm = nn.LayerNorm(channels)

    def attend(self, tokens: Tensor, positions: Tensor, chosen: Tensor, padding: Tensor | None) -> Tensor:
        """Tokens (B,K,C), of which the chosen (B,O) have attended to one another; padding (B,O) take no part."""
        rows = _rows(tokens, chosen)
        placed = rows + _rows(positions, chosen)
        attended, _ = self.self_attention(placed, placed, rows, key_padding_mask=padding, need_weights=False)
        updated = self.self_norm(rows + attended)
        if padding is not None:
            updated = torch.where(padding[..., None], rows, updated)
        return _with_rows(tokens, chosen, updated)

    def read(self, tokens: Tensor, positions: Tensor, value: Tensor, references: Tensor, pyramid: Pyramid) -> Tensor:
        """Tokens (B,K,C) after they have read the value (B,N,C) around their references (B,K,L,2)."""
        padding = pyramid.padding if pyramid.is_padded else None
        seen = self.deformable(tokens + positions, value, references=references, shapes=pyramid.shapes, padding=padding)
        tokens = self.deformable_norm(tokens + seen)
        return self.ffn_norm(tokens + self.ffn(tokens))


class BackgroundEmbedding(nn.Module):
    """A learned vector for the row and one for the column of tokens that the last layer left out (Salience DETR).

    Args:
        channels: C, half for columns, then half for rows.
    """

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.rows, self.columns = (nn.Embedding(TABLE, channels // 2) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in [0,1), as released."""
        for table in (self.rows, self.columns):
            nn.init.uniform_(table.weight)

    def forward(self, shapes: Sequence[tuple[int, int]]) -> Tensor:
        """(N,C) for the tokens of these levels."""
        device, levels = self.rows.weight.device, []
        for height, width in shapes:
            rows, columns = (torch.arange(n, device=device).clamp(max=TABLE - 1) for n in (height, width))
            across = self.columns(columns)[None].expand(height, -1, -1)
            along = self.rows(rows)[:, None].expand(-1, width, -1)
            levels.append(torch.cat([across, along], -1).flatten(0, 1))
        return torch.cat(levels)


class Encoder(nn.Module):
    """Layers over a shrinking list of tokens; each layer's tokens are the beginning of the list of the layer before.

    Args:
        layers: their number.
        channels, heads, levels, points, hidden: of `EncoderLayer`.
        object_tokens: how many tokens of a layer attend to one another; None: no such attention.
        object_score: which those are, see `Switches`.
        stale_value: tokens read the features before the encoder, if there is a selection; otherwise the memory.
        own_class_heads: number of classes of an own head in every layer, which does not learn; None uses the head that
            `forward` is given.
        background_embedding: add one to what the last layer left out.

    Raises:
        UserError: an unknown object score.
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
        object_tokens: int | None = 300,
        object_score: ObjectScore = "logit_product",
        stale_value: bool = True,
        own_class_heads: int | None = None,
        background_embedding: bool = False,
    ) -> None:
        super().__init__()
        if object_score not in get_args(ObjectScore):
            raise UserError(f"object_score={object_score!r}; expected one of {', '.join(get_args(ObjectScore))}.")
        self.object_tokens, self.object_score, self.stale_value = object_tokens, object_score, stale_value
        objects = object_tokens is not None
        self.layers = nn.ModuleList(
            EncoderLayer(channels=channels, heads=heads, levels=levels, points=points, hidden=hidden, objects=objects)
            for _ in range(layers)
        )
        if own_class_heads is not None:
            heads_of_layers = nn.ModuleList(nn.Linear(channels, own_class_heads) for _ in range(layers))
            self.class_heads = heads_of_layers.requires_grad_(False)  # they choose, and no loss reaches them
        self.background = BackgroundEmbedding(channels=channels) if background_embedding else None

    def forward(
        self,
        pyramid: Pyramid,
        *,
        selection: Selection | None = None,
        class_head: ClassHead | None = None,
        by_layer: list[LayerTokens] | None = None,
    ) -> Tensor:
        """The memory (B,N,C).

        Args:
            pyramid: features, positions and geometry.
            selection: of the tokens to update; None: all of them.
            class_head: from (B,K,C) to class logits (B,K,classes), for the choice of object tokens.
            by_layer: receives what each layer made of its tokens.

        Raises:
            UserError: the selection is not for this number of layers.
        """
        if selection is None or self._is_dense(selection, pyramid):
            return self._update_all(pyramid, by_layer)
        if len(selection.counts) != len(self.layers):
            raise UserError(
                f"cascade has {len(selection.counts)} shares; expected one for each of {len(self.layers)} layers."
            )
        memory = self._update_some(pyramid, selection, class_head, by_layer)
        return memory if self.background is None else memory + self._background(pyramid, selection)

    def _is_dense(self, selection: Selection, pyramid: Pyramid) -> bool:
        """Every layer would update every token that is image from the current memory, so that their order is idle."""
        everything = tuple(pyramid.valid_tokens.sum(-1).tolist())
        return not self.stale_value and self.object_tokens is None and set(selection.own) == {everything}

    def _update_all(self, pyramid: Pyramid, by_layer: list[LayerTokens] | None) -> Tensor:
        memory, references = pyramid.features, _references(token_places(pyramid), pyramid)
        for layer in self.layers:
            memory = layer.read(memory, pyramid.positions, memory, references, pyramid)
            if by_layer is not None:
                everything = torch.arange(memory.shape[1], device=memory.device).expand_as(pyramid.padding)
                by_layer.append(LayerTokens(memory, everything, ~pyramid.padding))
        return memory

    def _update_some(
        self,
        pyramid: Pyramid,
        selection: Selection,
        class_head: ClassHead | None,
        by_layer: list[LayerTokens] | None,
    ) -> Tensor:
        order, in_place = selection.tokens, not torch.is_grad_enabled()
        memory = pyramid.features.clone() if in_place and not self.stale_value else pyramid.features
        tokens, positions = _rows(memory, order), _rows(pyramid.positions, order)
        references = _references(_rows(token_places(pyramid), order), pyramid)
        for index, (layer, count) in enumerate(zip(self.layers, selection.counts, strict=True)):
            own, placed = tokens[:, :count], positions[:, :count]
            valid = None if selection.whole(index) else selection.kept_valid(index)
            updated = own
            if self.object_tokens is not None:
                candidates = None if selection.by_batch else valid
                chosen, padding = self._objects(index, own, selection.scores[:, :count], candidates, class_head)
                updated = layer.attend(own, placed, chosen, padding)
            updated = layer.read(updated, placed, memory, references[:, :count], pyramid)
            if valid is not None:
                updated = torch.where(valid[..., None], updated, own)
            if by_layer is not None:
                by_layer.append(LayerTokens(updated, selection.kept(index), selection.kept_valid(index)))
            tokens = updated if count == tokens.shape[1] else torch.cat([updated, tokens[:, count:]], 1)
            if not self.stale_value:
                memory = _with_rows(memory, order[:, :count], updated, in_place=in_place)
        return _with_rows(memory, order, tokens) if self.stale_value else memory

    @torch.no_grad()
    def _objects(
        self, index: int, tokens: Tensor, foreground: Tensor, valid: Tensor | None, class_head: ClassHead | None
    ) -> tuple[Tensor, Tensor | None]:
        """Places (B,O) of object tokens among a layer's tokens (B,K,C), and which of them (B,O) only fill up."""
        head = self.class_heads[index] if hasattr(self, "class_heads") else class_head
        scores = _object_scores(head(tokens).float().amax(-1), foreground, self.object_score)
        if valid is None:
            return scores.topk(min(self.object_tokens, scores.shape[1]), dim=1).indices, None
        scores = scores.masked_fill(~valid, -torch.inf)
        best = scores.topk(min(self.object_tokens, scores.shape[1]), dim=1)
        padding = best.values == -torch.inf
        return best.indices, padding

    def _background(self, pyramid: Pyramid, selection: Selection) -> Tensor:
        """(B,N,C), zeros in padding and for the tokens of the last layer."""
        last = len(self.layers) - 1
        outside = ~pyramid.padding
        kept, valid = selection.kept(last), selection.kept_valid(last)
        outside = outside.scatter(1, kept, outside.gather(1, kept) & ~valid)
        return self.background(pyramid.shapes) * outside[..., None]


def _object_scores(classes: Tensor, foreground: Tensor, kind: ObjectScore) -> Tensor:
    """Eq. 3 and its readings; best class logit (B,K), foreground logit (B,K) -> (B,K)."""
    if kind == "class_logit":
        return classes
    return classes * foreground if kind == "logit_product" else classes.sigmoid() * foreground.sigmoid()


def _references(places: Tensor, pyramid: Pyramid) -> Tensor:
    """Places (B,K,2) in the image -> (B,K,L,2) in each padded level."""
    return places[:, :, None] * pyramid.valid_ratios[:, None]


def _flat(indices: Tensor, tokens: int) -> Tensor:
    """(B,K) -> (B*K,) rows of (B*N,C)."""
    return (indices + tokens * torch.arange(len(indices), device=indices.device)[:, None]).flatten()


def _rows(values: Tensor, indices: Tensor) -> Tensor:
    """(B,N,C) at (B,K) -> (B,K,C)."""
    rows = values.flatten(0, 1).index_select(0, _flat(indices, values.shape[1]))
    return rows.view(*indices.shape, values.shape[2])


def _with_rows(values: Tensor, indices: Tensor, rows: Tensor, *, in_place: bool = False) -> Tensor:
    """(B,N,C) with (B,K,C) in place of the rows at (B,K), which are distinct."""
    flat, places = values.flatten(0, 1), _flat(indices, values.shape[1])
    new = rows.flatten(0, 1).to(values.dtype)
    return (flat.index_copy_(0, places, new) if in_place else flat.index_copy(0, places, new)).view_as(values)
