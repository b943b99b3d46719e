"""The noise schedule of both stages and the steps of DDIM, in float32 as the released models were trained with.

Sources: Ho et al., Denoising Diffusion Probabilistic Models, NeurIPS 2020; Song et al., Denoising Diffusion Implicit
Models, ICLR 2021, eq. 12 and 16; velocity: Salimans and Ho, Progressive Distillation, ICLR 2022, appendix D.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sparsevision.registry import MODELS
from sparsevision.utils import UserError, did_you_mean

PREDICTIONS = ("epsilon", "velocity", "sample")


@MODELS.register_module()
class NoiseSchedule:
    """x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise, for t = 0 .. steps - 1, with a_t the product of 1 - beta up to t.

    Args:
        beta_start: of the linear betas.
        beta_end: of the linear betas.
        steps: how many times there are in training.
        offset: added to every time that is visited in sampling.
        prediction: what the network answers: "epsilon", the noise (the released models); "velocity",
            sqrt(a_t) noise - sqrt(1 - a_t) x_0; or "sample", x_0 itself, whose answers hold no noise.

    Attributes:
        alphas_cumprod: (steps,) float32, the share a_t of the signal's power.
        signal: (steps,) float32, sqrt(a_t).
        spread: (steps,) float32, sqrt(1 - a_t).

    Raises:
        UserError: an unknown prediction.
    """

    def __init__(
        self,
        *,
        beta_start: float = 0.00085,
        beta_end: float = 0.012,
        steps: int = 1000,
        offset: int = 1,
        prediction: str = "epsilon",
    ) -> None:
        if prediction not in PREDICTIONS:
            raise UserError(
                f"prediction='{prediction}': a network predicts epsilon, velocity or sample."
                f"{did_you_mean(prediction, PREDICTIONS)}"
            )
        betas = torch.linspace(beta_start, beta_end, steps, dtype=torch.float32, device="cpu")
        self.alphas_cumprod = torch.cumprod(1 - betas, dim=0)
        self.signal, self.spread = _root(self.alphas_cumprod), _root(1 - self.alphas_cumprod)
        self.steps = steps
        self.offset = offset
        self.prediction = prediction

    def timesteps(self, count: int) -> list[int]:
        """The times that `count` steps of DDIM visit, from noise to clean: 961, 921, ..., 41, 1 for 25.

        Raises:
            UserError: not a whole number from 1 to the number of training steps.
        """
        if not isinstance(count, int) or not 1 <= count <= self.steps:
            raise UserError(f"steps: expected a whole number of DDIM steps from 1 to {self.steps}, got {count}.")
        times = [index * (self.steps // count) + self.offset for index in reversed(range(count))]
        return [min(time, self.steps - 1) for time in times]

    def add_noise(self, clean: Tensor, noise: Tensor, t: int | Tensor) -> Tensor:
        """clean and noise (B, ...); t one time, or (B,); returns x_t (B, ...)."""
        signal, spread = self._shares(t, clean)
        return signal * clean + spread * noise

    def target(self, clean: Tensor, noise: Tensor, t: int | Tensor) -> Tensor:
        """What the network should answer to x_t, the regression target of training; shapes as in `add_noise`."""
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "sample":
            return clean
        signal, spread = self._shares(t, clean)
        return signal * noise - spread * clean

    def split(self, output: Tensor, noised: Tensor, t: int | Tensor) -> tuple[Tensor, Tensor]:
        """The clean part and the noise (B, ...) that a network's answer sees in x_t."""
        signal, spread = self._shares(t, noised)
        if self.prediction == "epsilon":
            return (noised - spread * output) / signal, output
        if self.prediction == "sample":
            return output, (noised - signal * output) / spread
        return signal * noised - spread * output, signal * output + spread * noised

    def step(
        self,
        output: Tensor,
        noised: Tensor,
        t: int,
        earlier: int | None,
        *,
        eta: float = 0.0,
        noise: Tensor | None = None,
    ) -> Tensor:
        """One step of DDIM, from time t to an earlier one (eq. 12 of Song et al.).

        Args:
            output: the network's answer (B, ...).
            noised: x_t (B, ...).
            t: the time of x_t.
            earlier: the time to go to; None for the clean end.
            eta: 0 for the deterministic way, 1 for that of DDPM.
            noise: (B, ...) standard normal, needed when eta is above 0.

        Raises:
            UserError: eta above 0 without noise.
        """
        clean, direction = self.split(output, noised, t)
        signal, spread = self._shares(earlier, noised)
        if eta == 0:
            return signal * clean + spread * direction
        if noise is None:
            raise UserError(f"eta={eta} puts fresh noise into each step; give noise, or eta=0.")
        here, there = self.alphas_cumprod[t].item(), 1.0 if earlier is None else self.alphas_cumprod[earlier].item()
        fresh = eta * math.sqrt((1 - there) / (1 - here) * (1 - here / there))  # eq. 16
        return signal * clean + math.sqrt(1 - there - fresh**2) * direction + fresh * noise

    def _shares(self, t: int | Tensor | None, like: Tensor) -> tuple[float, float] | tuple[Tensor, Tensor]:
        """sqrt(a_t) and sqrt(1 - a_t), ready to be multiplied with `like`; None is the clean end."""
        if t is None:
            return 1.0, 0.0
        if not isinstance(t, Tensor):
            return self.signal[t].item(), self.spread[t].item()
        shares = (table[t.cpu()].view(-1, *[1] * (like.ndim - 1)) for table in (self.signal, self.spread))
        signal, spread = (share.to(device=like.device, dtype=like.dtype) for share in shares)
        return signal, spread


def _root(values: Tensor) -> Tensor:
    """Square roots, correctly rounded; torch's own are off by one bit on some processors, which 25 steps magnify."""
    return torch.from_numpy(np.sqrt(values.numpy()))


def clip_noise(
    shape: Sequence[int], generators: Sequence[torch.Generator], *, drawn_channels: int | None = None
) -> Tensor:
    """Standard normal (B, *shape), each clip from its own generator: a batch of two equals two single runs.

    Args:
        shape: of one clip, (C, F, h, w).
        generators: B of them, one a clip.
        drawn_channels: draw so many channels and keep the first C. The released stage 1 draws the 8 input channels of
            its network and keeps 4; only who wants its very numbers needs this.
    """
    channels, *rest = shape
    drawn = channels if drawn_channels is None else drawn_channels
    clips = [torch.randn(drawn, *rest, generator=own, device=own.device)[:channels] for own in generators]
    return torch.stack(clips)


def seeded(seeds: Sequence[int]) -> list[torch.Generator]:
    """One CPU generator a clip."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]
