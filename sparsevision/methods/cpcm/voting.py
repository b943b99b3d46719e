"""Every raw point gets probabilities: from one look at its cloud, or from the mean of many.

Voting is not part of the published evaluation, which looks once. Fragments and the usual thirteen looks are those of
the "precise" tests that are customary for point clouds.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparsevision.datasets.points.augment import centre_colours, flip
from sparsevision.datasets.points.cloud import checked_points
from sparsevision.datasets.points.voxelise import Voxels, voxelize
from sparsevision.layers.sparse_conv import CoordinateManager, SparseTensor
from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How a cloud is held for one look.

    Args:
        turn: degrees around z.
        scale: factor of its size.
        flips: axes that are mirrored after voxelising, as in training: 0 = x, 1 = y.
    """

    turn: float = 0.0
    scale: float = 1.0
    flips: tuple[int, ...] = ()

    def __post_init__(self):
        if not (math.isfinite(self.turn) and self.scale > 0 and set(self.flips) <= {0, 1, 2}):
            raise UserError(f"{self}: expected degrees, a scale greater than 0, and axes out of 0, 1, 2.")

    def matrix(self, voxel_size: float) -> NDArray[np.float64]:
        """(3,3) A of floor(A x): the turn and the scale in voxels; exact for quarter turns."""
        angle = math.radians(self.turn)
        cosine, sine = round(math.cos(angle), 15), round(math.sin(angle), 15)
        turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
        return turn * self.scale * (1 / voxel_size)


TEST_TIME_POSES = (
    *(Pose(turn=turn, scale=scale) for scale in (1.0, 0.95, 1.05) for turn in (0.0, 90.0, 180.0, 270.0)),
    Pose(flips=(0, 1)),
)
FULL_VOTING: Mapping[str, Any] = MappingProxyType({"passes": TEST_TIME_POSES, "fragments": True})


