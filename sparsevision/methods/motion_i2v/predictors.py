"""The networks of both stages as what the samplers call: `network(sample, t, text, motion)`."""

from torch import Tensor

from sparsevision.methods.motion_i2v.controlnet import TrajectoryControlNet
from sparsevision.methods.motion_i2v.motion_fields import MotionFields
from sparsevision.methods.motion_i2v.sampling import Network
from sparsevision.methods.motion_i2v.unet import UNetMotion3D
from sparsevision.utils import UserError


def motion_network(
    unet: UNetMotion3D,
    controlnet: TrajectoryControlNet | None = None,
    *,
    strides: Tensor | None,
    control_scale: float = 1.0,
) -> Network:
    """Stage 1 for `sample_motion`.

    Args:
        unet: of stage 1.
        controlnet: beside it; None when no tracks will be given. It runs only where there are tracks.
        strides: (F,) or (B,F), see `frame_strides`; None for a network without them.
        control_scale: how strongly tracks act.

    Raises:
        UserError: when called with tracks but without a ControlNet.
    """

    def network(sample: Tensor, t: Tensor, text: Tensor | None, condition: Tensor | None) -> Tensor:
        if condition is None:
            return unet(sample, t, text, strides=strides)
        if controlnet is None:
            raise UserError(
                "tracks steer stage 1 through its ControlNet, and there is none; load one, or give no tracks."
            )
        control = controlnet(sample, t, text, condition=condition, strides=strides, scale=control_scale)
        return unet(sample, t, text, strides=strides, control=control)

    return network


def frame_network(unet: UNetMotion3D) -> Network:
    """Stage 2 for `sample_frames`; a UNet whose attention over time takes no motion is given none."""
    follows = unet.architecture.temporal_attention.needs_motion

    def network(latents: Tensor, t: Tensor, text: Tensor | None, fields: MotionFields) -> Tensor:
        return unet(latents, t, text, flow=fields if follows else None)

    return network
