"""The layers over time that turn an image network into one for clips (AnimateDiff, Guo et al., ICLR 2024, Sec. 4.2)."""

from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.motion_fields import MotionFields

NORM_EPSILON = 1e-6


class GEGLU(nn.Module):
    """A linear layer gated by the GELU of another one (Shazeer, 2020)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels) -> (..., width)."""
        value, gate = self.proj(x).chunk(2, -1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """Two layers at each token, four times as wide in between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GEGLU(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        return self.net(x)


class TemporalBlock(nn.Module):
    """Attentions over time, then a feed-forward, each behind a layer norm and added to its input."""

    def __init__(self, channels: int, architecture: Architecture) -> None:
        super().__init__()
        kind, layers = architecture.temporal_attention, range(architecture.temporal_attentions)
        options = {"heads": architecture.temporal_heads, "max_positions": architecture.max_positions}
        self.attention_blocks = nn.ModuleList(kind(channels, **options) for _ in layers)
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in layers)
        self.ff = FeedForward(channels)
        self.ff_norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor, fields: MotionFields | None, size: tuple[int, int]) -> Tensor:
        """tokens (B,P,F,C) -> (B,P,F,C)."""
        for attention, norm in zip(self.attention_blocks, self.norms, strict=True):
            tokens = tokens + attention(norm(tokens), fields, size)
        return tokens + self.ff(self.ff_norm(tokens))


class TemporalTransformer(nn.Module):
    """Group norm, projection, blocks over time, a projection that starts at zero; added to the input."""

    def __init__(self, channels: int, architecture: Architecture) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(architecture.norm_groups, channels, eps=NORM_EPSILON)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(channels, architecture)])
        self.proj_out = nn.Linear(channels, channels)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: Tensor, frames: int, fields: MotionFields | None) -> Tensor:
        """x (B*F,C,h,w), frame after frame; statistics of the norm are those of a frame. Returns the same shape."""
        tokens = self.norm(x).unflatten(0, (-1, frames)).flatten(3).permute(0, 3, 1, 2)  # (B,P,F,C)
        tokens = self.proj_in(tokens)
        for block in self.transformer_blocks:
            tokens = block(tokens, fields, tuple(x.shape[2:]))
        change = self.proj_out(tokens).permute(0, 2, 3, 1)
        return x + change.reshape(x.shape)


class MotionModule(nn.Module):
    """The temporal transformer under its released name."""

    def __init__(self, channels: int, architecture: Architecture) -> None:
        super().__init__()
        self.temporal_transformer = TemporalTransformer(channels, architecture)

    def forward(self, x: Tensor, frames: int, fields: MotionFields | None) -> Tensor:
        """x (B*F,C,h,w) -> the same shape."""
        return self.temporal_transformer(x, frames, fields)
