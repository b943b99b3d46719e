"""Building blocks of the video UNet: residual blocks, attention over places, levels down and up.

Frames are rows of the batch: features are (B*F,C,h,w), frame after frame, clip after clip. So convolutions work on each
frame, and a group norm takes the statistics of one frame. Source of the layout: Rombach et al., CVPR 2022, Sec. 3.3.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.attention import Attention
from sparsevision.methods.motion_i2v.motion_fields import MotionFields
from sparsevision.methods.motion_i2v.motion_modules import FeedForward, MotionModule

RESIDUAL_EPSILON = 1e-5
TRANSFORMER_EPSILON = 1e-6


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What every layer of one forward pass is told.

    Attributes:
        time: (B*F,E) embedding of each frame's time, activated.
        text: (B,L,D) or None.
        frames: F.
        fields: displacement fields, for temporal attention that follows motion.
        recompute: keep no activations inside a layer, compute them again in the backward pass.
    """

    time: Tensor
    text: Tensor | None
    frames: int
    fields: MotionFields | None
    recompute: bool

    def run(self, layer: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """The layer's output, by gradient checkpointing where that is wanted."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(layer, *inputs, self, use_reentrant=False)
        return layer(*inputs, self)


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice, with the embedding of time added in between."""

    def __init__(self, inputs: int, outputs: int, architecture: Architecture) -> None:
        super().__init__()
        groups = architecture.norm_groups
        self.norm1 = nn.GroupNorm(groups, inputs, eps=RESIDUAL_EPSILON)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time_emb_proj = nn.Linear(architecture.time_channels, outputs)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=RESIDUAL_EPSILON)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x (N,C,h,w), time (N,E) -> (N,C',h,w)."""
        change = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(time)[:, :, None, None]
        change = self.conv2(F.silu(self.norm2(change)))
        return change + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class SpatialBlock(nn.Module):
    """Attention over the places of a frame, then to the text, then a feed-forward."""

    def __init__(self, channels: int, architecture: Architecture) -> None:
        super().__init__()
        heads, text = architecture.spatial_heads, architecture.text_channels
        self.attn1, self.norm1 = Attention(channels, heads=heads), nn.LayerNorm(channels)
        if text is not None:
            self.attn2 = Attention(channels, heads=heads, context_channels=text)
            self.norm2 = nn.LayerNorm(channels)
        self.ff, self.norm3 = FeedForward(channels), nn.LayerNorm(channels)

    def forward(self, tokens: Tensor, text: Tensor | None) -> Tensor:
        """tokens (B*F,P,C); text (B,L,D), the same for all frames of a clip. Returns (B*F,P,C)."""
        tokens = tokens + self.attn1(self.norm1(tokens))
        if text is not None:
            queries = self.norm2(tokens).reshape(len(text), -1, tokens.shape[2])  # all frames of a clip ask at once
            tokens = tokens + self.attn2(queries, text).view_as(tokens)
        return tokens + self.ff(self.norm3(tokens))


class SpatialTransformer(nn.Module):
    """Group norm, projection, a block over places, projection; added to the input."""

    def __init__(self, channels: int, architecture: Architecture) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(architecture.norm_groups, channels, eps=TRANSFORMER_EPSILON)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([SpatialBlock(channels, architecture)])
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, text: Tensor | None) -> Tensor:
        """x (B*F,C,h,w); text (B,L,D) -> the shape of x."""
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, text)
        return x + self.proj_out(tokens.transpose(1, 2).reshape(x.shape))


