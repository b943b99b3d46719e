"""Interpolation in grids as one weighted sum of table rows a point: fast on a processor, forward and backward."""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

PRIMES = (1, 2654435761, 805459861)


class Corners(NamedTuple):
    """Which rows of a table surround a point, and their weights: both (P,K)."""

    index: Tensor
    weight: Tensor


class _WeightedRows(torch.autograd.Function):
    """`embedding_bag` with a gradient for the table alone, summed in a fixed order on a processor."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, table: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(index, weight)
        ctx.rows = len(table)
        return F.embedding_bag(index, table, per_sample_weights=weight, mode="sum")

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        index, weight = ctx.saved_tensors
        shares = (weight[..., None] * gradient[:, None]).reshape(-1, gradient.shape[-1])
        return gradient.new_zeros(ctx.rows, gradient.shape[-1]).index_add_(0, index.reshape(-1), shares), None, None


def interpolate(table: Tensor, corners: Corners) -> Tensor:
    """Weighted sums of rows. table (T,C), corners of P points -> (P,C). Points get no gradient, the table does."""
    return _WeightedRows.apply(table, corners.index, corners.weight)


def grid_corners(unit: Tensor, resolution: tuple[int, int, int]) -> Corners:
    """The 8 nodes around points of a grid whose outer nodes lie on the faces of the unit cube.

    unit (P,3), clamped to [0,1]; node (x,y,z) is row x + X (y + Y z).
    """
    low, share = _cell(unit, resolution)
    return Corners(_rows(low, resolution), _products(share))


def plane_corners(unit: Tensor, resolution: tuple[int, int, int]) -> Corners:
    """The 4 nodes in each of the planes xy, xz, yz: 12 a point, so that a sum of them adds the planes.

    The planes' rows follow one another, first coordinate fastest.
    """
    low, share = _cell(unit, resolution)
    index, weight, start = [], [], 0
    for axes in ((0, 1), (0, 2), (1, 2)):
        sides = [resolution[axis] for axis in axes]
        index.append(start + _rows(low[:, axes], sides))
        weight.append(_products(share[:, axes]))
        start += sides[0] * sides[1]
    return Corners(torch.cat(index, 1), torch.cat(weight, 1))


def hashed_corners(unit: Tensor, sides: int, rows: int) -> Corners:
    """The 8 nodes around points of a cubic grid of so many nodes a side, in a table with fewer rows than nodes.

    Rows are found by the spatial hash of Mueller et al. 2022 (Eq. 4); `rows` is a power of two.
    """
    low, share = _cell(unit, (sides,) * 3)
    hashed = [torch.stack([low[:, axis] * prime, (low[:, axis] + 1) * prime], 1) for axis, prime in enumerate(PRIMES)]
    mixed = hashed[2][:, :, None, None] ^ hashed[1][:, None, :, None] ^ hashed[0][:, None, None, :]
    return Corners(mixed.reshape(-1, 8) & (rows - 1), _products(share))


def _cell(unit: Tensor, resolution: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """(P,3) node of the lower corner, and the place between it and the next node."""
    last = unit.new_tensor([side - 1 for side in resolution])
    place = unit.detach().clamp(0.0, 1.0) * last
    low = torch.minimum(place.floor(), (last - 1).clamp_min(0))
    return low.long(), place - low


def _rows(low: Tensor, sides: tuple[int, ...] | list[int]) -> Tensor:
    """(P,D) lower nodes -> (P,2^D) rows of all nodes of the cell, first coordinate fastest."""
    strides = [1]
    for side in sides[:-1]:
        strides.append(strides[-1] * side)
    first = sum(low[:, axis] * stride for axis, stride in enumerate(strides))
    steps = [
        sum(b * s for b, s in zip(reversed(bits), strides, strict=True)) for bits in product((0, 1), repeat=len(sides))
    ]
    return first[:, None] + first.new_tensor(steps)


def _products(share: Tensor) -> Tensor:
    """(P,D) places in a cell -> (P,2^D) weights of its nodes, first coordinate fastest."""
    pairs = torch.stack([1.0 - share, share], -1)
    weight = pairs[:, 0]
    for axis in range(1, share.shape[1]):
        weight = (pairs[:, axis, :, None] * weight[:, None, :]).flatten(1)
    return weight
