"""From tokens to boxes: the first references, the decoder, and what its heads say."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparsevision.methods.focus_detr.attention_map import AttentionMap
from sparsevision.methods.focus_detr.decoder import Decoder, predictions
from sparsevision.methods.focus_detr.denoising import DenoisingQueries
from sparsevision.methods.focus_detr.encoded import Encoded
from sparsevision.methods.focus_detr.heads import ChosenProposals, choose_proposals
from sparsevision.methods.focus_detr.network import FocusNetwork


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Predictions of every decoder layer.

    Attributes:
        logits, boxes: (D,B,Q,K), (D,B,Q,4) of the matched queries; boxes are centres and sizes in [0,1].
        denoised: the same, (D,B,P,...), of the denoising queries; None without.
        proposals: of the encoder.
        states: (D,B,Q,C) of the matched queries, normed.
        references: (D+1,B,Q,4), see `Decoder`.
    """

    logits: Tensor
    boxes: Tensor
    denoised: tuple[Tensor, Tensor] | None
    proposals: ChosenProposals
    states: Tensor
    references: Tensor


@dataclass(frozen=True, kw_only=True)
class DecoderSide:
    """The modules behind an encoder; the network owns them.

    Attributes:
        decoder: D layers.
        class_heads, box_heads: D + 1 each, the last for the proposals of the encoder.
        query_content: (Q,C), what queries are before they look at anything.
        invalid_proposals: see `choose_proposals`.
        padded_copies: places of denoising that have no box are queries like all others, as released.
    """

    decoder: Decoder
    class_heads: Sequence[nn.Module]
    box_heads: Sequence[nn.Module]
    query_content: nn.Embedding
    invalid_proposals: bool
    padded_copies: bool

    @classmethod
    def of(cls, network: FocusNetwork) -> "DecoderSide":
        """What stands behind a network's encoder."""
        return cls(
            decoder=network.decoder,
            class_heads=network.class_heads,
            box_heads=network.box_heads,
            query_content=network.query_content,
            invalid_proposals=network.switches.invalid_proposals,
            padded_copies=network.switches.padded_copies,
        )

    def num_queries(self, encoded: Encoded) -> int:
        """Queries that so many tokens allow."""
        return min(self.query_content.num_embeddings, encoded.memory.shape[1])

    def propose(self, encoded: Encoded) -> ChosenProposals:
        """Boxes of the most promising tokens."""
        return choose_proposals(
            encoded.proposal_features,
            encoded.proposal_boxes,
            class_head=self.class_heads[-1],
            box_head=self.box_heads[-1],
            count=self.num_queries(encoded),
            invalid=self.invalid_proposals,
        )

    def decode(
        self,
        encoded: Encoded,
        *,
        denoising: DenoisingQueries | None = None,
        attention_map: AttentionMap | None = None,
        layers: slice = slice(None),
    ) -> Decoded:
        """Queries start as learnt vectors at the boxes that tokens propose ("mixed query selection", DINO, Sec. 3.4).

        Args:
            encoded: of the encoder.
            denoising: queries to put in front.
            attention_map: is told where each layer looks.
            layers: whose heads speak.
        """
        proposals = self.propose(encoded)
        queries, references, query_padding = self._start(proposals, denoising)
        states, references = self.decoder(
            queries,
            references,
            encoded.memory,
            box_heads=self.box_heads[:-1],
            padding=encoded.padding,
            shapes=encoded.shapes,
            valid_ratios=encoded.valid_ratios,
            attention_mask=None if denoising is None else denoising.attention_mask,
            query_padding=query_padding,
            attention_map=attention_map,
        )
        logits, boxes = predictions(
            states[layers],
            references[:-1][layers],
            class_heads=self.class_heads[:-1][layers],
            box_heads=self.box_heads[:-1][layers],
        )
        front = 0 if denoising is None else denoising.content.shape[1]
        return Decoded(
            logits=logits[:, :, front:],
            boxes=boxes[:, :, front:],
            denoised=None if denoising is None else (logits[:, :, :front], boxes[:, :, :front]),
            proposals=proposals,
            states=states[:, :, front:],
            references=references[:, :, front:],
        )

    def _start(
        self, proposals: ChosenProposals, denoising: DenoisingQueries | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Content, references and padding of all queries."""
        references, padding = proposals.boxes.detach(), proposals.padding
        batch, count, _ = references.shape
        content = self.query_content.weight[:count].expand(batch, -1, -1)
        if denoising is None:
            return content, references, padding
        content = torch.cat([denoising.content.to(content), content], dim=1)
        references = torch.cat([denoising.box_logits.sigmoid(), references], dim=1)
        if padding is None and self.padded_copies:
            return content, references, None
        rest = references.new_zeros(batch, count, dtype=torch.bool) if padding is None else padding
        copies = torch.zeros_like(denoising.padding) if self.padded_copies else denoising.padding
        return content, references, torch.cat([copies, rest], dim=1)
