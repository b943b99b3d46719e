"""The backbones of CPCM: residual U-Nets of sparse convolutions ("MinkUNet", Choy et al., CVPR 2019).

Modules bear the names of the released networks, so that their checkpoints load as they are.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from sparsevision.layers.sparse_conv import (
    SparseBatchNorm,
    SparseConv3d,
    SparseConvTranspose3d,
    SparseTensor,
    SubmanifoldConv3d,
    concatenate,
    convolve_pairs,
)
from sparsevision.layers.sparse_conv.functional import Convolve
from sparsevision.utils import UserError

MOMENTUM = 0.02  # published outside of the blocks; inside them it was never passed on, and is torch's 0.1
DOWN = ("conv1p1s2", "conv2p2s2", "conv3p4s2", "conv4p8s2")
UP = ("convtr4p16s2", "convtr5p8s2", "convtr6p4s2", "convtr7p2s2")


class BasicBlock(nn.Module):
    """conv 3, norm, ReLU, conv 3, norm, plus the input (through a 1 x 1 x 1 convolution if channels change), ReLU."""

    def __init__(self, in_channels: int, out_channels: int, *, convolve: Convolve) -> None:
        super().__init__()
        self.conv1 = SubmanifoldConv3d(in_channels, out_channels, convolve=convolve)
        self.norm1 = SparseBatchNorm(out_channels)
        self.conv2 = SubmanifoldConv3d(out_channels, out_channels, convolve=convolve)
        self.norm2 = SparseBatchNorm(out_channels)
        self.downsample = None
        if in_channels != out_channels:
            self.downsample = nn.Sequential(
                SparseConv3d(in_channels, out_channels, kernel_size=1, convolve=convolve),
                SparseBatchNorm(out_channels, momentum=MOMENTUM),
            )

    def forward(self, x: SparseTensor) -> SparseTensor:
        """x (N,C_in) -> (N,C_out)."""
        inner = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return inner.replace_feats(torch.relu(inner.feats + shortcut.feats))


class Res16UNet(nn.Module):
    """A residual U-Net over four halvings of the voxel grid.

    Args:
        in_channels: of the input features; 3 for colours / 255 - 0.5.
        num_classes: C.
        planes: channels of the four blocks on the way down and the four on the way up.
        layers: residual layers of these eight blocks.
        first_channels: of the first convolution.
        first_kernel: its side, 3 in CPCM, 5 in some published networks.
        widen_when_halving: each halving convolution already has the channels of its block, as in Pointcept's SpUNet,
            instead of leaving that to the block's first layer.
        norm_eps: added to every variance; 1e-3 in SpUNet.
        convolve: how the convolutions sum; see `sparsevision.layers.sparse_conv`.

    Raises:
        UserError: not eight planes or layers.
    """

    PLANES: ClassVar[tuple[int, ...] | None] = None
    LAYERS: ClassVar[tuple[int, ...] | None] = None

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 20,
        *,
        planes: tuple[int, ...] | None = None,
        layers: tuple[int, ...] | None = None,
        first_channels: int = 32,
        first_kernel: int = 3,
        widen_when_halving: bool = False,
        norm_eps: float = 1e-5,
        convolve: Convolve = convolve_pairs,
    ) -> None:
        super().__init__()
        planes, layers = tuple(planes or self.PLANES or ()), tuple(layers or self.LAYERS or ())
        if len(planes) != 8 or len(layers) != 8:
            raise UserError(f"Res16UNet: expected 8 planes and 8 layers, got planes={planes}, layers={layers}.")
        self.in_channels, self.num_classes, self.feature_channels = in_channels, num_classes, planes[7]
        self.conv0p1s1 = SubmanifoldConv3d(in_channels, first_channels, kernel_size=first_kernel, convolve=convolve)
        self.bn0 = SparseBatchNorm(first_channels, momentum=MOMENTUM)
        halved = planes[:4] if widen_when_halving else (first_channels, *planes[:3])
        self._add_encoder(first_channels, halved, planes, layers, convolve)
        self._add_decoder([first_channels, *planes[:4]], planes, layers, convolve)
        self.final = SparseConv3d(planes[7], num_classes, kernel_size=1, bias=True, convolve=convolve)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.eps = norm_eps

    def _add_encoder(self, channels: int, halved: tuple, planes: tuple, layers: tuple, convolve: Convolve) -> None:
        for index, name in enumerate(DOWN):
            setattr(self, name, SparseConv3d(channels, halved[index], kernel_size=2, stride=2, convolve=convolve))
            self.add_module(f"bn{index + 1}", SparseBatchNorm(halved[index], momentum=MOMENTUM))
            self.add_module(f"block{index + 1}", _blocks(halved[index], planes[index], layers[index], convolve))
            channels = planes[index]

    def _add_decoder(self, sizes: list[int], planes: tuple, layers: tuple, convolve: Convolve) -> None:
        """`sizes`: channels of the four skip connections, finest first, and of the coarsest level."""
        channels = sizes[-1]
        for index, name in enumerate(UP, start=4):
            up = SparseConvTranspose3d(channels, planes[index], kernel_size=2, stride=2, convolve=convolve)
            setattr(self, name, up)
            self.add_module(f"bntr{index}", SparseBatchNorm(planes[index], momentum=MOMENTUM))
            joined = planes[index] + sizes[7 - index]
            self.add_module(f"block{index + 1}", _blocks(joined, planes[index], layers[index], convolve))
            channels = planes[index]

    def forward(self, x: SparseTensor) -> tuple[Tensor, Tensor]:
        """x (M,in_channels) at stride 1 -> logits (M,num_classes) and features (M,feature_channels) of its voxels."""
        x = relu(self.bn0(self.conv0p1s1(x)))
        skips = [x]
        for level, name in enumerate(DOWN, start=1):
            x = self._unit(x, name, f"bn{level}", f"block{level}")
            skips.append(x)
        skips.pop()
        for level, name in enumerate(UP, start=4):
            x = relu(getattr(self, f"bntr{level}")(getattr(self, name)(x)))
            x = getattr(self, f"block{level + 1}")(concatenate(x, skips.pop()))
        return self.final(x).feats, x.feats

    def _unit(self, x: SparseTensor, conv: str, norm: str, block: str) -> SparseTensor:
        return getattr(self, block)(relu(getattr(self, norm)(getattr(self, conv)(x))))


class Res16UNet14A(Res16UNet):
    """One layer a block: the small one."""

    PLANES = (32, 64, 128, 256, 128, 128, 96, 96)
    LAYERS = (1,) * 8


class Res16UNet18A(Res16UNet):
    """Two layers a block."""

    PLANES = (32, 64, 128, 256, 128, 128, 96, 96)
    LAYERS = (2,) * 8


class Res16UNet34A(Res16UNet):
    """The deep encoder with a narrow decoder."""

    PLANES = (32, 64, 128, 256, 256, 128, 64, 64)
    LAYERS = (2, 3, 4, 6, 2, 2, 2, 2)


class Res16UNet34C(Res16UNet):
    """The network of the paper: 37,846,644 parameters for 3 inputs, 20 classes and a first kernel of 3."""

    PLANES = (32, 64, 128, 256, 256, 128, 96, 96)
    LAYERS = (2, 3, 4, 6, 2, 2, 2, 2)


def relu(x: SparseTensor) -> SparseTensor:
    """max(0, feats)."""
    return x.map_feats(torch.relu)


def _blocks(in_channels: int, out_channels: int, count: int, convolve: Convolve) -> nn.Sequential:
    inputs = [in_channels] + [out_channels] * (count - 1)
    return nn.Sequential(*(BasicBlock(channels, out_channels, convolve=convolve) for channels in inputs))
