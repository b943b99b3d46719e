"""An encoder-decoder out of built parts."""

from collections.abc import Sequence

from torch import Tensor, nn


class EncoderDecoder(nn.Module):
    """Backbone, optional neck, one head that answers and any number of heads that only help in training.

    Args:
        backbone: image (B, 3, H, W) -> sequence of feature maps.
        neck: feature maps -> feature maps.
        decode_head: feature maps -> logits (B, C, h, w).
        auxiliary_heads: likewise, on the same feature maps.
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        decode_head: nn.Module,
        neck: nn.Module | None = None,
        auxiliary_heads: Sequence[nn.Module] = (),
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = nn.Identity() if neck is None else neck
        self.decode_head = decode_head
        self.auxiliary_heads = nn.ModuleList(auxiliary_heads)

    def init_weights(self) -> None:
        """Let each part initialise itself (or load its pretrained weights) where it knows how."""
        for part in (self.backbone, self.neck, self.decode_head, *self.auxiliary_heads):
            if hasattr(part, "init_weights"):
                part.init_weights()

    def forward(self, image: Tensor) -> Tensor:
        """image (B, 3, H, W); returns the decode head's logits (B, C, h, w)."""
        return self.decode_head(self.features(image))

    def features(self, image: Tensor) -> Sequence[Tensor]:
        """image (B, 3, H, W); returns the feature maps that the heads see."""
        return self.neck(self.backbone(image))
