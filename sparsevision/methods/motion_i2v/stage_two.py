"""Stage 2, sampling: the frames of a clip from its first frame and the motion of every other.

Source: Shi et al., Motion-I2V, section 3.2, with the settings of the released demo. Given the flow of another clip and
a restyled first frame it is their video-to-video translation (section 4.3).
"""

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sparsevision.methods.motion_i2v.brush import clip_brush, latent_brush
from sparsevision.methods.motion_i2v.motion_fields import MotionFields
from sparsevision.methods.motion_i2v.sampling import (
    Conditions,
    Guidance,
    Network,
    OnStep,
    denoise,
    guided,
    guided_at_once,
)
from sparsevision.methods.motion_i2v.schedule import NoiseSchedule
from sparsevision.methods.motion_i2v.stage_one import PUBLISHED_STEPS
from sparsevision.utils import UserError


@torch.no_grad()
def sample_frames(
    network: Network,
    *,
    reference: Tensor,
    noise: Tensor,
    flow: Tensor,
    schedule: NoiseSchedule,
    steps: int = PUBLISHED_STEPS,
    text: Tensor | None = None,
    empty_text: Tensor | None = None,
    guidance: Guidance | None = None,
    brush: ArrayLike | None = None,
    exact_freezing: bool = False,
    legacy_batch_mixing: bool = False,
    eta: float = 0.0,
    generators: Sequence[torch.Generator] | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Picture latents (B,c,1+F,h,w) of a clip; frame 0 is the reference itself.

    Args:
        network: `network(latents, t, text, motion)` with motion as `MotionFields`, prepared once for all steps.
        reference: latents (B,c,h,w) of frame 0, scaled. It is put back, clean, before each call of the network.
        noise: (B,c,1+F,h,w) standard normal, see `clip_noise`.
        flow: (B,F,2,H,W) in pixels from frame 0 to frames 1 .. F, as `decode_motion` gives it.
        schedule: of the noise.
        steps: of DDIM.
        text: (B,L,D), None for a network without text.
        empty_text: (B,L,D) of no words or of a negative prompt, for guidance by text.
        guidance: by text and by motion, led away from a clip at rest; as published by default.
        brush: (H, W) or (B, H, W), 1 = frozen: its latents are the noised reference after every step but the last.
        exact_freezing: the published code leaves the brush out before the first step and after the last, so that frozen
            parts drift a little; true freezes there, too. Follow it with `paste_frozen` on the decoded pixels.
        legacy_batch_mixing: see `MotionFields`; with guidance by text, both branches are one batch then, as released.
        eta, generators, on_step: see `denoise`.

    Raises:
        UserError: tensors of different batches, frames or sizes, a brush of another size; see also `guided`, `denoise`.
    """
    _check_shapes(reference, noise, flow)
    still = reference[:, :, None].expand_as(noise)
    frozen = None if brush is None else _frozen_cells(brush, noise, tuple(flow.shape[-2:]))
    guidance = guidance or Guidance()
    at_once = legacy_batch_mixing and text is not None and guidance.text != 1
    motion, no_motion = _fields(flow, guidance, twice=at_once, legacy_batch_mixing=legacy_batch_mixing)
    conditions = Conditions(text=text, empty_text=empty_text, motion=motion, no_motion=no_motion)

    def keep(latents: Tensor, t: int | None) -> Tensor:
        if frozen is not None and (t is not None or exact_freezing):
            noised = still if t is None else schedule.add_noise(still, noise, t)
            latents = torch.where(frozen, noised, latents)
        return torch.cat([reference[:, :, None], latents[:, :, 1:]], dim=2)

    def predict(latents: Tensor, t: Tensor) -> Tensor:
        return (guided_at_once if at_once else guided)(network, latents, t, conditions, guidance)

    start = keep(noise, schedule.timesteps(steps)[0] if exact_freezing else None)
    options = {"eta": eta, "generators": generators, "after_step": keep, "on_step": on_step, "steps": steps}
    return denoise(predict, start, schedule=schedule, **options)


def with_reference_field(flow: Tensor) -> Tensor:
    """flow (B,F,2,H,W) of frames 1 .. F -> (B,1+F,2,H,W) with a zero field for frame 0."""
    return torch.cat([torch.zeros_like(flow[:, :1]), flow], dim=1)


def _fields(
    flow: Tensor, guidance: Guidance, *, twice: bool, legacy_batch_mixing: bool
) -> tuple[MotionFields, MotionFields | None]:
    """The motion (twice for two branches in one batch), and that of a clip at rest if guidance leads away from it."""
    fields = with_reference_field(flow)
    moving = MotionFields(torch.cat([fields, fields]) if twice else fields, legacy_batch_mixing=legacy_batch_mixing)
    return moving, MotionFields(torch.zeros_like(fields)) if guidance.motion != 1 else None


def _frozen_cells(brush: ArrayLike, noise: Tensor, size: tuple[int, int]) -> Tensor:
    frozen = clip_brush(brush, clips=len(noise), size=size)
    return latent_brush(frozen, size=tuple(noise.shape[-2:])).to(noise.device)


def _check_shapes(reference: Tensor, noise: Tensor, flow: Tensor) -> None:
    clips, channels, frames, *size = noise.shape
    if tuple(reference.shape) != (clips, channels, *size):
        raise UserError(
            f"reference: latents have shape {tuple(reference.shape)}; this noise needs {(clips, channels, *size)}."
        )
    if flow.ndim != 5 or flow.shape[2] != 2 or len(flow) != clips:
        raise UserError(f"flow: shape {tuple(flow.shape)}; expected ({clips},{frames - 1},2,H,W).")
    if flow.shape[1] != frames - 1:
        raise UserError(
            f"flow: {flow.shape[1]} fields; a clip of {frames} frames has {frames - 1}, one for each later frame."
        )
