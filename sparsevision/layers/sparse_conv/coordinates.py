"""Occupied voxels of every stride of one cloud, and the kernel maps between them, each built once.

Frames: a coordinate is (batch, x, y, z) in units of the stride of its level, so that the level of stride 2 holds
floor(c / 2). Kernel offsets run from -(k // 2) for odd k and from 0 for even k; index = ix + k iy + k^2 iz.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from sparsevision.layers.sparse_conv.kernel_map import KernelMap, identity_map
from sparsevision.utils import UserError

LARGEST_KEY = 2**62
LARGEST_KERNEL = 8
MARGIN = 2 * LARGEST_KERNEL


@dataclass(frozen=True)
class Level:
    """The voxels of one stride: coords (N,4) int64, no two alike."""

    coords: Tensor

    def __len__(self) -> int:
        return len(self.coords)

    @cached_property
    def origin(self) -> Tensor:
        """(4,) the smallest coordinate of each column, less a margin that keeps shifted keys apart."""
        return self.coords.amin(0) - self.coords.new_tensor([0, MARGIN, MARGIN, MARGIN])

    @cached_property
    def weights(self) -> Tensor:
        """(4,) what one step along each column adds to a key; keys order voxels by batch, x, y, z."""
        batches, x, y, z = (self.coords.amax(0) - self.origin + 1 + MARGIN).tolist()
        if batches * x * y * z > LARGEST_KEY:
            raise UserError(
                f"coords: voxels span {x - 2 * MARGIN} x {y - 2 * MARGIN} x {z - 2 * MARGIN} cells, more than a 64-bit "
                "key can tell apart. Remove far outliers or use a larger voxel size."
            )
        return self.coords.new_tensor([x * y * z, y * z, z, 1])

    @cached_property
    def keys(self) -> Tensor:
        """(N,) int64 key of each voxel, in row order."""
        return self.keys_of(self.coords)

    @cached_property
    def order(self) -> tuple[Tensor, Tensor]:
        """(sorted keys, rows in that order)."""
        return self.keys.sort()

    def keys_of(self, coords: Tensor) -> Tensor:
        """(M,) keys of coords (M,4) that lie at most the margin outside of this level."""
        return ((coords - self.origin) * self.weights).sum(1)

    def find(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of this level that have these keys: (found (M,) bool, rows of the found ones)."""
        known, rows = self.order
        place = torch.searchsorted(known, keys).clamp_(max=len(known) - 1)
        found = known[place] == keys
        return found, rows[place[found]]

    def check_unique(self) -> None:
        """Raises UserError when two rows hold the same voxel."""
        known, rows = self.order
        again = (known[1:] == known[:-1]).nonzero().flatten()
        if len(again):
            first = int(again[0])
            voxel = self.coords[rows[first]].tolist()
            raise UserError(
                f"coords: {len(again)} of {len(self)} rows repeat a voxel, for instance rows {int(rows[first])} and "
                f"{int(rows[first + 1])} are both (batch, x, y, z) = {tuple(voxel)}. Each voxel may occur once: "
                "voxelise the points first."
            )


