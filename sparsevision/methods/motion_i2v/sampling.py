"""What both stages share in sampling: DDIM around a network, and guidance by text and by motion apart.

A network is any callable `network(sample, t, text, motion)`: sample (B,C,F,h,w), t (B,) times, text (B,L,D) or None,
motion whatever the stage steers with; it answers (B,c,F,h,w). So the samplers are tested without the real one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparsevision.methods.motion_i2v.schedule import NoiseSchedule, clip_noise
from sparsevision.utils import UserError

Network = Callable[[Tensor, Tensor, Tensor | None, Any], Tensor]
OnStep = Callable[[int, int, Tensor], None]


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How far beyond the plain prediction the sampler goes; 1 does not.

    Args:
        text: 7 in the published demo, which asks the network with motion in both branches.
        motion: stronger (> 1) or weaker (< 1) than the motion was given; a third branch, and training that sometimes
            drops the motion, are needed for another value than 1.
    """

    text: float = 7.0
    motion: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What the network is told, and what it is told in the branches that guidance leads away from.

    Args:
        text: (B,L,D), None for a network without text.
        empty_text: (B,L,D), of no words or of a negative prompt.
        motion: whatever the stage steers with, None for nothing.
        no_motion: the same for a clip that is not steered.
    """

    text: Tensor | None = None
    empty_text: Tensor | None = None
    motion: Any = None
    no_motion: Any = None


def guided_at_once(network: Network, sample: Tensor, t: Tensor, conditions: Conditions, guidance: Guidance) -> Tensor:
    """As `guided` by text, both branches in one call, that of no words first: as released, for the sake of what
    `MotionFields` mixes in a batch. The motion of `conditions` is that of twice as many clips.

    Raises:
        UserError: guidance without both texts, or by motion.
    """
    if conditions.text is None or conditions.empty_text is None:
        raise UserError("guidance needs text and empty_text, the encoding of no words or of a negative prompt.")
    if guidance.motion != 1:
        raise UserError("branches in one call, as released, are guided by text alone; leave guidance.motion at 1.")
    texts = torch.cat([conditions.empty_text, conditions.text])
    base, full = network(torch.cat([sample, sample]), torch.cat([t, t]), texts, conditions.motion).chunk(2)
    return base + guidance.text * (full - base)


def guided(network: Network, sample: Tensor, t: Tensor, conditions: Conditions, guidance: Guidance) -> Tensor:
    """e(0,0) + w_motion (e(0,m) - e(0,0)) + w_text (e(text,m) - e(0,m)), with as few calls as the weights allow.

    Raises:
        UserError: guidance by text without an empty text, or by motion without motion.
    """
    by_motion = guidance.motion != 1
    wordless = conditions.text is None
    full = network(sample, t, conditions.text, conditions.motion)
    if not by_motion and (wordless or guidance.text == 1):
        return full
    if not wordless and conditions.empty_text is None:
        raise UserError("guidance needs empty_text, the encoding of no words or of a negative prompt.")
    if by_motion and conditions.motion is None:
        raise UserError("guidance by motion needs motion; give tracks, or leave its weight at 1.")
    empty_text = None if wordless else conditions.empty_text
    base = full if wordless else network(sample, t, empty_text, conditions.motion)
    answer = base + guidance.text * (full - base)
    if by_motion:
        answer = answer + (guidance.motion - 1) * (base - network(sample, t, empty_text, conditions.no_motion))
    return answer


def denoise(
    predict: Callable[[Tensor, Tensor], Tensor],
    latents: Tensor,
    *,
    schedule: NoiseSchedule,
    steps: int,
    eta: float = 0.0,
    generators: Sequence[torch.Generator] | None = None,
    after_step: Callable[[Tensor, int | None], Tensor] | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Run DDIM from noise to clean latents (B,c,F,h,w).

    Args:
        predict: (latents, t (B,)) -> the network's answer.
        latents: noise (B,c,F,h,w).
        schedule: times and steps.
        steps: of DDIM.
        eta: 0 is deterministic; above it each clip's generator is drawn from at every step.
        generators: one a clip, for eta above 0.
        after_step: (latents, their time or None at the end) -> latents.
        on_step: told (steps done, steps, latents) after each step; an exception from it stops the sampling.

    Raises:
        UserError: an impossible number of steps, eta above 0 without a generator for each clip.
    """
    if eta and (generators is None or len(generators) != len(latents)):
        raise UserError(f"eta={eta} draws noise at each step; give one generator for each of the {len(latents)} clips.")
    times = schedule.timesteps(steps)
    for index, (now, earlier) in enumerate(zip(times, [*times[1:], None], strict=True)):
        output = predict(latents, torch.full((len(latents),), now, device=latents.device))
        fresh = clip_noise(latents.shape[1:], generators).to(latents) if eta else None
        latents = schedule.step(output, latents, now, earlier, eta=eta, noise=fresh)
        if after_step is not None:
            latents = after_step(latents, earlier)
        if on_step is not None:
            on_step(index + 1, steps, latents)
    return latents
