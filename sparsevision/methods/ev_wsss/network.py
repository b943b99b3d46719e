"""One student of EV-WSSS: a recurrent encoder that reads event grids one by one, and a decoder of its last state.

The encoder is that of E2VID-lightweight (Rebecq et al., CVPR 2019), the decoder that of ESS (Sun et al., ECCV 2022);
EV-WSSS (Cho et al., ECCV 2024, Sec. 3) trains two such students from random weights. Everything is plain torch.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sparsevision.utils import UserError

State = list[tuple[Tensor, Tensor]]  # (h, c) of each stage, finest first
Latents = dict[int, Tensor]  # by down-sampling factor


class ConvLSTMCell(nn.Module):
    """Convolutional LSTM with 3x3 gates in the order input, forget, output, candidate (Shi et al., NeurIPS 2015)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * channels, 4 * channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """x (B,C,H,W); state (h, c) of the same shape, None for zeros. Returns the new (h, c)."""
        hidden, cell = state if state is not None else (torch.zeros_like(x), torch.zeros_like(x))
        write, keep, show, candidate = self.gates(torch.cat([x, hidden], dim=1)).chunk(4, dim=1)
        cell = keep.sigmoid() * cell + write.sigmoid() * candidate.tanh()
        return show.sigmoid() * cell.tanh(), cell


class RecurrentStage(nn.Module):
    """Halve the resolution (5x5 convolution, batch norm, ReLU), then a ConvLSTM."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=5, stride=2, padding=2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.cell = ConvLSTMCell(out_channels)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """x (B,C_in,H,W) -> (h, c), each (B,C_out,H/2,W/2)."""
        return self.cell(F.relu(self.norm(self.conv(x))), state)


class E2VIDRecurrentEncoder(nn.Module):
    """Reads T event grids in the order of time; what it remembers after the last one is the answer.

    In training mode batch norm takes the statistics of each step by itself, as published.

    Args:
        bins: channels of a grid.
        base_channels: width of the full-resolution layer; every stage doubles it.
        num_stages: recurrent stages, each of which halves the resolution.
        checkpoint_steps: do not keep the activations of a step, compute them again in the backward pass: the encoder's
            memory falls to about 1/T, its time grows by a third, results are the same.
        truncate_after: gradients flow back through at most this many of the last steps; None: through all.

    Raises:
        UserError: truncate_after is below 1.
    """

    def __init__(
        self,
        *,
        bins: int = 5,
        base_channels: int = 32,
        num_stages: int = 3,
        checkpoint_steps: bool = False,
        truncate_after: int | None = None,
    ) -> None:
        super().__init__()
        if truncate_after is not None and truncate_after < 1:
            raise UserError(f"truncate_after={truncate_after}; expected a number of steps from 1 on, or None for all.")
        self.bins = bins
        self.checkpoint_steps = checkpoint_steps
        self.truncate_after = truncate_after
        self.head = nn.Conv2d(bins, base_channels, kernel_size=5, padding=2)
        widths = [base_channels * 2**stage for stage in range(num_stages + 1)]
        self.stages = nn.ModuleList(RecurrentStage(narrow, wide) for narrow, wide in itertools.pairwise(widths))
        self.projections = nn.ModuleDict(
            {str(2 ** (stage + 1)): nn.Conv2d(width, width, kernel_size=1) for stage, width in enumerate(widths[1:])}
        )

    @property
    def stride(self) -> int:
        """Height and width of a grid must be multiples of this."""
        return 2 ** len(self.stages)

    def forward(self, grids: Tensor) -> Latents:
        """grids (B, T * bins, H, W), oldest first -> {1: (B,b,H,W), 2: (B,2b,H/2,W/2), 4: ..., 8: ...} after the last.

        Raises:
            ValueError: channels are no multiple of `bins`, or H or W none of `stride`.
        """
        self._check(grids)
        steps = grids.split(self.bins, dim=1)
        state = None
        for index, grid in enumerate(steps):
            if self.truncate_after is not None and index == len(steps) - self.truncate_after:
                state = state and [(hidden.detach(), cell.detach()) for hidden, cell in state]
            full, state = self._step(grid, state)
        return self._latents(full, state)

    def step(self, grid: Tensor, state: State | None = None) -> tuple[Latents, State]:
        """Read one more grid (B, bins, H, W); `state` is what the call before returned, None at the start."""
        self._check(grid)
        full, state = self._one(grid, state)
        return self._latents(full, state), state

    def project(self, latent: Tensor, scale: int) -> Tensor:
        """A latent (B,C,h,w) of this student in the feature space of the other one: the 1x1 projection g_scale."""
        return self.projections[str(scale)](latent)

    def _step(self, grid: Tensor, state: State | None) -> tuple[Tensor, State]:
        if self.checkpoint_steps and torch.is_grad_enabled():
            contexts = (nullcontext(), self._statistics_kept())
            return checkpoint(self._one, grid, state, use_reentrant=False, context_fn=lambda: contexts)
        return self._one(grid, state)

    def _one(self, grid: Tensor, state: State | None) -> tuple[Tensor, State]:
        full = x = F.relu(self.head(grid))
        after = []
        for stage, before in zip(self.stages, state or [None] * len(self.stages), strict=True):
            x, cell = stage(x, before)
            after.append((x, cell))
        return full, after

    @contextmanager
    def _statistics_kept(self) -> Iterator[None]:
        """Batch norm goes by the batch, and its running statistics do not move: for a second look at the same step."""
        norms = [stage.norm for stage in self.stages]
        before = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
        for norm in norms:
            norm.momentum = 0.0
        try:
            yield
        finally:
            for norm, (momentum, counted) in zip(norms, before, strict=True):
                norm.momentum = momentum
                norm.num_batches_tracked.copy_(counted)

    def _latents(self, full: Tensor, state: State) -> Latents:
        return {1: full, **{2 ** (stage + 1): hidden for stage, (hidden, _) in enumerate(state)}}

    def _check(self, grids: Tensor) -> None:
        channels, height, width = grids.shape[1:]
        if channels == 0 or channels % self.bins:
            raise ValueError(f"{channels} channels are no grids of {self.bins} bins each")
        if height % self.stride or width % self.stride:
            raise ValueError(f"height and width must be multiples of {self.stride}; got {height} x {width}")


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), instance norm without parameters, nothing after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.second = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W) -> (B,C,H,W)."""
        return x + F.instance_norm(self.second(F.relu(F.instance_norm(self.first(x)))))


