"""Detection by every encoder layer, to teach it: Sparse DETR's auxiliary losses (Roh et al., ICLR 2022, Sec. 3.4)."""

from dataclasses import dataclass

from torch import Tensor, nn

from sparsevision.methods.focus_detr.encoded import Encoded, LayerTokens
from sparsevision.methods.focus_detr.heads import box_head, class_head


@dataclass(frozen=True)
class TokenPredictions:
    """What the tokens of one encoder layer take for objects.

    Attributes:
        logits: (B,K,classes).
        boxes: (B,K,4) centres and sizes in [0,1].
        padding: (B,K) bool, tokens that predict nothing: padded, at the border, or beyond an image's share.
    """

    logits: Tensor
    boxes: Tensor
    padding: Tensor


class EncoderHeads(nn.Module):
    """Heads of their own for every encoder layer but the last, of which the proposals speak.

    Args:
        layers: of the encoder.
        channels: C.
        num_classes: of the class heads.
    """

    def __init__(self, *, layers: int, channels: int, num_classes: int) -> None:
        super().__init__()
        self.class_heads = nn.ModuleList(class_head(channels, num_classes) for _ in range(layers - 1))
        self.box_heads = nn.ModuleList(box_head(channels) for _ in range(layers - 1))

    def forward(self, encoded: Encoded) -> list[TokenPredictions]:
        """Of each layer's updated tokens: a box is the token's own one, refined. `encoded.by_layer` must be there."""
        triples = zip(self.class_heads, self.box_heads, encoded.by_layer, strict=False)
        return [_predictions(tokens, encoded, classes, boxes) for classes, boxes, tokens in triples]


def _predictions(tokens: LayerTokens, encoded: Encoded, classes: nn.Module, boxes: nn.Module) -> TokenPredictions:
    anchors = encoded.proposal_boxes.gather(1, tokens.indices[..., None].expand(-1, -1, 4))
    padding = ~tokens.valid | anchors.isinf().any(dim=-1)
    refined = boxes(tokens.features) + anchors.masked_fill(padding[..., None], 0.0)
    return TokenPredictions(logits=classes(tokens.features), boxes=refined.sigmoid(), padding=padding)