class CoordinateManager:
    """Levels and kernel maps of one set of voxels, shared by every tensor on them.

    Two tensors with the same voxels (a view and its masked copy) should share one manager: maps are then built once.

    Args:
        coords: (N,4) integer (batch, x, y, z), each voxel once.
        stride: of these voxels.

    Raises:
        UserError: coords of another shape or type, a negative batch index, a voxel twice, or too wide an extent.
    """

    def __init__(self, coords: Tensor, *, stride: int = 1) -> None:
        check_coords(coords)
        level = Level(coords.detach().to(torch.int64).contiguous())
        if len(level):
            level.check_unique()
        self.levels = {stride: level}
        self.maps: dict[tuple[int, int, int], KernelMap] = {}

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides of the levels built so far."""
        return tuple(sorted(self.levels))

    def coords(self, stride: int) -> Tensor:
        """(N,4) int64 voxels of an existing level, in units of its stride. UserError without that level."""
        return self.level(stride).coords

    def level(self, stride: int) -> Level:
        """An existing level. Raises UserError when nothing has built it."""
        if stride not in self.levels:
            raise UserError(
                f"stride {stride}: no voxels of this stride are known, only of {list(self.strides)}. A transposed "
                "convolution returns to the voxels that an earlier strided convolution started from."
            )
        return self.levels[stride]

    def coarser(self, stride: int, *, factor: int) -> Level:
        """The level of stride * factor: cells floor(c / factor) that hold a voxel, sorted by batch, x, y, z."""
        if stride * factor not in self.levels:
            self.levels[stride * factor] = coarsen(self.level(stride), factor=factor)
        return self.levels[stride * factor]

    def kernel_map(self, stride: int, *, kernel_size: int, factor: int = 1) -> KernelMap:
        """The cached map of a convolution from the level of `stride` to that of stride * factor."""
        key = (stride, kernel_size, factor)
        if key not in self.maps:
            fine = self.level(stride)
            coarse = self.coarser(stride, factor=factor)
            self.maps[key] = build_map(fine, coarse, kernel_size=kernel_size, factor=factor)
        return self.maps[key]


def check_coords(coords: Tensor) -> None:
    """Raises UserError unless coords is an (N,4) integer tensor with batch indices of 0 or more."""
    if not isinstance(coords, Tensor) or coords.ndim != 2 or coords.shape[1] != 4:
        shape = tuple(coords.shape) if isinstance(coords, Tensor) else type(coords).__name__
        raise UserError(f"coords: expected an (N,4) integer tensor of (batch, x, y, z), got {shape}.")
    if coords.is_floating_point() or coords.is_complex() or coords.dtype == torch.bool:
        raise UserError(
            f"coords: expected integers, got {coords.dtype}. Divide metres by the voxel size and floor them."
        )
    if len(coords) and int(coords[:, 0].amin()) < 0:
        raise UserError(f"coords: batch index {int(coords[:, 0].amin())} in column 0; expected 0 or more.")


def coarsen(level: Level, *, factor: int) -> Level:
    """Cells of `factor` voxels a side that hold at least one voxel, sorted by batch, x, y, z."""
    if not len(level):
        return level
    cells = Level(floor_cells(level.coords, factor=factor))
    keys, rows = cells.order
    first = torch.ones_like(keys, dtype=torch.bool)
    first[1:] = keys[1:] != keys[:-1]
    return Level(cells.coords[rows[first]])


def floor_cells(coords: Tensor, *, factor: int) -> Tensor:
    """(N,4) coordinates with x, y, z floored to cells, also where they are negative."""
    steps = coords.new_tensor([1, factor, factor, factor])
    return torch.div(coords, steps, rounding_mode="floor")


def kernel_offsets(kernel_size: int, *, device: torch.device | None = None) -> Tensor:
    """(K,3) int64 offsets in x, y, z of a cubic kernel, x fastest; centred for odd sizes, from 0 for even ones."""
    low = -(kernel_size // 2) if kernel_size % 2 else 0
    steps = torch.arange(low, low + kernel_size, device=device)
    z, y, x = torch.meshgrid(steps, steps, steps, indexing="ij")
    return torch.stack([x, y, z], -1).reshape(-1, 3)


def build_map(fine: Level, coarse: Level, *, kernel_size: int, factor: int) -> KernelMap:
    """Pairs (fine voxel, coarse voxel) with fine = factor * coarse + offset, for every offset of the kernel."""
    if max(kernel_size, factor) > LARGEST_KERNEL:
        raise UserError(f"kernel_size {kernel_size}, stride {factor}: at most {LARGEST_KERNEL} is possible.")
    if factor == 1 and kernel_size == 1:
        return identity_map(len(fine), device=fine.coords.device)
    if not len(fine):
        pairs, identity = [], None
    elif factor == 1:
        pairs, identity = neighbour_pairs(fine, kernel_size=kernel_size)
    elif factor == kernel_size:
        return cell_map(fine, coarse, factor=factor)
    else:
        pairs, identity = strided_pairs(fine, coarse, kernel_size=kernel_size, factor=factor), None
    empty = torch.empty(0, dtype=torch.int64, device=fine.coords.device)
    pairs = pairs or [(empty, empty)] * kernel_size**3
    starts = accumulate((len(rows) for rows, _ in pairs), initial=0)
    return KernelMap(
        in_rows=torch.cat([rows for rows, _ in pairs]),
        out_rows=torch.cat([rows for _, rows in pairs]),
        starts=tuple(starts),
        identity=identity,
        num_in=len(fine),
        num_out=len(coarse),
    )


def neighbour_pairs(level: Level, *, kernel_size: int) -> tuple[list[tuple[Tensor, Tensor]], int | None]:
    """Pairs within one level for every offset, and the offset that is zero.

    Keys are linear in the coordinates: a shifted voxel has a shifted key. The offset -o has the pairs of o exchanged.
    """
    offsets = kernel_offsets(kernel_size, device=torch.device("cpu"))
    shifts = (offsets * level.weights[1:].cpu()).sum(1).tolist()
    zero = offsets.abs().sum(1).tolist().index(0)
    known, rows = level.order
    empty = rows[:0]
    by_offset: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}
    for offset, shift in zip(map(tuple, offsets.tolist()), shifts, strict=True):
        opposite = by_offset.get(tuple(-step for step in offset))
        if opposite is not None:
            by_offset[offset] = opposite[1], opposite[0]
        elif not any(offset):
            by_offset[offset] = empty, empty
        else:
            found, neighbours = level.find(known + shift)
            by_offset[offset] = neighbours, rows[found]
    return list(by_offset.values()), zero


def strided_pairs(fine: Level, coarse: Level, *, kernel_size: int, factor: int) -> list[tuple[Tensor, Tensor]]:
    """Pairs of a strided convolution whose kernel is not one cell, for every offset."""
    corner = coarse.coords * coarse.coords.new_tensor([1, factor, factor, factor])
    corner_keys = fine.keys_of(corner)
    rows = torch.arange(len(coarse), device=corner.device)
    pairs = []
    for shift in (kernel_offsets(kernel_size, device=torch.device("cpu")) * fine.weights[1:].cpu()).sum(1).tolist():
        found, inputs = fine.find(corner_keys + shift)
        pairs.append((inputs, rows[found]))
    return pairs


def cell_map(fine: Level, coarse: Level, *, factor: int) -> KernelMap:
    """The map of a kernel as large as its stride: each voxel meets its own cell, once."""
    cells = floor_cells(fine.coords, factor=factor)
    _, parents = coarse.find(coarse.keys_of(cells))
    inside = fine.coords[:, 1:] - factor * cells[:, 1:]
    offset = inside[:, 0] + factor * inside[:, 1] + factor**2 * inside[:, 2]
    counts = torch.bincount(offset, minlength=factor**3).cpu()
    children = (offset * len(coarse) + parents).argsort()
    return KernelMap(
        in_rows=children,
        out_rows=parents[children],
        starts=(0, *counts.cumsum(0).tolist()),
        identity=None,
        num_in=len(fine),
        num_out=len(coarse),
    )