class Level(nn.Module):
    """Layers of one resolution: residual block, attention over places where the level has it, motion module."""

    def __init__(self, widths: list[tuple[int, int]], architecture: Architecture, *, attention: bool) -> None:
        super().__init__()
        outputs = [output for _, output in widths]
        self.resnets = nn.ModuleList(ResidualBlock(*pair, architecture) for pair in widths)
        self.attentions = nn.ModuleList(SpatialTransformer(c, architecture) for c in outputs if attention)
        self.motion_modules = nn.ModuleList(
            MotionModule(c, architecture) for c in outputs if architecture.motion_modules
        )

    def layer(self, index: int) -> Callable[[Tensor, Conditions], Tensor]:
        """The layer of that index as a function of features and conditions."""

        def run(x: Tensor, conditions: Conditions) -> Tensor:
            x = self.resnets[index](x, conditions.time)
            if self.attentions:
                x = self.attentions[index](x, conditions.text)
            if self.motion_modules:
                x = self.motion_modules[index](x, conditions.frames, conditions.fields)
            return x

        return run


class DownLevel(Level):
    """A level on the way down; half the size at its end unless it is the last."""

    def __init__(self, inputs: int, outputs: int, architecture: Architecture, *, attention: bool, last: bool) -> None:
        widths = [(inputs if layer == 0 else outputs, outputs) for layer in range(architecture.layers)]
        super().__init__(widths, architecture, attention=attention)
        self.downsamplers = nn.ModuleList([] if last else [Downsample(outputs)])

    def forward(self, x: Tensor, conditions: Conditions) -> list[Tensor]:
        """x (N,C,h,w) -> features after each layer and after the downsampling, the last one to go on with."""
        features = []
        for index in range(len(self.resnets)):
            x = conditions.run(self.layer(index), x)
            features.append(x)
        for downsample in self.downsamplers:
            features.append(downsample(features[-1]))
        return features


class UpLevel(Level):
    """A level on the way up, whose layers each also read one feature of the way down; then twice the size.

    Args:
        inputs: channels that come from below.
        skips: channels of what is read, in that order.
        outputs: channels that go up.
    """

    def __init__(
        self, inputs: int, skips: list[int], outputs: int, architecture: Architecture, *, attention: bool, last: bool
    ) -> None:
        before = [inputs] + [outputs] * (len(skips) - 1)
        widths = [(width + skip, outputs) for width, skip in zip(before, skips, strict=True)]
        super().__init__(widths, architecture, attention=attention)
        self.upsamplers = nn.ModuleList([] if last else [Upsample(outputs)])

    def forward(self, x: Tensor, skips: list[Tensor], conditions: Conditions) -> Tensor:
        """x (N,C,h,w); takes what it reads from the end of `skips` -> (N,C',2h,2w), or h, w at the last level."""
        for index in range(len(self.resnets)):
            x = conditions.run(self.layer(index), torch.cat([x, skips.pop()], 1))
        for upsample in self.upsamplers:
            x = upsample(x)
        return x


class Middle(nn.Module):
    """Residual block, attention over places, motion module, residual block, at the coarsest resolution."""

    def __init__(self, channels: int, architecture: Architecture) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(ResidualBlock(channels, channels, architecture) for _ in range(2))
        attentions = [SpatialTransformer(channels, architecture)] if architecture.mid_attention else []
        self.attentions = nn.ModuleList(attentions)
        modules = [MotionModule(channels, architecture)] if architecture.motion_modules else []
        self.motion_modules = nn.ModuleList(modules)

    def forward(self, x: Tensor, conditions: Conditions) -> Tensor:
        """(N,C,h,w) -> (N,C,h,w)."""
        return conditions.run(self._layers, x)

    def _layers(self, x: Tensor, conditions: Conditions) -> Tensor:
        x = self.resnets[0](x, conditions.time)
        for attention in self.attentions:
            x = attention(x, conditions.text)
        for module in self.motion_modules:
            x = module(x, conditions.frames, conditions.fields)
        return self.resnets[1](x, conditions.time)


class Downsample(nn.Module):
    """Half the size by a convolution with stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C,h/2,w/2)."""
        return self.conv(x)


class Upsample(nn.Module):
    """Twice the size by repetition, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C,2h,2w)."""
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