class ConvNormReLU(nn.Module):
    """3x3 convolution, instance norm without parameters, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B,C_in,H,W) -> (B,C_out,H,W)."""
        return F.relu(F.instance_norm(self.conv(x)))


class ESSDecoder(nn.Module):
    """From the latents at 1/8, 1/4 and 1/2 to logits at full resolution: nearest x2 and concatenation at every scale.

    Args:
        num_classes: channels of the logits.
        base_channels: that of the encoder.
        num_blocks: residual blocks at 1/8.
    """

    def __init__(self, *, num_classes: int, base_channels: int = 32, num_blocks: int = 5) -> None:
        super().__init__()
        base = base_channels
        self.blocks = nn.Sequential(*(ResidualBlock(8 * base) for _ in range(num_blocks)))
        self.at8 = ConvNormReLU(8 * base, 4 * base)
        self.at4 = nn.Sequential(ConvNormReLU(8 * base, 4 * base), ConvNormReLU(4 * base, 2 * base))
        self.at2 = nn.Sequential(ConvNormReLU(4 * base, 2 * base), ConvNormReLU(2 * base, 2 * base))
        self.at1 = ConvNormReLU(2 * base, base)
        self.classify = nn.Conv2d(base, num_classes, kernel_size=1)
        self._initialise()

    def _initialise(self) -> None:
        """3x3 kernels from N(0, 0.02), the rest as torch does it."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module is not self.classify:
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, latents: Latents) -> Tensor:
        """{2: (B,2b,H/2,W/2), 4: (B,4b,H/4,W/4), 8: (B,8b,H/8,W/8)} -> logits (B,num_classes,H,W)."""
        x = self.at8(self.blocks(latents[8]))
        x = self.at4(torch.cat([_doubled(x), latents[4]], dim=1))
        x = self.at2(torch.cat([_doubled(x), latents[2]], dim=1))
        return self.classify(self.at1(_doubled(x)))


class Student(nn.Module):
    """An encoder and its decoder."""

    def __init__(self, encoder: E2VIDRecurrentEncoder, decoder: ESSDecoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, grids: Tensor) -> tuple[Tensor, Latents]:
        """grids (B, T * bins, H, W) -> logits (B,C,H,W) and the latents they come from."""
        latents = self.encoder(grids)
        return self.decoder(latents), latents

    def step(self, grid: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """One more grid (B, bins, H, W) of a stream -> logits (B,C,H,W) and the state for the next call."""
        latents, state = self.encoder.step(grid, state)
        return self.decoder(latents), state


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
