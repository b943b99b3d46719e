"""The half of the video network that UNet and ControlNet share: time, stride, the way down, the middle."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.blocks import Conditions, DownLevel, Middle
from sparsevision.methods.motion_i2v.motion_fields import MotionFields
from sparsevision.utils import UserError

MAX_PERIOD = 10000.0


class TimeMLP(nn.Module):
    """Two layers over sines and cosines of a number."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(inputs, outputs)
        self.linear_2 = nn.Linear(outputs, outputs)

    def forward(self, numbers: Tensor) -> Tensor:
        """numbers (N,) -> (N,outputs), in the layer's dtype."""
        waves = sinusoids(numbers, self.linear_1.in_features).to(self.linear_1.weight.dtype)
        return self.linear_2(F.silu(self.linear_1(waves)))


def sinusoids(numbers: Tensor, channels: int) -> Tensor:
    """numbers (N,) -> (N,channels) float32: cosines, then sines, of falling frequency (Ho et al., NeurIPS 2020)."""
    half = channels // 2
    frequency = torch.exp(-math.log(MAX_PERIOD) / half * torch.arange(half, device=numbers.device))
    angle = numbers.float()[:, None] * frequency
    return torch.cat([angle.cos(), angle.sin()], 1)


class ContractingPath(nn.Module):
    """Noisy latents with time, stride and text to features of every resolution.

    Args:
        in_channels: of the latents; 8 in stage 1 (image, then noisy flow), 4 in stage 2.
        architecture: widths and layers.
        stride_embedding: each frame is told how far in the source clip it is from the first one (stage 1).
        reference_timestep: the time that frame 0 is told instead of that of the noise; None for that of all (stage 1).
        gradient_checkpointing: a layer's activations are computed again in the backward pass: less memory, more time.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        architecture: Architecture,
        stride_embedding: bool,
        reference_timestep: int | None,
        gradient_checkpointing: bool,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.architecture = architecture
        self.reference_timestep = reference_timestep
        self.gradient_checkpointing = gradient_checkpointing
        widths, time = architecture.channels, architecture.time_channels
        self.conv_in = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        self.time_embedding = TimeMLP(widths[0], time)
        self.stride_embedding = TimeMLP(widths[0], time) if stride_embedding else None
        self.down_blocks = nn.ModuleList(
            DownLevel(before, width, architecture, attention=attention, last=level == len(widths) - 1)
            for level, (before, width, attention) in enumerate(
                zip((widths[0], *widths), widths, architecture.attention_levels, strict=False)
            )
        )
        self.mid_block = Middle(widths[-1], architecture)

    def conditions(
        self,
        sample: Tensor,
        timestep: Tensor | int,
        text: Tensor | None,
        strides: Tensor | None,
        fields: MotionFields | None,
    ) -> Conditions:
        """What the layers are told. Raises UserError where something does not fit; see `UNetMotion3D.forward`."""
        self._check(sample, text, strides, fields)
        clips, frames = sample.shape[0], sample.shape[2]
        times = torch.as_tensor(timestep, device=sample.device).expand(clips)[:, None].repeat(1, frames)
        if self.reference_timestep is not None:
            times[:, 0] = self.reference_timestep
        embedding = self.time_embedding(times.flatten())
        if self.stride_embedding is not None:
            embedding = embedding + self.stride_embedding(strides.expand(clips, frames).flatten())
        return Conditions(
            time=F.silu(embedding),
            text=text,
            frames=frames,
            fields=fields,
            recompute=self.gradient_checkpointing and self.training,
        )

    def contract(self, x: Tensor, conditions: Conditions) -> tuple[list[Tensor], Tensor]:
        """Features x (N,C,h,w) after conv_in -> those of the way down, the first of which is x, and of the middle."""
        features = [x]
        for level in self.down_blocks:
            features += level(features[-1], conditions)
        return features, self.mid_block(features[-1], conditions)

    def feature_channels(self) -> list[int]:
        """Channels of the features of the way down, in their order."""
        widths = self.architecture.channels
        per_level = self.architecture.layers + 1  # the last one is downsampled, but for the coarsest level
        return [widths[0], *(width for width in widths for _ in range(per_level))][:-1]

    def _check(self, sample: Tensor, text: Tensor | None, strides: Tensor | None, fields: MotionFields | None) -> None:
        name, architecture = type(self).__name__, self.architecture
        if sample.ndim != 5 or sample.shape[1] != self.in_channels:
            raise UserError(
                f"{name}: sample has shape {tuple(sample.shape)}; expected (B,{self.in_channels},F,h,w). Stage 1 takes "
                "8 channels (image latents, then noisy flow latents), stage 2 takes 4."
            )
        clips, _, frames, height, width = sample.shape
        if height % architecture.stride or width % architecture.stride:
            raise UserError(f"{name}: latents of {height} x {width}; expected multiples of {architecture.stride}.")
        needed = architecture.temporal_attention.positions_for(frames)
        if needed > architecture.max_positions:
            raise UserError(
                f"{name}: {frames} frames are {needed} tokens in time; max_positions={architecture.max_positions}."
            )
        given = None if text is None else (text.ndim, text.shape[0], text.shape[-1])
        expected = None if architecture.text_channels is None else (3, clips, architecture.text_channels)
        if given != expected:
            found = "none" if text is None else f"shape {tuple(text.shape)}"
            wanted = "none" if expected is None else f"({clips},L,{architecture.text_channels})"
            raise UserError(f"{name}: text has {found}; expected {wanted}.")
        self._check_motion(name, clips, frames, strides, fields)

    def _check_motion(
        self, name: str, clips: int, frames: int, strides: Tensor | None, fields: MotionFields | None
    ) -> None:
        if (strides is not None) != (self.stride_embedding is not None):
            raise UserError(
                f"{name}: strides are {'missing' if strides is None else 'given'}; a network with stride_embedding "
                "(stage 1) takes (F,) or (B,F), another one none."
            )
        if strides is not None and (strides.shape[-1] != frames or strides.ndim > 2):
            raise UserError(
                f"{name}: strides have shape {tuple(strides.shape)}; expected ({frames},) or ({clips},{frames})."
            )
        if (fields is not None) != self.architecture.temporal_attention.needs_motion:
            raise UserError(
                f"{name}: flow is {'missing' if fields is None else 'given'}; "
                f"{self.architecture.temporal_attention.__name__} {'needs' if fields is None else 'takes no'} flow."
            )
        if fields is not None and (fields.clips, fields.frames) != (clips, frames):
            raise UserError(
                f"{name}: flow for {fields.clips} clips of {fields.frames} frames; the sample has {clips} of {frames}. "
                "Field 0, of the first frame itself, counts."
            )


def as_frames(video: Tensor) -> Tensor:
    """(B,C,F,h,w) -> (B*F,C,h,w)."""
    return video.transpose(1, 2).flatten(0, 1)


def as_video(frames: Tensor, clips: int) -> Tensor:
    """(B*F,C,h,w) -> (B,C,F,h,w)."""
    return frames.unflatten(0, (clips, -1)).transpose(1, 2)
