"""Backbones: ResNet, EfficientNet-Lite0. Each gives maps at strides 8, 16 and 32 and tells their channels."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.ops import FrozenBatchNorm2d

from sparsevision.engine import load_checkpoint, load_state_dict, weights_of
from sparsevision.layers.efficientnet_lite0 import EfficientNetLite0
from sparsevision.utils import UserError
from sparsevision.weights import resolve_weights

BOTTLENECK = (512, 1024, 2048)
RESNETS = {
    18: (resnet.BasicBlock, (2, 2, 2, 2), (128, 256, 512)),
    34: (resnet.BasicBlock, (3, 4, 6, 3), (128, 256, 512)),
    50: (resnet.Bottleneck, (3, 4, 6, 3), BOTTLENECK),
    101: (resnet.Bottleneck, (3, 4, 23, 3), BOTTLENECK),
}
LITE0_STAGES = ((3, 40), (5, 112), (7, 320))  # (blocks up to here, channels) at strides 8, 16, 32


class ResNetBackbone(resnet.ResNet):
    """torchvision's ResNet (stride in the 3 x 3 convolution) with frozen batch norms, as in detectron2.

    Args:
        depth: 18, 34, 50 or 101.
        pretrained: weights, a file or a catalogue name, with torchvision's names; a classifier is left out. None:
            random ones.
        frozen_stages: 0 trains all, 1 leaves the stem as it is, 2 to 5 also that many residual stages less one.

    Raises:
        UserError: another depth, or weights of another network.
    """

    def __init__(self, *, depth: int = 50, pretrained: str | Path | None = None, frozen_stages: int = 1) -> None:
        if depth not in RESNETS:
            raise UserError(f"ResNetBackbone: depth={depth}; expected one of {', '.join(map(str, RESNETS))}.")
        block, layers, channels = RESNETS[depth]
        super().__init__(block, layers, norm_layer=FrozenBatchNorm2d)
        del self.fc, self.avgpool
        self.channels = channels
        if pretrained is not None:
            path = resolve_weights(pretrained)
            state = weights_of(load_checkpoint(path))
            kept = {name: value for name, value in state.items() if not name.startswith("fc.") and value.dim() > 0}
            load_state_dict(self, kept, source=path)
        stages = [[self.conv1], [self.layer1], [self.layer2], [self.layer3], [self.layer4]]
        freeze([part for stage in stages[:frozen_stages] for part in stage])

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B,3,H,W) -> maps at strides 8, 16, 32."""
        features = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(images)))))
        maps = []
        for stage in (self.layer2, self.layer3, self.layer4):
            features = stage(features)
            maps.append(features)
        return maps


class EfficientNetLite0Backbone(nn.Module):
    """EfficientNet-Lite0 (4.7 M parameters with its classifier): for work on a CPU.

    Images are to be normalised by (pixels - 127) / 128.

    Args:
        pretrained: weights, a file or a catalogue name ("efficientnet_lite0"); None: random ones.
        frozen_stages: 0 trains all, 1 leaves the stem as it is, 2 to 8 also that many block groups less one.
        frozen_norm: batch norms keep their statistics and learn nothing.

    Raises:
        ImportError: timm is not installed.
        UserError: the weights are not cached (says how to get them), or are those of another network.
    """

    channels = tuple(channels for _, channels in LITE0_STAGES)

    def __init__(
        self, *, pretrained: str | Path | None = None, frozen_stages: int = 0, frozen_norm: bool = True
    ) -> None:
        super().__init__()
        network = EfficientNetLite0(pretrained=pretrained).network.train().requires_grad_(True)
        self.stem = nn.Sequential(network.conv_stem, network.bn1)
        self.blocks = network.blocks
        self.resting = [self.stem, *self.blocks][:frozen_stages]
        freeze(self.resting)
        if frozen_norm:
            self.resting += [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
            freeze(self.resting)
        self.train()

    def train(self, mode: bool = True) -> "EfficientNetLite0Backbone":
        """Training mode for all but the frozen parts."""
        super().train(mode)
        for part in self.resting:
            part.eval()
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B,3,H,W) -> maps at strides 8, 16, 32."""
        features, maps, start = self.stem(images.contiguous(memory_format=torch.channels_last)), [], 0
        for end, _ in LITE0_STAGES:
            features = self.blocks[start:end](features)
            maps.append(features)
            start = end
        return maps


def freeze(parts: Sequence[nn.Module]) -> None:
    """Their parameters are not trained."""
    for part in parts:
        part.requires_grad_(False)
