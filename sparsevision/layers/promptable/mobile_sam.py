"""MobileSAM (Zhang et al., 2023): SAM's prompt encoder and mask decoder behind a TinyViT-5M image encoder (timm's)."""

import re
from pathlib import Path

from torch import Tensor, nn

from sparsevision.engine import load_checkpoint, load_state_dict
from sparsevision.layers.promptable.sam import EMBED_DIM, SegmentAnything, sam_around
from sparsevision.registry import MODELS
from sparsevision.utils import require

UNUSED = ("image_encoder.head.", "image_encoder.norm_head.")
RENAMED = (  # official name -> timm's; a stage's downsampling ends it there and begins the next one here
    (r"^image_encoder\.patch_embed\.seq\.0\.", "image_encoder.trunk.patch_embed.conv1."),
    (r"^image_encoder\.patch_embed\.seq\.2\.", "image_encoder.trunk.patch_embed.conv2."),
    (r"^image_encoder\.layers\.0\.downsample\.", "image_encoder.trunk.stages.1.downsample."),
    (r"^image_encoder\.layers\.1\.downsample\.", "image_encoder.trunk.stages.2.downsample."),
    (r"^image_encoder\.layers\.2\.downsample\.", "image_encoder.trunk.stages.3.downsample."),
    (r"^image_encoder\.layers\.", "image_encoder.trunk.stages."),
    (r"^(image_encoder\.trunk\..*)\.c\.weight$", r"\1.conv.weight"),
)


@MODELS.register_module()
class MobileSAM(SegmentAnything):
    """MobileSAM behind the common interface.

    Args:
        checkpoint: a file with the official key names, or "mobile_sam" (see `tools/get_weights.py`); None for untrained
            weights.
        image_size: side of the square input; the published weights need 1024, a test may use a multiple of 16 below it.

    Raises:
        UserError: weights not there, or not MobileSAM's.
        ImportError: segment-anything or timm is not installed.
    """

    def __init__(self, *, checkpoint: str | Path | None = None, image_size: int = 1024) -> None:
        network = sam_around(TinyViTEncoder(image_size=image_size), image_size=image_size)
        super().__init__(network=network, checkpoint=checkpoint)

    def load_weights(self, path: Path) -> None:
        load_state_dict(self.network, timm_names(load_checkpoint(path)), source=str(path))


class TinyViTEncoder(nn.Module):
    """TinyViT-5M whose last stage keeps the resolution, and SAM's neck. (B,3,s,s) -> (B,256,s/16,s/16).

    Args:
        image_size: s, a multiple of 16; only recorded, the trunk takes any size.
    """

    def __init__(self, *, image_size: int = 1024) -> None:
        super().__init__()
        tiny_vit = require("timm.models.tiny_vit", extra="sam", why="MobileSAM's image encoder")
        norm = require("segment_anything.modeling.common", extra="sam", why="MobileSAM").LayerNorm2d
        self.img_size = image_size
        self.trunk = tiny_vit.TinyVit(
            num_classes=0,
            embed_dims=(64, 128, 160, 320),
            depths=(2, 2, 6, 2),
            num_heads=(2, 4, 5, 10),
            window_sizes=(7, 7, 14, 7),
            drop_path_rate=0.0,
        )
        self.trunk.head = nn.Identity()
        self.trunk.stages[3].downsample.conv2.conv.stride = (1, 1)
        self.neck = nn.Sequential(
            nn.Conv2d(320, EMBED_DIM, 1, bias=False),
            norm(EMBED_DIM),
            nn.Conv2d(EMBED_DIM, EMBED_DIM, 3, padding=1, bias=False),
            norm(EMBED_DIM),
        )
        self.register_load_state_dict_post_hook(_forget_attention_biases)

    def forward(self, image: Tensor) -> Tensor:
        return self.neck(self.trunk.stages(self.trunk.patch_embed(image)))


def _forget_attention_biases(encoder: nn.Module, incompatible_keys: object) -> None:
    """In eval mode timm keeps the gathered attention biases of the first forward; switching the mode drops them."""
    encoder.train(encoder.training)


def timm_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Official MobileSAM keys -> keys of `sam_around(TinyViTEncoder())`; the unused ImageNet head is left out."""
    return {_timm_name(key): value for key, value in state.items() if not key.startswith(UNUSED)}


def _timm_name(key: str) -> str:
    for pattern, replacement in RENAMED:
        key = re.sub(pattern, replacement, key)
    return key
