"""Sparse motion drawn from dense flow, to train the trajectory ControlNet with.

A sampler is `sampler(dense, generator) -> (flow (F,2,H,W), mask (F,1,H,W))` for one clip: every clip of a batch draws
its own, unlike in the released trainer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from sparsevision.methods.motion_i2v.paths import TrackPaths
from sparsevision.methods.motion_i2v.regions import BoxRegion
from sparsevision.methods.motion_i2v.tracks import paint_paths
from sparsevision.registry import MODELS, built
from sparsevision.utils import UserError

MOVING = 1.0  # pixels by which a place has to move to count as moving


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseMotion:
    """What is known of a training clip.

    Args:
        flow: (F,2,H,W) in pixels from frame 0 to frames 1 .. F.
        objects: (H,W) bool, where frame 0 shows a moving thing; None for what moves by more than a pixel.
        visible: (F,H,W) bool, whether a pixel of frame 0 can still be seen; None for always.

    Raises:
        UserError: shapes that do not fit.
    """

    flow: Tensor
    objects: Tensor | None = None
    visible: Tensor | None = None

    def __post_init__(self) -> None:
        if self.flow.ndim != 4 or self.flow.shape[1] != 2:
            raise UserError(f"flow: expected (F,2,H,W), got {tuple(self.flow.shape)}.")
        frames, _, *size = self.flow.shape
        for name, value, shape in (
            ("objects", self.objects, (*size,)),
            ("visible", self.visible, (frames, *size)),
        ):
            if value is not None and (tuple(value.shape) != shape or value.dtype != torch.bool):
                raise UserError(f"{name}: expected {shape} bool, got {tuple(value.shape)} {value.dtype}.")

    def moving(self) -> Tensor:
        """(H,W) bool: the objects, or what moves."""
        if self.objects is not None:
            return self.objects
        return (self.flow.norm(dim=1) > MOVING).any(dim=0)


class SparseSampler(Protocol):
    """Draws sparse motion from dense motion."""

    def __call__(self, dense: DenseMotion, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """flow (F,2,H,W), 0 where the mask is 0, and mask (F,1,H,W), float32."""


@MODELS.register_module()
class RandomBlocks:
    """The published sampler: a random share of square blocks keeps its dense flow, in all frames.

    Args:
        block: side in pixels, a cell of the latents.
        keep: the share is drawn evenly from this range, and the number of blocks rounded down.

    Raises:
        UserError: shares that are no range in [0, 1].
    """

    def __init__(self, *, block: int = 8, keep: tuple[float, float] = (0.0, 0.5)) -> None:
        if not 0 <= keep[0] <= keep[1] <= 1:
            raise UserError(f"keep: expected a range of shares in [0, 1], got {tuple(keep)}.")
        self.block = block
        self.keep = keep

    def __call__(self, dense: DenseMotion, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `SparseSampler`.

        Raises:
            UserError: the picture is no whole number of blocks.
        """
        frames, _, height, width = dense.flow.shape
        if height % self.block or width % self.block:
            raise UserError(f"RandomBlocks: {height} x {width} pixels are no whole number of blocks of {self.block}.")
        rows, columns = height // self.block, width // self.block
        share = self.keep[0] + (self.keep[1] - self.keep[0]) * torch.rand((), generator=generator).item()
        kept = torch.randperm(rows * columns, generator=generator)[: int(rows * columns * share)]
        cells = torch.zeros(rows * columns)
        cells[kept] = 1
        mask = cells.view(rows, columns).repeat_interleave(self.block, 0).repeat_interleave(self.block, 1)
        mask = mask.to(dense.flow).expand(frames, 1, height, width)
        return dense.flow * mask, mask.clone()


