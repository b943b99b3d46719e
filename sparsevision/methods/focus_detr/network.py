"""Focus-DETR's network as modules that are built elsewhere, and its encoder side: from images to a memory."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from sparsevision.layers.ms_deform_attn import MultiScaleDeformableAttention
from sparsevision.methods.focus_detr.budget import Budget, Selection, select_tokens
from sparsevision.methods.focus_detr.encoded import Encoded
from sparsevision.methods.focus_detr.encoder import BackgroundEmbedding, Encoder
from sparsevision.methods.focus_detr.position import sine_position
from sparsevision.methods.focus_detr.presets import Switches
from sparsevision.methods.focus_detr.proposals import ProposalTransform, token_boxes
from sparsevision.methods.focus_detr.pyramid import Pyramid, extents_of, flatten, merge, padding_of
from sparsevision.methods.focus_detr.selector import ForegroundSelector, JointSelector

Sizes = Sequence[tuple[int, int]]


class FocusNetwork(nn.Module):
    """A DETR with two stages whose encoder may be sparse.

    Args:
        backbone: (B,3,H,W) -> maps of falling size.
        neck: maps -> L maps of C channels.
        proposals: the transform that the selector and the proposals share.
        selector: foreground logits of tokens; None: a dense encoder.
        encoder: see `Encoder`.
        decoder: see `Decoder`.
        class_heads, box_heads: one for each decoder layer, and one for the proposals behind them.
        query_content: (Q,C), what the queries start from.
        budget: of tokens; without a selector it says nothing.
        switches: see `Switches`.
        temperature, offset: of `sine_position`.
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        neck: nn.Module,
        proposals: ProposalTransform,
        selector: ForegroundSelector | JointSelector | None,
        encoder: Encoder,
        decoder: nn.Module,
        class_heads: nn.ModuleList,
        box_heads: nn.ModuleList,
        query_content: nn.Embedding,
        budget: Budget,
        switches: Switches,
        temperature: float = 10000,
        offset: float = -0.5,
    ) -> None:
        super().__init__()
        self.backbone, self.neck, self.proposals, self.selector = backbone, neck, proposals, selector
        self.encoder, self.decoder = encoder, decoder
        self.class_heads, self.box_heads, self.query_content = class_heads, box_heads, query_content
        self.level_embedding = nn.Parameter(torch.empty(len(neck.levels), query_content.embedding_dim))
        self.budget, self.switches = budget, switches
        self.temperature, self.offset = temperature, offset
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The released start: Xavier for every matrix of the transformer, then what its parts set themselves."""
        parts = [self.proposals, self.selector, self.encoder, self.decoder, self.query_content]
        for parameter in (p for part in parts if part is not None for p in part.parameters()):
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        for module in self.modules():
            if isinstance(module, MultiScaleDeformableAttention | BackgroundEmbedding):
                module.reset_parameters()
        nn.init.normal_(self.level_embedding)

    def encode(
        self, images: Tensor, sizes: Sizes, *, keep_ratio: float | None = None, by_layer: bool = False
    ) -> Encoded:
        """The encoder side.

        Args:
            images: (B,3,H,W) normalised, padded right and below with zeros.
            sizes: (height, width) of each image before padding.
            keep_ratio: instead of the budget's.
            by_layer: also say what each encoder layer made of its tokens.
        """
        pyramid, logits = self._look(images, self._seen_sizes(images, sizes))
        selection = None if logits is None else select_tokens(logits, pyramid, self._budget(keep_ratio))
        layers = [] if by_layer else None
        memory = self.encoder(pyramid, selection=selection, class_head=self.class_heads[-1], by_layer=layers)
        boxes = token_boxes(pyramid)
        return Encoded(
            memory=memory,
            shapes=pyramid.shapes,
            padding=pyramid.padding,
            valid_ratios=pyramid.valid_ratios,
            foreground_logits=logits,
            kept=_kept(selection),
            kept_valid=_kept_valid(selection),
            proposal_features=self.proposals(
                memory, dropped=_dropped(pyramid, boxes, borders=self.switches.invalid_proposals)
            ),
            proposal_boxes=boxes,
            level_positions=pyramid.positions,
            by_layer=tuple(layers or ()),
        )

    def _budget(self, keep_ratio: float | None) -> Budget:
        return self.budget if keep_ratio is None else replace(self.budget, keep_ratio=keep_ratio)

    def _seen_sizes(self, images: Tensor, sizes: Sizes) -> Sizes:
        if self.switches.blind_evaluation and not self.training:
            return [tuple(images.shape[2:])] * len(images)
        return [tuple(size) for size in sizes]

    def _look(self, images: Tensor, sizes: Sizes) -> tuple[Pyramid, Tensor | None]:
        """Features and foreground logits (B,N); of one group of images, or of several by size that become one."""
        if self.switches.padded_backbone or len(set(sizes)) == 1:
            height, width = images.shape[2:] if self.switches.padded_backbone else sizes[0]
            return self._look_at_group(images[:, :, :height, :width], sizes)
        groups = [(size, [place for place, own in enumerate(sizes) if own == size]) for size in dict.fromkeys(sizes)]
        seen = [self._look_at_group(images[own][:, :, :h, :w], [(h, w)] * len(own)) for (h, w), own in groups]
        return _merged(seen, [own for _, own in groups])

    def _look_at_group(self, images: Tensor, sizes: Sizes) -> tuple[Pyramid, Tensor | None]:
        maps = self.neck(self.backbone(images))
        shapes = [tuple(level.shape[2:]) for level in maps]
        extents = extents_of(sizes, tuple(images.shape[2:]), shapes)
        masks = [padding_of(extents[:, level], shape).to(images.device) for level, shape in enumerate(shapes)]
        pyramid = Pyramid(
            features=flatten(maps),
            positions=self._positions(masks),
            padding=torch.cat([mask.flatten(1) for mask in masks], 1),
            shapes=shapes,
            extents=extents,
        )
        return pyramid, None if self.selector is None else self._foreground(pyramid)

    def _positions(self, masks: list[Tensor]) -> Tensor:
        """(B,N,C): where a token is, and in which level."""
        settings = {"temperature": self.temperature, "offset": self.offset, "channels": self.level_embedding.shape[1]}
        places = [sine_position(mask, **settings).to(self.level_embedding.dtype) for mask in masks]
        return flatten([p + own[:, None, None] for p, own in zip(places, self.level_embedding, strict=True)])

    def _foreground(self, pyramid: Pyramid) -> Tensor:
        """(B,N)."""
        dropped = _dropped(pyramid, token_boxes(pyramid), borders=self.switches.zeroed_borders)
        seen = self.proposals(pyramid.features + pyramid.positions, dropped=dropped)
        padding = pyramid.padding if pyramid.is_padded and not self.switches.padding_counts else None
        return self.selector(seen, shapes=pyramid.shapes, padding=padding)


def _dropped(pyramid: Pyramid, boxes: Tensor, *, borders: bool) -> Tensor:
    """(B,N) bool: tokens that the transform sees as zeros, padding and maybe those at borders, which have no box."""
    return boxes.isinf().any(-1) if borders else pyramid.padding


def _merged(
    seen: Sequence[tuple[Pyramid, Tensor | None]], images: Sequence[Sequence[int]]
) -> tuple[Pyramid, Tensor | None]:
    """Groups of images of one size each as one padded batch."""
    pyramids = [pyramid for pyramid, _ in seen]
    shapes = [pyramid.shapes for pyramid in pyramids]
    common = [tuple(max(side) for side in zip(*level, strict=True)) for level in zip(*shapes, strict=True)]
    order = torch.tensor([place for group in images for place in group]).argsort()
    extents = torch.cat([pyramid.extents for pyramid in pyramids])[order]
    masks = [padding_of(extents[:, level], shape).flatten(1) for level, shape in enumerate(common)]

    def joined(parts: list[Tensor]) -> Tensor:
        return merge(parts, shapes, images, common)

    pyramid = Pyramid(
        features=joined([pyramid.features for pyramid in pyramids]),
        positions=joined([pyramid.positions for pyramid in pyramids]),
        padding=torch.cat(masks, 1).to(pyramids[0].features.device),
        shapes=common,
        extents=extents,
    )
    if seen[0][1] is None:
        return pyramid, None
    return pyramid, joined([logits[..., None] for _, logits in seen])[..., 0]


def _kept(selection: Selection | None) -> tuple[Tensor, ...]:
    return () if selection is None else tuple(selection.kept(layer) for layer in range(len(selection.counts)))


def _kept_valid(selection: Selection | None) -> tuple[Tensor, ...]:
    return () if selection is None else tuple(selection.kept_valid(layer) for layer in range(len(selection.counts)))
