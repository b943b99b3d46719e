"""Swin Transformers (Liu et al., ICCV 2021) as backbones, at any image size, from torchvision's blocks."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.swin_transformer import SwinTransformer

from sparsevision.engine import load_checkpoint, load_state_dict, weights_of
from sparsevision.methods.focus_detr.backbones import freeze
from sparsevision.methods.focus_detr.released_names import WINDOW_INDEX, official_swin, renamed
from sparsevision.utils import UserError
from sparsevision.weights import resolve_weights

PATCH = 4
SWINS = {  # width, depths, heads, drop path
    "tiny": (96, (2, 2, 6, 2), (3, 6, 12, 24), 0.1),
    "small": (96, (2, 2, 18, 2), (3, 6, 12, 24), 0.2),
    "base": (128, (2, 2, 18, 2), (4, 8, 16, 32), 0.2),
    "large": (192, (2, 2, 18, 2), (6, 12, 24, 48), 0.2),
}


class SwinBackbone(nn.Module):
    """Three outputs, each with a LayerNorm of its own.

    Args:
        size: "tiny", "small", "base" or "large".
        window: tokens of a window's side: 7, or 12 for weights made at 384 pixels.
        pretrained: weights, a file or a catalogue name, with torchvision's or Microsoft's names; a classifier is left
            out, and norms of outputs may be missing. None: random ones.
        drop_path: of the last block, rising from 0; None: the released one.
        frozen_stages: 0 trains all, 1 leaves the patch embedding as it is, 2 to 5 also that many stages less one.

    Raises:
        UserError: another size, or weights of another network.
    """

    def __init__(
        self,
        *,
        size: str = "tiny",
        window: int = 7,
        pretrained: str | Path | None = None,
        drop_path: float | None = None,
        frozen_stages: int = 0,
    ) -> None:
        super().__init__()
        if size not in SWINS:
            raise UserError(f"SwinBackbone: size={size!r}; expected one of {', '.join(SWINS)}.")
        width, depths, heads, usual_drop = SWINS[size]
        network = SwinTransformer(
            [PATCH, PATCH],
            width,
            list(depths),
            list(heads),
            [window, window],
            stochastic_depth_prob=usual_drop if drop_path is None else drop_path,
        )
        self.features = network.features  # patches, then stage, merging, stage, ...
        self.channels = tuple(width * 2**level for level in (1, 2, 3))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for channels in self.channels)
        if pretrained is not None:
            self._load(resolve_weights(pretrained))
        freeze(
            [
                self.features[index]
                for stage in range(frozen_stages)
                for index in (2 * stage - 1, 2 * stage)
                if index >= 0
            ]
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B,3,H,W) -> maps at strides 8, 16, 32; images are padded to whole patches."""
        height, width = images.shape[2:]
        features, maps = F.pad(images, (0, -width % PATCH, 0, -height % PATCH)), []
        for index, part in enumerate(self.features):
            features = part(features)
            if index in (3, 5, 7):
                maps.append(self.norms[len(maps)](features).permute(0, 3, 1, 2))
        return maps

    def _load(self, path: Path) -> None:
        state = our_swin_names(weights_of(load_checkpoint(path)))
        own = {name: value for name, value in self.state_dict().items() if name.startswith("norms.")}
        kept = {name: value for name, value in state.items() if not name.startswith(("head.", "norm."))}
        load_state_dict(self, own | kept, source=path)


def our_swin_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Microsoft's names (also detectron2's and detrex's, without "backbone.") as ours; torchvision's stay."""
    pairs = official_swin("", "")
    named = {renamed(name, pairs) or name: value for name, value in state.items() if not name.endswith("attn_mask")}
    return {name: value.flatten() if name.endswith(WINDOW_INDEX) else value for name, value in named.items()}
