"""Deformable attention on a CPU: every query is a weighted sum of 4 L P rows of the value, not L sampled pictures.

A row is one head of one token. A point reads the four pixels around it; a pixel's share is 1 - distance in x times
1 - distance in y, or 0 if that is negative. The two columns and rows that are read always lie within the level, so that
a point outside of it has shares of 0 where it is too far from them, and nothing has to be masked.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

Shapes = Sequence[tuple[int, int]]
PORTION = 512  # queries at a time, so that what belongs to them stays in the processor's cache
BAGS = 256  # sums at a time, likewise, where their rows are laid out


class _Grid:
    """Constants of a pyramid, one for each of the M*L*P points of a query (twice as many where x and y alternate)."""

    def __init__(self, shapes: Shapes, heads: int, points: int) -> None:
        sides = torch.tensor([(width, height) for height, width in shapes])  # (L,2)
        wide = sides > 1
        strides = torch.stack([torch.ones(len(sides), dtype=torch.int64), sides[:, 0]], -1) * heads
        starts = (sides.prod(1).cumsum(0) - sides.prod(1)) * heads
        first = torch.arange(heads)[:, None] + starts  # (M,L)
        spread = (heads, len(sides), points)

        def everywhere(values: Tensor) -> Tensor:
            """(L,2) -> (M*L*P*2,)."""
            return values[:, None].expand(*spread, 2).flatten()

        self.sides = everywhere(sides.float())
        self.last = everywhere((sides - 2).clamp(min=0).int())
        self.strides = everywhere(strides.int())
        self.wide = None if wide.all() else everywhere(wide.float())
        step = strides * wide
        corners = [first + y * step[:, 1] + x * step[:, 0] for y, x in product((0, 1), repeat=2)]
        self.corners = [corner[..., None].expand(spread).flatten(1).int() for corner in corners]  # each (M,L*P)
        self.half = torch.tensor([-0.5])


class _Shares:
    """Of a portion of q queries: offset from the lower pixel, shares of both pixels, all (q,M,L*P,2); lower pixels."""

    def __init__(self, places: Tensor, grid: _Grid) -> None:
        """places (q,M,L,P,2)."""
        shape = (*places.shape[:2], -1, 2)
        pixels = torch.addcmul(grid.half, places.reshape(len(places), -1), grid.sides)
        low = pixels.int().clamp_(min=0)
        torch.minimum(low, grid.last, out=low)
        offset = pixels.sub_(low.float())
        lower = torch.rsub(offset.abs(), 1).relu_()
        upper = torch.rsub(torch.rsub(offset, 1).abs_(), 1).relu_()
        if grid.wide is not None:
            upper.mul_(grid.wide)
        self.low, self.offset = low.view(shape), offset.view(shape)
        self.lower, self.upper = lower.view(shape), upper.view(shape)

    def rows(self, grid: _Grid) -> Tensor:
        """(q*M,4*L*P) int32."""
        strided = self.low * grid.strides.view(self.low.shape[1:])
        first = strided[..., 0] + strided[..., 1]
        rows = torch.empty(*first.shape[:2], 4, first.shape[2], dtype=torch.int32)
        for corner, start in enumerate(grid.corners):
            torch.add(first, start, out=rows[:, :, corner])
        return rows.flatten(0, 1).flatten(1)

    def weights(self, attention: Tensor) -> Tensor:
        """attention (q,M,L*P) -> (q*M,4*L*P)."""
        weights = attention.new_empty(*attention.shape[:2], 4, attention.shape[2])
        across = (self.lower[..., 0], self.upper[..., 0])
        along = (self.lower[..., 1] * attention, self.upper[..., 1] * attention)
        for corner, (y, x) in enumerate(product(along, across)):
            torch.mul(y, x, out=weights[:, :, corner])
        return weights.flatten(0, 1).flatten(1)

    def gradients(self, weights: Tensor, attention: Tensor, grid: _Grid) -> tuple[Tensor, Tensor]:
        """From gradients of `weights` (q*M,4*L*P) to those of places (q,M,L*P,2) and attention (q,M,L*P)."""
        low_low, low_high, high_low, high_high = weights.view(*attention.shape[:2], 4, -1).unbind(2)
        lower_x, lower_y = self.lower.unbind(-1)
        upper_x, upper_y = self.upper.unbind(-1)
        along_lower = low_low * lower_x + low_high * upper_x
        along_upper = high_low * lower_x + high_high * upper_x
        to_attention = along_lower * lower_y + along_upper * upper_y
        to_lower = torch.stack([low_low * lower_y + high_low * upper_y, along_lower], -1)
        to_upper = torch.stack([low_high * lower_y + high_high * upper_y, along_upper], -1)
        slope_lower = torch.where(self.offset < 0, 1.0, -1.0) * (self.offset.abs() < 1)
        slope_upper = torch.where(self.offset < 1, 1.0, -1.0) * ((self.offset >= 0) & (self.offset < 2))
        if grid.wide is not None:
            slope_upper = slope_upper * grid.wide.view(self.low.shape[1:])
        to_places = (to_lower * slope_lower + to_upper * slope_upper) * attention[..., None]
        return to_places * grid.sides.view(self.low.shape[1:]), to_attention


def sum_rows(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    """As `multi_scale_deformable_attention`, for float32 on a CPU; with first gradients of all three tensors."""
    return _SumRows.apply(value, locations, weights, tuple(shapes))


class _SumRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, locations: Tensor, weights: Tensor, shapes: Shapes) -> Tensor:
        ctx.save_for_backward(value, locations, weights)
        ctx.shapes = shapes
        batch, tokens, heads, width = value.shape
        grid = _Grid(shapes, heads, locations.shape[4])
        result = value.new_empty(batch, locations.shape[1], heads * width)
        for image in range(batch):
            rows = value[image].reshape(tokens * heads, width)
            for part, shares, attention in _portions(locations[image], weights[image], grid):
                index, weight = shares.rows(grid), shares.weights(attention)
                sums = F.embedding_bag(index, rows, mode="sum", per_sample_weights=weight)
                result[image, part] = sums.view(-1, heads * width)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        value, locations, weights = ctx.saved_tensors
        grid = _Grid(ctx.shapes, value.shape[2], locations.shape[4])
        images = [_image_gradients(*tensors, grid) for tensors in zip(value, locations, weights, gradient, strict=True)]
        return (*(torch.stack(parts) for parts in zip(*images, strict=True)), None)


def _portions(locations: Tensor, weights: Tensor, grid: _Grid) -> Iterator[tuple[slice, _Shares, Tensor]]:
    """Of one image: which queries, their shares, their attention (q,M,L*P)."""
    for start in range(0, len(locations), PORTION):
        part = slice(start, start + PORTION)
        yield part, _Shares(locations[part], grid), weights[part].flatten(2)


def _image_gradients(
    value: Tensor, locations: Tensor, weights: Tensor, gradient: Tensor, grid: _Grid
) -> tuple[Tensor, Tensor, Tensor]:
    """Of one image: value (N,M,D), locations (Q,M,L,P,2), weights (Q,M,L,P), gradient (Q,M*D)."""
    rows = value.flatten(0, 1)
    given = gradient.reshape(-1, value.shape[2])  # (Q*M,D)
    to_locations, to_weights = torch.empty_like(locations), torch.empty_like(weights)
    indices, shares_of_rows = [], []
    for part, shares, attention in _portions(locations, weights, grid):
        index, weight = shares.rows(grid), shares.weights(attention)
        own = given.view(len(locations), -1, value.shape[2])[part].flatten(0, 1)
        to_places, to_attention = shares.gradients(_products(rows, index, own), attention, grid)
        to_locations[part] = to_places.view_as(to_locations[part])
        to_weights[part] = to_attention.view_as(to_weights[part])
        indices.append(index)
        shares_of_rows.append(weight)
    to_value = _scattered(torch.cat(indices), torch.cat(shares_of_rows), given, len(rows))
    return to_value.view_as(value), to_locations, to_weights


def _products(rows: Tensor, index: Tensor, given: Tensor) -> Tensor:
    """(K,J): rows[index[k,j]] times given[k] (K,D), added up."""
    products = given.new_empty(index.shape)
    for own, wanted, result in zip(given.split(BAGS), index.split(BAGS), products.split(BAGS), strict=True):
        read = rows.index_select(0, wanted.flatten()).view(*wanted.shape, -1)
        torch.bmm(own[:, None], read.transpose(1, 2), out=result[:, None])
    return products


def _scattered(index: Tensor, weight: Tensor, given: Tensor, rows: int) -> Tensor:
    """What each of the rows gets when bag k gives weight[k,j] * given[k] to row index[k,j]: the sum, turned round."""
    ordered, order = index.flatten().sort(stable=True)
    starts = torch.searchsorted(ordered, torch.arange(rows, dtype=ordered.dtype))
    bags = torch.div(order, index.shape[1], rounding_mode="floor")
    shares = weight.flatten().index_select(0, order)
    return F.embedding_bag(bags, given, starts, mode="sum", per_sample_weights=shares)
