"""The ControlNet that puts sparse tracks into stage 1 (Motion-I2V, Sec. 3.4; Zhang et al., ICCV 2023)."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.contracting import ContractingPath, as_frames
from sparsevision.methods.motion_i2v.unet import STAGE1_CHANNELS, Residuals, UNetMotion3D
from sparsevision.utils import UserError

CONDITION_CHANNELS = 5  # four of flow latents, one of the mask
STEM_CHANNELS = 512


class FrameConv(nn.Conv3d):
    """A 3 x 3 convolution of each frame, stored as one over time of length 1. (N,C,h,w) -> (N,C',h,w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel_size=(1, 3, 3), padding=(0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C',h,w)."""
        return F.conv2d(x, self.weight.squeeze(2), self.bias, padding=1)


class ConditionStem(nn.Module):
    """The sparse flow and its mask as features; starts at zero."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(FrameConv(inputs, width), nn.SiLU(), FrameConv(width, outputs))
        zero_(self.layers[2])

    def forward(self, condition: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C',h,w)."""
        return self.layers(condition)


class TrajectoryControlNet(ContractingPath):
    """A copy of the UNet's way down and middle that also sees sparse flow, and adds to the UNet's features.

    Every output passes a convolution that starts at zero, so that training starts at the UNet alone.

    Args:
        in_channels: of the UNet's sample.
        architecture: that of the UNet.
        stride_embedding: that of the UNet.
        reference_timestep: that of the UNet.
        condition_channels: of the condition; 5 are four channels of flow latents (not scaled) and the mask.
        stem_channels: width of the layer between condition and features.
        gradient_checkpointing: compute activations again in the backward pass.
    """

    def __init__(
        self,
        *,
        in_channels: int = STAGE1_CHANNELS,
        architecture: Architecture | None = None,
        stride_embedding: bool = True,
        reference_timestep: int | None = None,
        condition_channels: int = CONDITION_CHANNELS,
        stem_channels: int = STEM_CHANNELS,
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
        self.condition_channels = condition_channels
        widths = self.feature_channels()
        self.controlnet_cond_embedding = ConditionStem(condition_channels, stem_channels, widths[0])
        self.controlnet_down_blocks = nn.ModuleList(zero_(nn.Conv2d(width, width, 1)) for width in widths)
        self.controlnet_mid_block = zero_(nn.Conv2d(widths[-1], widths[-1], 1))

    @classmethod
    def from_unet(cls, unet: UNetMotion3D, **options) -> Self:
        """A ControlNet beside that UNet, with its weights. `options`: condition_channels, stem_channels, ..."""
        network = cls(
            in_channels=unet.in_channels,
            architecture=unet.architecture,
            stride_embedding=unet.stride_embedding is not None,
            reference_timestep=unet.reference_timestep,
            **options,
        )
        own = network.state_dict()
        network.load_state_dict(own | {name: value for name, value in unet.state_dict().items() if name in own})
        return network

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | int,
        text: Tensor | None = None,
        *,
        condition: Tensor,
        strides: Tensor | None = None,
        scale: float = 1.0,
    ) -> Residuals:
        """What to add to the UNet's features.

        Args:
            sample: (B,in_channels,F,h,w), as the UNet gets it, as are timestep, text and strides.
            condition: (B,condition_channels,F,h,w).
            scale: factor of all residuals.

        Raises:
            UserError: as of the UNet, and where the condition does not fit the sample.
        """
        conditions = self.conditions(sample, timestep, text, strides, None)
        expected = (sample.shape[0], self.condition_channels, *sample.shape[2:])
        if tuple(condition.shape) != expected:
            raise UserError(
                f"TrajectoryControlNet: condition has shape {tuple(condition.shape)}; expected {expected}, the sparse "
                "flow's latents and the mask at each frame."
            )
        x = self.conv_in(as_frames(sample)) + self.controlnet_cond_embedding(as_frames(condition))
        features, middle = self.contract(x, conditions)
        down = [conv(feature) * scale for conv, feature in zip(self.controlnet_down_blocks, features, strict=True)]
        return Residuals(down, self.controlnet_mid_block(middle) * scale)


@torch.no_grad()
def zero_(layer: nn.Module) -> nn.Module:
    """The layer, with weight and bias of zero."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
