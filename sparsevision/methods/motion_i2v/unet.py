"""The video UNet of both stages of Motion-I2V (Shi et al., SIGGRAPH 2024), under the released names.

Stage 1 predicts the noise of displacement fields from frame 0, stage 2 that of the frames, led by such fields. Both are
Stable Diffusion 1.5 with motion modules; `stage1_unet` and `stage2_unet` give them in their full size, and a smaller
`Architecture` gives a small one.
"""

from dataclasses import replace
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.attention import MotionAugmentedAttention, TemporalAttention
from sparsevision.methods.motion_i2v.blocks import RESIDUAL_EPSILON, UpLevel
from sparsevision.methods.motion_i2v.contracting import ContractingPath, as_frames, as_video
from sparsevision.methods.motion_i2v.motion_fields import MotionFields
from sparsevision.utils import UserError

STAGE1_CHANNELS, STAGE2_CHANNELS, LATENT_CHANNELS = 8, 4, 4
REFERENCE_TIMESTEP = 1


class Residuals(NamedTuple):
    """What a ControlNet adds: to each feature of the way down, and to the middle; each (B*F,C,h,w)."""

    down: list[Tensor]
    middle: Tensor


class UNetMotion3D(ContractingPath):
    """A denoising network for clips.

    Args:
        in_channels: 8 in stage 1 (image latents first, then noisy flow latents), 4 in stage 2.
        out_channels: of the prediction.
        architecture: widths, levels, layers, and the kind of temporal attention; the released one by default.
        stride_embedding: True in stage 1.
        reference_timestep: 1 in stage 2, whose frame 0 is clean; None in stage 1.
        legacy_batch_mixing: the released warping of a batch, which mixes clips; see `MotionFields`.
        gradient_checkpointing: compute activations again in the backward pass.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int = LATENT_CHANNELS,
        architecture: Architecture | None = None,
        stride_embedding: bool = False,
        reference_timestep: int | None = None,
        legacy_batch_mixing: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        architecture = architecture or Architecture()
        super().__init__(
            in_channels=in_channels,
            architecture=architecture,
            stride_embedding=stride_embedding,
            reference_timestep=reference_timestep,
            gradient_checkpointing=gradient_checkpointing,
        )
        self.out_channels = out_channels
        self.legacy_batch_mixing = legacy_batch_mixing
        self.up_blocks = self._up_levels()
        width = architecture.channels[0]
        self.conv_norm_out = nn.GroupNorm(architecture.norm_groups, width, eps=RESIDUAL_EPSILON)
        self.conv_out = nn.Conv2d(width, out_channels, 3, padding=1)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | int,
        text: Tensor | None = None,
        *,
        strides: Tensor | None = None,
        flow: Tensor | MotionFields | None = None,
        control: Residuals | None = None,
    ) -> Tensor:
        """Predict the noise (or whatever the network was trained to predict).

        Args:
            sample: (B,in_channels,F,h,w).
            timestep: of each clip (B,), or one for all.
            text: (B,L,D), None for a network without text.
            strides: (F,) or (B,F), frames of the source clip between frame 0 and each frame; stage 1.
            flow: (B,F,2,H,W) displacement in pixels from frame 0, field 0 zero; stage 2. In a sampling run, prepare it
                once as `MotionFields` instead.
            control: what a `TrajectoryControlNet` gave.

        Returns:
            (B,out_channels,F,h,w).

        Raises:
            UserError: an input is missing, is not wanted, or has another shape.
        """
        if isinstance(flow, Tensor):
            flow = MotionFields(flow, legacy_batch_mixing=self.legacy_batch_mixing)
        conditions = self.conditions(sample, timestep, text, strides, flow)
        features, x = self.contract(self.conv_in(as_frames(sample)), conditions)
        if control is not None:
            features, x = _controlled(features, x, control)
        for level in self.up_blocks:
            x = level(x, features, conditions)
        return as_video(self.conv_out(F.silu(self.conv_norm_out(x))), len(sample))

    def _up_levels(self) -> nn.ModuleList:
        """From the coarsest level to the finest; each reads the features of the way down from their end."""
        architecture, skips = self.architecture, self.feature_channels()
        below, levels = architecture.channels[-1], nn.ModuleList()
        for index in reversed(range(len(architecture.channels))):
            read = [skips.pop() for _ in range(architecture.layers + 1)]
            width, attention = architecture.channels[index], architecture.attention_levels[index]
            levels.append(UpLevel(below, read, width, architecture, attention=attention, last=index == 0))
            below = width
        return levels


def stage1_unet(*, architecture: Architecture | None = None, **options) -> UNetMotion3D:
    """The network that predicts displacement fields: 8 input channels, strides. `options` as of `UNetMotion3D`."""
    options = {"in_channels": STAGE1_CHANNELS, "stride_embedding": True} | options
    return UNetMotion3D(architecture=architecture, **options)


def stage2_unet(
    *,
    architecture: Architecture | None = None,
    temporal_attention: type[TemporalAttention] = MotionAugmentedAttention,
    **options,
) -> UNetMotion3D:
    """The network that renders frames along displacement fields. `options` as of `UNetMotion3D`.

    `temporal_attention` replaces that of the architecture.
    """
    architecture = replace(architecture or Architecture(), temporal_attention=temporal_attention)
    options = {"in_channels": STAGE2_CHANNELS, "reference_timestep": REFERENCE_TIMESTEP} | options
    return UNetMotion3D(architecture=architecture, **options)


def _controlled(features: list[Tensor], middle: Tensor, control: Residuals) -> tuple[list[Tensor], Tensor]:
    shapes = [tuple(x.shape) for x in (*features, middle)]
    given = [tuple(x.shape) for x in (*control.down, control.middle)]
    if given != shapes:
        raise UserError(f"control: residuals of shapes {given} do not fit features of shapes {shapes}.")
    return [x + residual for x, residual in zip(features, control.down, strict=True)], middle + control.middle
