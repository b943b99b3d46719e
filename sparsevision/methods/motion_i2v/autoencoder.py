"""The autoencoder of latent diffusion with Stable Diffusion's layout and names, for images and for two-channel flow.

Source: Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, CVPR 2022, section 3.1. Key names
are those of the usual `AutoencoderKL`, so that its files load strictly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.motion_i2v.blocks import Upsample
from sparsevision.registry import MODELS

EPSILON = 1e-6
LOGVAR_RANGE = (-30.0, 20.0)
OLD_ATTENTION_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


@dataclass(frozen=True, kw_only=True)
class GaussianLatents:
    """A normal distribution over latents, independent in each number. mean and logvar (N,c,h,w)."""

    mean: Tensor
    logvar: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A draw (N,c,h,w); without a generator from torch's global stream."""
        device = generator.device if generator is not None else self.mean.device
        noise = torch.randn(self.mean.shape, generator=generator, device=device, dtype=self.mean.dtype)
        return self.mean + torch.exp(0.5 * self.logvar) * noise.to(self.mean.device)

    def kl(self) -> Tensor:
        """Kullback-Leibler divergence (N,) from the standard normal, in nats, summed over each item."""
        return 0.5 * (self.mean**2 + self.logvar.exp() - 1 - self.logvar).flatten(1).sum(1)


@MODELS.register_module()
class KLAutoencoder(nn.Module):
    """Pictures (N,C,H,W) to latents (N,c,H/s,W/s) and back; s halves once between two levels.

    Args:
        image_channels: C; 3 for colours, 2 for flow.
        latent_channels: c.
        channels: of each level, the finest first.
        layers: residual blocks a level in the encoder; the decoder has one more.
        groups: of the group norms; divides all channels.
    """

    def __init__(
        self,
        *,
        image_channels: int = 3,
        latent_channels: int = 4,
        channels: Sequence[int] = (128, 256, 512, 512),
        layers: int = 2,
        groups: int = 32,
    ) -> None:
        super().__init__()
        self.stride = 2 ** (len(channels) - 1)
        self.latent_channels = latent_channels
        self.encoder = Encoder(image_channels, 2 * latent_channels, channels, layers, groups)
        self.decoder = Decoder(latent_channels, image_channels, channels, layers, groups)
        self.quant_conv = nn.Conv2d(2 * latent_channels, 2 * latent_channels, 1)
        self.post_quant_conv = nn.Conv2d(latent_channels, latent_channels, 1)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.quant_conv.weight.dtype

    def encode(self, picture: Tensor) -> GaussianLatents:
        """picture (N,C,H,W), H and W multiples of the stride -> the distribution of its latents (N,c,H/s,W/s)."""
        mean, logvar = self.quant_conv(self.encoder(picture)).chunk(2, dim=1)
        return GaussianLatents(mean=mean, logvar=logvar.clamp(*LOGVAR_RANGE))

    def decode(self, latents: Tensor) -> Tensor:
        """latents (N,c,h,w) -> picture (N,C,s h,s w)."""
        return self.decoder(self.post_quant_conv(latents))


class Encoder(nn.Module):
    """(N,C,H,W) -> (N,c,H/s,W/s)."""

    def __init__(self, inputs: int, outputs: int, channels: Sequence[int], layers: int, groups: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(inputs, channels[0], 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for level, width in enumerate(channels):
            before, last = channels[max(level - 1, 0)], level == len(channels) - 1
            self.down_blocks.append(Level(before, width, layers, groups, downsample=not last))
        self.mid_block = Middle(channels[-1], groups)
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], eps=EPSILON)
        self.conv_out = nn.Conv2d(channels[-1], outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the picture."""
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    """(N,c,h,w) -> (N,C,s h,s w)."""

    def __init__(self, inputs: int, outputs: int, channels: Sequence[int], layers: int, groups: int) -> None:
        super().__init__()
        widths = list(reversed(channels))
        self.conv_in = nn.Conv2d(inputs, widths[0], 3, padding=1)
        self.mid_block = Middle(widths[0], groups)
        self.up_blocks = nn.ModuleList()
        for level, width in enumerate(widths):
            before, last = widths[max(level - 1, 0)], level == len(widths) - 1
            self.up_blocks.append(Level(before, width, layers + 1, groups, upsample=not last))
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=EPSILON)
        self.conv_out = nn.Conv2d(widths[-1], outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """The picture."""
        x = self.mid_block(self.conv_in(x))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Level(nn.Module):
    """Residual blocks of one resolution, then perhaps half or twice the size."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        layers: int,
        groups: int,
        *,
        downsample: bool = False,
        upsample: bool = False,
    ) -> None:
        super().__init__()
        widths = [inputs] + [outputs] * layers
        self.resnets = nn.ModuleList(ResidualBlock(widths[i], outputs, groups) for i in range(layers))
        self.downsamplers = nn.ModuleList([Downsample(outputs)] if downsample else [])
        self.upsamplers = nn.ModuleList([Upsample(outputs)] if upsample else [])

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C',h',w')."""
        for block in [*self.resnets, *self.downsamplers, *self.upsamplers]:
            x = block(x)
        return x


class Middle(nn.Module):
    """Residual block, attention over all places, residual block."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(ResidualBlock(channels, channels, groups) for _ in range(2))
        self.attentions = nn.ModuleList([SpatialAttention(channels, groups)])

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C,h,w)."""
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice, added to the input."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=EPSILON)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=EPSILON)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        if inputs != outputs:
            self.conv_shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C',h,w)."""
        change = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return change + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class SpatialAttention(nn.Module):
    """One head over all places of a picture, added to the input."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels, eps=EPSILON)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C,h,w)."""
        tokens = self.group_norm(x).flatten(2).transpose(1, 2)[:, None]
        mixed = F.scaled_dot_product_attention(self.to_q(tokens), self.to_k(tokens), self.to_v(tokens))
        return x + self.to_out[0](mixed[:, 0]).transpose(1, 2).reshape(x.shape)


class Downsample(nn.Module):
    """Half the size by a convolution with stride 2, padded on the right and below alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C,h/2,w/2)."""
        return self.conv(F.pad(x, (0, 1, 0, 1)))


def rename_old_attention(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of an autoencoder with today's names of the middle attention (`query` -> `to_q` and so on).

    Old files that hold its four products as 1 x 1 convolutions are read, too; today's names stay as they are.
    """
    renamed = {}
    for key, value in state.items():
        parts = key.split(".")
        if "attentions" in parts and parts[-2] in OLD_ATTENTION_NAMES:
            parts[-2] = OLD_ATTENTION_NAMES[parts[-2]]
            value = value.flatten(1) if value.ndim == 4 else value
        renamed[".".join(parts)] = value
    return renamed
