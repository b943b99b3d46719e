"""Stage 1, sampling: from an image, text and sparse tracks to the dense motion of every frame.

Source: Shi et al., Motion-I2V, section 3.2 and 3.3, with the settings of the released demo.
"""

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sparsevision.methods.motion_i2v.brush import freeze_flow
from sparsevision.methods.motion_i2v.codecs import FlowCodec
from sparsevision.methods.motion_i2v.sampling import Conditions, Guidance, Network, OnStep, denoise, guided
from sparsevision.methods.motion_i2v.schedule import NoiseSchedule
from sparsevision.utils import UserError

PUBLISHED_STEPS = 25
PUBLISHED_STRIDE = 8


def frame_strides(frames: int, *, stride: float = PUBLISHED_STRIDE) -> Tensor:
    """Offsets (F,) of the frames in an imagined source clip, in its frames: 8, 16, ..., 120; larger is more motion."""
    return stride * torch.arange(1, frames + 1, dtype=torch.float32)


@torch.no_grad()
def sample_motion(
    network: Network,
    *,
    image: Tensor,
    noise: Tensor,
    schedule: NoiseSchedule,
    steps: int = PUBLISHED_STEPS,
    text: Tensor | None = None,
    empty_text: Tensor | None = None,
    control: Tensor | None = None,
    guidance: Guidance | None = None,
    eta: float = 0.0,
    generators: Sequence[torch.Generator] | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Flow latents (B,c,F,h,w) of F frames after the image.

    Args:
        network: `network(sample, t, text, control)`; sample (B,C+c,F,h,w) holds the image's latents, then
            the noisy flow.
        image: latents (B,C,h,w) of frame 0, scaled.
        noise: (B,c,F,h,w) standard normal; `clip_noise` draws it so that clips do not depend on their batch.
        schedule: of the noise.
        steps: of DDIM.
        text: (B,L,D), None for a network without text.
        empty_text: (B,L,D) of no words or of a negative prompt, for guidance by text.
        control: (B,c+1,F,h,w), see `FlowCodec.condition`; None leaves the motion to the network.
        guidance: by text and by tracks; as published by default.
        eta: see `denoise`.
        generators: see `denoise`.
        on_step: see `denoise`.

    Raises:
        UserError: tensors of different batches, frames or sizes; see also `guided` and `denoise`.
    """
    clips, _, frames, *size = noise.shape
    if image.ndim != 4 or (len(image), *image.shape[2:]) != (clips, *size):
        raise UserError(f"image: latents have shape {tuple(image.shape)}; the noise {tuple(noise.shape)} does not fit.")
    if control is not None and (len(control), *control.shape[2:]) != (clips, frames, *size):
        raise UserError(
            f"control: shape {tuple(control.shape)} does not fit noise of {clips} clips, {frames} frames and latents "
            f"of {tuple(size)}; rasterise the tracks with frames={frames}."
        )
    repeated = image[:, :, None].expand(-1, -1, frames, -1, -1)
    conditions = Conditions(text=text, empty_text=empty_text, motion=control)
    guidance = guidance or Guidance()

    def predict(latents: Tensor, t: Tensor) -> Tensor:
        return guided(network, torch.cat([repeated, latents], dim=1), t, conditions, guidance)

    options = {"eta": eta, "generators": generators, "on_step": on_step}
    return denoise(predict, noise, schedule=schedule, steps=steps, **options)


@torch.no_grad()
def decode_motion(latents: Tensor, codec: FlowCodec, *, brush: ArrayLike | None = None) -> Tensor:
    """Flow (B,F,2,H,W) in pixels of flow latents (B,c,F,h,w); exactly zero where a brush freezes, see `clip_brush`."""
    flow = codec.decode(latents)
    return flow if brush is None else freeze_flow(flow, brush)
