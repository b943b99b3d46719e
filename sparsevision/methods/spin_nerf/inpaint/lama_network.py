"""LaMa's generator (Suvorov et al., WACV 2022): convolutions beside a branch that works on the image's spectrum.

Attributes carry the names of the official checkpoint, so that its keys load without a table. A feature map is a pair
(local, global); a branch of no channels is None.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

Pair = tuple[Tensor | None, Tensor | None]
INPUT_CHANNELS = 4  # red, green, blue, mask
OUTPUT_CHANNELS = 3


class LaMaGenerator(nn.Module):
    """Masked image and mask to the whole image. (B,4,H,W) -> (B,3,H,W) in [0,1]; H and W multiples of 2^downsamplings.

    Args:
        width: channels after the first layer; doubled by each downsampling.
        downsamplings: that halve the size (3 in the published networks).
        blocks: residual blocks, 18 in big-lama (51 million parameters), 9 in the smaller LaMa-Fourier (27 million).
        global_share: of the channels of the residual blocks, that go through the spectrum (0.75).
    """

    def __init__(
        self, *, width: int = 64, downsamplings: int = 3, blocks: int = 18, global_share: float = 0.75
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), FourierLayer(INPUT_CHANNELS, width, kernel=7, padding=0)]
        for level in range(downsamplings):
            share = global_share if level == downsamplings - 1 else 0.0
            channels = width * 2**level
            layers.append(FourierLayer(channels, 2 * channels, stride=2, output_share=share))
        deepest = width * 2**downsamplings
        layers += [ResidualBlock(deepest, global_share) for _ in range(blocks)]
        layers.append(JoinBranches())
        for level in reversed(range(downsamplings)):
            layers += _upsampling(width * 2 ** (level + 1), width * 2**level)
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, OUTPUT_CHANNELS, 7), nn.Sigmoid()]
        self.model = nn.Sequential(*layers)

    def forward(self, masked_image_and_mask: Tensor) -> Tensor:
        return self.model(masked_image_and_mask)


def _upsampling(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


class FourierLayer(nn.Module):
    """Fast Fourier convolution (Chi et al., NeurIPS 2020), then batch norm and ReLU in each branch (Fig. 2, left).

    Args:
        input_share, output_share: of the channels in the global branch.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        padding: int = 1,
        input_share: float = 0.0,
        output_share: float = 0.0,
    ) -> None:
        super().__init__()
        widths = _split(inputs, input_share), _split(outputs, output_share)
        self.ffc = FourierConvolution(*widths, kernel=kernel, stride=stride, padding=padding)
        local_width, global_width = widths[1]
        self.bn_l = nn.BatchNorm2d(local_width) if local_width else nn.Identity()
        self.bn_g = nn.BatchNorm2d(global_width) if global_width else nn.Identity()

    def forward(self, features: Tensor | Pair) -> Pair:
        local_map, global_map = self.ffc(features if isinstance(features, tuple) else (features, None))
        local_map = None if local_map is None else self.bn_l(local_map).relu()
        global_map = None if global_map is None else self.bn_g(global_map).relu()
        return local_map, global_map


def _split(channels: int, global_share: float) -> tuple[int, int]:
    return channels - int(channels * global_share), int(channels * global_share)


class FourierConvolution(nn.Module):
    """Four ways between the branches: three convolutions, and a spectral transform from global to global (Fig. 2)."""

    def __init__(
        self, inputs: tuple[int, int], outputs: tuple[int, int], *, kernel: int, stride: int, padding: int
    ) -> None:
        super().__init__()

        def convolution(entering: int, leaving: int) -> nn.Module | None:
            if not (entering and leaving):
                return None
            return nn.Conv2d(entering, leaving, kernel, stride, padding, bias=False, padding_mode="reflect")

        self.convl2l = convolution(inputs[0], outputs[0])
        self.convl2g = convolution(inputs[0], outputs[1])
        self.convg2l = convolution(inputs[1], outputs[0])
        self.convg2g = SpectralTransform(inputs[1], outputs[1], stride) if inputs[1] and outputs[1] else None

    def forward(self, features: Pair) -> Pair:
        local_map, global_map = features
        to_local = _sum_of((self.convl2l, local_map), (self.convg2l, global_map))
        to_global = _sum_of((self.convl2g, local_map), (self.convg2g, global_map))
        return to_local, to_global


def _sum_of(*branches: tuple[nn.Module | None, Tensor | None]) -> Tensor | None:
    terms = [layer(features) for layer, features in branches if layer is not None]
    return sum(terms[1:], terms[0]) if terms else None


class SpectralTransform(nn.Module):
    """1 x 1 convolutions around a Fourier unit, which sees the whole image at once (Fig. 2, right)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = outputs // 2
        self.downsample = nn.AvgPool2d(2) if stride == 2 else nn.Identity()
        self.conv1 = nn.Sequential(nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU())
        self.fu = FourierUnit(inner)
        self.conv2 = nn.Conv2d(inner, outputs, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        features = self.conv1(self.downsample(features))
        return self.conv2(features + self.fu(features))


class FourierUnit(nn.Module):
    """A 1 x 1 convolution, batch norm and ReLU on the real and imaginary parts of the spectrum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)

    def forward(self, features: Tensor) -> Tensor:
        spectrum = torch.view_as_real(torch.fft.rfft2(features, norm="ortho"))  # (B,C,H,W/2+1,2)
        parts = spectrum.permute(0, 1, 4, 2, 3).flatten(1, 2)  # channels: real 0, imaginary 0, real 1, ...
        parts = self.bn(self.conv_layer(parts)).relu()
        parts = parts.unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2).contiguous()
        return torch.fft.irfft2(torch.view_as_complex(parts), s=features.shape[-2:], norm="ortho")


class ResidualBlock(nn.Module):
    """Two Fourier layers beside an identity, in both branches."""

    def __init__(self, channels: int, global_share: float) -> None:
        super().__init__()
        shares = {"input_share": global_share, "output_share": global_share}
        self.conv1 = FourierLayer(channels, channels, **shares)
        self.conv2 = FourierLayer(channels, channels, **shares)

    def forward(self, features: Pair) -> Pair:
        changed = self.conv2(self.conv1(features))
        return tuple(None if new is None else old + new for old, new in zip(features, changed, strict=True))


class JoinBranches(nn.Module):
    """(local, global) -> their channels one after the other."""

    def forward(self, features: Pair) -> Tensor:
        return torch.cat([part for part in features if part is not None], dim=1)


def generator_weights(state: dict[str, Tensor]) -> "OrderedDict[str, Tensor]":
    """The generator's part of a Lightning checkpoint's state dict (keys `generator.model.*`), or the dict itself."""
    prefix = "generator."
    own = OrderedDict((key.removeprefix(prefix), value) for key, value in state.items() if key.startswith(prefix))
    return own or OrderedDict(state)