@torch.no_grad()
def vote(
    network: nn.Module,
    points: NDArray,
    colours: NDArray,
    *,
    voxel_size: float,
    passes: Sequence[Pose] = (Pose(),),
    fragments: bool = False,
    max_fragments: int | None = None,
    max_voxels: int | None = None,
    halo: float = 2.0,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Class probabilities of every raw point: the mean of the softmax over all looks.

    Without options: one look at the voxels' first points, and every point has the probabilities of its voxel.

    Args:
        network: SparseTensor (m,3) -> (logits (m,C), features), in evaluation mode; it is used where it is.
        points: (n,3) metres, finite.
        colours: (n,3) in 0..255.
        voxel_size: metres.
        passes: the poses to look at the cloud in; `TEST_TIME_POSES` are thirteen.
        fragments: look at it once with the first points of the voxels, once with their second points, and so on, so
            that every point is predicted from its own colour; voxels with fewer points begin again with their first.
            As many looks as the fullest voxel has points.
        max_fragments: stop after so many; points not reached by then take the mean of their voxel.
        max_voxels: cut larger clouds into blocks in x and y, which are predicted one after the other; None never cuts.
            Nothing changes as long as the halo covers what the network sees.
        halo: metres around each block that the network sees, too.
        progress: is told (passes done, passes in all) after each pass.

    Returns:
        (n,C) float32 on the CPU.

    Raises:
        UserError: points that are not finite, colours of another shape or range, or options out of range.
    """
    points, colours = checked_points(points), _checked_colours(colours, len(points))
    _check_options(passes, max_fragments, max_voxels, halo)
    sums = _Sums(len(points))
    for done, pose in enumerate(passes, start=1):
        voxels = voxelize(points, matrix=pose.matrix(voxel_size))
        look = _Look(network, flip(voxels.coords, pose.flips), max_voxels=max_voxels, halo=round(halo / voxel_size))
        if fragments:
            _vote_by_fragments(look, voxels, colours, sums, most=max_fragments)
        else:
            sums.add(np.arange(len(points)), look.predict(colours[voxels.representative])[voxels.inverse])
        if progress is not None:
            progress(done, len(passes))
    return sums.mean()


class _Sums:
    """Sums of probabilities (n,C) and how many there are of each point."""

    def __init__(self, count: int) -> None:
        self.total: Tensor | None = None
        self.votes = torch.zeros(count, 1)

    def add(self, rows: NDArray[np.int64], probabilities: Tensor) -> None:
        """Probabilities (k,C) of k different points."""
        if self.total is None:
            self.total = torch.zeros(len(self.votes), probabilities.shape[1])
        index = torch.from_numpy(rows)
        self.total[index] += probabilities
        self.votes[index] += 1

    def mean(self) -> Tensor:
        """(n,C)."""
        return self.total / self.votes


def _vote_by_fragments(look: "_Look", voxels: Voxels, colours: NDArray, sums: _Sums, *, most: int | None) -> None:
    """Add the votes of all fragments of a pose."""
    order, first, counts = points_by_voxel(voxels)
    fragments = min(int(counts.max()), most or len(colours))
    mean = 0
    for number in range(fragments):
        chosen = order[first + number % counts]
        probabilities = look.predict(colours[chosen])
        sums.add(chosen, probabilities)
        mean = mean + probabilities / fragments
    place = np.arange(len(order)) - np.repeat(first, counts)
    missed = order[place >= fragments]
    sums.add(missed, mean[voxels.inverse[missed]])


def points_by_voxel(voxels: Voxels) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Raw points (n,) sorted by voxel, in their own order within one; where each voxel begins (m,); its points (m,)."""
    counts = np.bincount(voxels.inverse, minlength=len(voxels))
    return np.argsort(voxels.inverse, kind="stable"), np.cumsum(counts) - counts, counts


class _Look:
    """A network and the m voxels of a cloud in one pose, cut into blocks; their kernel maps are built once.

    Args:
        network: see `vote`.
        coords: (m,3) int32.
        max_voxels: of a block with its halo.
        halo: voxels.
    """

    def __init__(self, network: nn.Module, coords: NDArray[np.int32], *, max_voxels: int | None, halo: int) -> None:
        self.network = network
        self.device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
        self.count = len(coords)
        self.blocks = blocks_of(coords, max_voxels=max_voxels, halo=halo)
        self.whole = self._manager(coords) if len(self.blocks) == 1 else None
        self.coords = coords

    def _manager(self, coords: NDArray[np.int32]) -> CoordinateManager:
        batched = np.pad(coords.astype(np.int64), ((0, 0), (1, 0)))
        return CoordinateManager(torch.from_numpy(batched).to(self.device))

    def predict(self, colours: NDArray) -> Tensor:
        """Colours (m,3) in 0..255 -> probabilities (m,C) on the CPU."""
        features = torch.from_numpy(np.asarray(centre_colours(colours), dtype=np.float32))
        if self.whole is not None:
            return self._probabilities(self.whole, features)
        result = None
        for seen, core in self.blocks:
            probabilities = self._probabilities(self._manager(self.coords[seen]), features[seen])
            if result is None:
                result = torch.empty(self.count, probabilities.shape[1])
            result[seen[core]] = probabilities[core]
        return result

    def _probabilities(self, manager: CoordinateManager, features: Tensor) -> Tensor:
        logits, _ = self.network(SparseTensor(manager.coords(1), features.to(self.device), manager=manager))
        return logits.float().softmax(dim=1).cpu()


def blocks_of(
    coords: NDArray[np.int32], *, max_voxels: int | None, halo: int
) -> list[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Cut voxels (m,3) in x and y, always the longer side in two halves, until a block with its halo is small enough.

    A block is never cut to less than its halo, however many voxels it has.

    Returns:
        For each block the rows that are seen (k,), and which of these (k,) belong to the block itself; together they
        hold each voxel once.
    """
    plane = coords[:, :2].astype(np.int64)
    waiting, blocks = [(plane.min(axis=0), plane.max(axis=0) + 1)], []
    while waiting:
        low, high = waiting.pop()
        seen = np.flatnonzero(((plane >= low - halo) & (plane < high + halo)).all(axis=1))
        core = ((plane[seen] >= low) & (plane[seen] < high)).all(axis=1)
        if not core.any():
            continue
        axis = int(np.argmax(high - low))
        if max_voxels is None or len(seen) <= max_voxels or high[axis] - low[axis] < 2 * max(halo, 1):
            blocks.append((seen, core))
            continue
        middle = int(np.median(plane[seen[core], axis]))
        middle = min(max(middle, low[axis] + max(halo, 1)), high[axis] - max(halo, 1))
        end, start = high.copy(), low.copy()
        end[axis] = start[axis] = middle
        waiting += [(start, high), (low, end)]
    return blocks


def _checked_colours(colours: NDArray, count: int) -> NDArray:
    colours = np.asarray(colours)
    if colours.shape != (count, 3) or not ((colours >= 0) & (colours <= 255)).all():
        raise UserError(
            f"colours: expected ({count}, 3) values in 0..255, got {colours.dtype} of shape {colours.shape}."
        )
    return colours


def _check_options(passes: Sequence[Pose], max_fragments: int | None, max_voxels: int | None, halo: float) -> None:
    if not passes:
        raise UserError("passes: expected at least one pose; Pose() looks at the cloud as it is.")
    for name, value in (("max_fragments", max_fragments), ("max_voxels", max_voxels)):
        if value is not None and value < 1:
            raise UserError(f"{name}: expected a whole number from 1 on, or None, got {value}.")
    if not (math.isfinite(halo) and halo >= 0):
        raise UserError(f"halo: expected metres from 0 on, got {halo}.")
