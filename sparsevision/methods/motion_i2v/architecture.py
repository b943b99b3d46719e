"""Widths, levels and layers of the video network, the same for a UNet and for the ControlNet beside it."""

from dataclasses import dataclass

from sparsevision.methods.motion_i2v.attention import TemporalAttention
from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The released networks by default: Stable Diffusion 1.5 with AnimateDiff's motion modules.

    Attributes:
        channels: of each level, the finest first; each level halves the size.
        layers: residual blocks a level on the way down; one more on the way up.
        attention_levels: which levels look over all places of a frame, and at the text.
        mid_attention: whether the middle does.
        text_channels: D of the text's tokens; None for a network without text.
        spatial_heads: of attention over places.
        motion_modules: whether there are motion modules; without them every frame is denoised for itself.
        temporal_heads: of attention over time.
        temporal_attention: its class: `TemporalAttention`, `MotionAugmentedAttention` or `WarpedSumAttention`.
        temporal_attentions: how many a motion module has.
        max_positions: the longest sequence over time, warped tokens included.
        norm_groups: of all group norms.

    Raises:
        UserError: numbers that do not fit each other.
    """

    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    layers: int = 2
    attention_levels: tuple[bool, ...] = (True, True, True, False)
    mid_attention: bool = True
    text_channels: int | None = 768
    spatial_heads: int = 8
    motion_modules: bool = True
    temporal_heads: int = 8
    temporal_attention: type[TemporalAttention] = TemporalAttention
    temporal_attentions: int = 2
    max_positions: int = 32
    norm_groups: int = 32

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "attention_levels", tuple(self.attention_levels))
        if not self.channels or len(self.channels) != len(self.attention_levels):
            raise UserError(
                f"Architecture: channels={self.channels} and attention_levels={self.attention_levels} must have one "
                "entry for each level."
            )
        for name in ("norm_groups", "spatial_heads", "temporal_heads"):
            if any(width % getattr(self, name) for width in self.channels):
                raise UserError(f"Architecture: {name}={getattr(self, name)} must divide channels={self.channels}.")

    @property
    def stride(self) -> int:
        """Height and width of latents must be multiples of this."""
        return 2 ** (len(self.channels) - 1)

    @property
    def time_channels(self) -> int:
        """Width of the embedding of time."""
        return 4 * self.channels[0]