@MODELS.register_module()
class RandomTracks:
    """Points anywhere, each with a small box that moves as the point does, as long as it can be seen.

    Dense random tracks in training help even for a single drag in use (Geng et al., Motion Prompting, CVPR 2025).

    Args:
        count: how many, drawn so that each order of magnitude of the range is as likely.
        unit: half the side of the boxes.
    """

    def __init__(self, *, count: tuple[int, int] = (1, 256), unit: int = 4) -> None:
        _check_count(count)
        self.count = count
        self.region = BoxRegion(unit)

    def __call__(self, dense: DenseMotion, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `SparseSampler`."""
        low, high = np.log(self.count[0]), np.log(self.count[1] + 1)
        count = int(np.exp(low + (high - low) * torch.rand((), generator=generator).item()))
        return _painted(dense, _drawn(torch.ones_like(dense.flow[0, 0]), count, generator), self.region)


@MODELS.register_module()
class DragLike:
    """What a person draws: a few boxes that move rigidly with the place they are drawn at.

    Args:
        count: how many drags, drawn evenly.
        unit: half the side of the boxes, drawn evenly.
        on_objects: share of the drags that begin on a moving thing, the rest anywhere.
        within_objects: cut the boxes of these drags off at the thing's outline, as an object-aware region does.
    """

    def __init__(
        self,
        *,
        count: tuple[int, int] = (1, 2),
        unit: tuple[int, int] = (4, 64),
        on_objects: float = 0.8,
        within_objects: bool = False,
    ) -> None:
        _check_count(count)
        BoxRegion(unit[0])
        self.count = count
        self.unit = unit
        self.on_objects = on_objects
        self.within_objects = within_objects

    def __call__(self, dense: DenseMotion, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `SparseSampler`."""
        moving = dense.moving()
        count, unit = (_between(span, generator) for span in (self.count, self.unit))
        aimed = int((torch.rand(count, generator=generator) < self.on_objects).sum()) if moving.any() else 0
        anywhere = _drawn(torch.ones_like(dense.flow[0, 0]), count - aimed, generator)
        flow, mask = _painted(dense, anywhere, BoxRegion(unit))
        if not aimed:
            return flow, mask
        own_flow, own_mask = _painted(dense, _drawn(moving, aimed, generator), BoxRegion(unit))
        if self.within_objects:
            own_flow, own_mask = own_flow * moving, own_mask * moving
        return torch.where(own_mask > 0, own_flow, flow), torch.maximum(mask, own_mask)


@MODELS.register_module()
class Mixture:
    """One of several samplers, drawn for each clip.

    Args:
        samplers: built, or as configs.
        shares: how often each is drawn, up to a factor.

    Raises:
        UserError: another number of shares, or none above 0.
    """

    def __init__(self, *, samplers: Sequence[SparseSampler | dict], shares: Sequence[float]) -> None:
        if len(shares) != len(samplers) or min(shares, default=-1) < 0 or not sum(shares) > 0:
            raise UserError(
                f"Mixture: expected a share of 0 or more for each of {len(samplers)} samplers; got {shares}."
            )
        self.samplers = [built(sampler) for sampler in samplers]
        self.shares = torch.tensor(list(shares), dtype=torch.float64)

    def __call__(self, dense: DenseMotion, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `SparseSampler`."""
        chosen = torch.multinomial(self.shares, 1, generator=generator).item()
        return self.samplers[chosen](dense, generator)


@MODELS.register_module()
class DenseToSparse:
    """A curriculum: dense guidance first, then more and more of the sparse one (Zhang et al., Tora, CVPR 2025).

    Args:
        dense: sampler of the beginning, built or as a config.
        sparse: sampler of the end, likewise.
        ramp: shares of the training between which the second takes over, evenly.

    Raises:
        UserError: a ramp that is no range in [0, 1].
    """

    def __init__(
        self, *, dense: SparseSampler | dict, sparse: SparseSampler | dict, ramp: tuple[float, float] = (0.2, 0.6)
    ) -> None:
        if not 0 <= ramp[0] <= ramp[1] <= 1:
            raise UserError(f"ramp: expected a range of shares of the training in [0, 1], got {tuple(ramp)}.")
        self.samplers = [built(dense), built(sparse)]
        self.ramp = ramp

    def at(self, progress: float) -> Mixture:
        """The sampler at a share of the training in [0, 1]."""
        begin, end = self.ramp
        share = float(np.clip((progress - begin) / (end - begin), 0, 1)) if end > begin else float(progress >= end)
        return Mixture(samplers=self.samplers, shares=[1 - share, share])


def sample_batch(
    sampler: SparseSampler, clips: Sequence[DenseMotion], generators: Sequence[torch.Generator]
) -> tuple[Tensor, Tensor]:
    """flow (B,F,2,H,W) and mask (B,F,1,H,W), each clip from its own generator."""
    flows, masks = zip(*[sampler(clip, own) for clip, own in zip(clips, generators, strict=True)], strict=True)
    return torch.stack(flows), torch.stack(masks)


def _check_count(count: tuple[int, int]) -> None:
    if not 1 <= count[0] <= count[1]:
        raise UserError(f"count: expected a range of 1 or more tracks, got {tuple(count)}.")


def _between(span: tuple[int, int], generator: torch.Generator) -> int:
    return int(torch.randint(span[0], span[1] + 1, (), generator=generator))


def _drawn(weights: Tensor, count: int, generator: torch.Generator) -> np.ndarray:
    """(n, 2) int64 different pixels (x, y), with chances as the weights (H,W); n is at most `count`."""
    flat = weights.flatten().double().cpu()
    count = min(count, int((flat > 0).sum()))
    places = torch.multinomial(flat, count, generator=generator).numpy() if count else np.zeros(0, np.int64)
    rows, columns = np.divmod(places, weights.shape[1])
    return np.stack([columns, rows], axis=1)


def _painted(dense: DenseMotion, starts: np.ndarray, region: BoxRegion) -> tuple[Tensor, Tensor]:
    """Boxes that move as the dense flow at their start says, while it can be seen."""
    if not len(starts):
        return torch.zeros_like(dense.flow), torch.zeros_like(dense.flow[:, :1])
    columns, rows = starts.T
    displacements = dense.flow[:, :, rows, columns].permute(2, 0, 1).cpu().numpy()
    known = np.ones(displacements.shape[:2], dtype=bool)
    if dense.visible is not None:
        known = dense.visible[:, rows, columns].T.cpu().numpy()
    paths = TrackPaths(starts=starts.astype(np.float64), displacements=displacements, known=known)
    flow, mask = paint_paths(paths, region=region, size=tuple(dense.flow.shape[2:]))
    return torch.from_numpy(flow).to(dense.flow), torch.from_numpy(mask).to(dense.flow)
