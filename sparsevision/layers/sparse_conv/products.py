"""The sums of a sparse convolution and their gradients: gather a block of rows, multiply, add, block after block.

Blocks are small enough to stay in the cache of a processor. Every matrix product has sides that are multiples of 16: a
BLAS picks other kernels for ragged sides, and which ones depends on the number of threads. Channels are padded by the
caller; rows are filled up here.
"""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from sparsevision.layers.sparse_conv.kernel_map import KernelMap

SIDE = 16
BLOCK_NUMBERS = 2**19
BLOCK_ROWS = (1024, 4096)
GATHERED_NUMBERS = 2**28


def multiply_pairs(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """(num_out, C_out) sums, products added to their rows one offset after the other."""
    block = rows_at_once(feats, kernel.shape[2], rows=len(feats))
    gathered, products = feats.new_empty(block, feats.shape[1]), feats.new_empty(block, kernel.shape[2])
    summed, matrices = begin_sums(feats, kernel, kernel_map, block=block), kernel.unbind()
    for offset, in_rows, out_rows in chunks(kernel_map, block=block):
        rows = gather(feats, in_rows, gathered)
        product = torch.mm(rows, matrices[offset], out=products[: len(rows)])
        summed.index_add_(0, out_rows, product[: len(out_rows)])
    return summed


def pair_gradients(feats: Tensor, kernel: Tensor, grad: Tensor, kernel_map: KernelMap) -> tuple[Tensor, Tensor]:
    """Gradients of the features, (num_in, C_in), and of the kernel, (K, C_in, C_out)."""
    block = rows_at_once(feats, kernel.shape[2], rows=len(feats))
    lefts, products = feats.new_empty(2, block, feats.shape[1])
    rights, turned = grad.new_empty(block, grad.shape[1]), kernel.transpose(1, 2)
    grad_feats, grad_kernel = (
        begin_sums(grad, turned, kernel_map.transposed, block=block),
        begin_kernel_gradient(feats, grad, kernel_map, block=block),
    )
    matrices, sums = turned.unbind(), grad_kernel.unbind()
    for offset, in_rows, out_rows in chunks(kernel_map, block=block):
        right = gather(grad, out_rows, rights, zeros=True)
        product = torch.mm(right, matrices[offset], out=products[: len(right)])
        grad_feats.index_add_(0, in_rows, product[: len(in_rows)])
        sums[offset].addmm_(gather(feats, in_rows, lefts, zeros=True).T, right)
    return grad_feats, grad_kernel


def kernel_gradient(feats: Tensor, grad: Tensor, kernel_map: KernelMap) -> Tensor:
    """(K, C_in, C_out) sum over pairs of feats[in]^T grad[out]."""
    block = rows_at_once(feats, grad.shape[1], rows=len(feats))
    lefts, rights = feats.new_empty(block, feats.shape[1]), grad.new_empty(block, grad.shape[1])
    summed = begin_kernel_gradient(feats, grad, kernel_map, block=block)
    for offset, in_rows, out_rows in chunks(kernel_map, block=block):
        left = gather(feats, in_rows, lefts, zeros=True)
        summed[offset].addmm_(left.T, gather(grad, out_rows, rights, zeros=True))
    return summed


def multiply_table(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """(num_out, C_out) sums, every output row gathered at each offset; missing neighbours are a row of zeros."""
    summed = feats.new_zeros(full(kernel_map.num_out), kernel.shape[2])
    for rows, offsets, gathered in neighbourhoods(feats, kernel_map, width=kernel.shape[2]):
        summed[rows.start : rows.start + len(gathered)].addmm_(gathered, kernel[offsets].flatten(0, 1))
    return summed[: kernel_map.num_out]


def table_kernel_gradient(feats: Tensor, grad: Tensor, kernel_map: KernelMap) -> Tensor:
    """(K, C_in, C_out) sum over output rows of feats[neighbour]^T grad."""
    summed = feats.new_zeros(kernel_map.volume, feats.shape[1], grad.shape[1])
    for rows, offsets, gathered in neighbourhoods(feats, kernel_map, width=grad.shape[1]):
        summed[offsets].flatten(0, 1).addmm_(gathered.T, full_rows(grad[rows]))
    return summed


def table_gradients(feats: Tensor, kernel: Tensor, grad: Tensor, kernel_map: KernelMap) -> tuple[Tensor, Tensor]:
    """As `pair_gradients`, without adding to scattered rows."""
    grad_feats = multiply_table(grad, kernel.transpose(1, 2), kernel_map.transposed)
    return grad_feats, table_kernel_gradient(feats, grad, kernel_map)


def neighbourhoods(feats: Tensor, kernel_map: KernelMap, *, width: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """A block of output rows, some offsets, and the neighbours there: (rows, offsets * C_in), offset by offset.

    Below, up to a full side, and where there is no neighbour, are zeros.
    """
    block = rows_at_once(feats, width, rows=kernel_map.num_out)
    group = offsets_at_once(feats, kernel_map, rows=block)
    padded = F.pad(feats, (0, 0, 0, 1))
    for start in range(0, kernel_map.num_out, block):
        for first in range(0, kernel_map.volume, group):
            rows, offsets = slice(start, start + block), slice(first, first + group)
            places = F.pad(
                kernel_map.table[offsets, rows], (0, -min(block, kernel_map.num_out - start) % SIDE), value=len(feats)
            )
            gathered = padded.index_select(0, places.T.reshape(-1))
            yield rows, offsets, gathered.view(places.shape[1], -1)


def begin_sums(feats: Tensor, kernel: Tensor, kernel_map: KernelMap, *, block: int) -> Tensor:
    """(num_out, C_out) what each row adds to itself; zeros where the map has no identity."""
    shape = full(kernel_map.num_out), kernel.shape[2]
    if kernel_map.identity is None:
        return feats.new_zeros(shape)[: kernel_map.num_out]
    summed = feats.new_empty(shape)
    for rows, sums in zip(feats.split(block), summed.split(block), strict=True):
        torch.mm(full_rows(rows), kernel[kernel_map.identity], out=sums)
    return summed[: kernel_map.num_out]


def begin_kernel_gradient(feats: Tensor, grad: Tensor, kernel_map: KernelMap, *, block: int) -> Tensor:
    """(K, C_in, C_out) the part of rows that meet themselves; zeros at all other offsets."""
    summed = feats.new_zeros(kernel_map.volume, feats.shape[1], grad.shape[1])
    if kernel_map.identity is not None:
        for left, right in zip(feats.split(block), grad.split(block), strict=True):
            summed[kernel_map.identity].addmm_(full_rows(left).T, full_rows(right))
    return summed


def chunks(kernel_map: KernelMap, *, block: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """(offset, input rows, output rows) of at most `block` pairs of one offset, in the order of the offsets."""
    offsets, sizes = [], []
    for offset, (start, stop) in enumerate(pairwise(kernel_map.starts)):
        for first in range(start, stop, block):
            offsets.append(offset)
            sizes.append(min(block, stop - first))
    if sizes:
        yield from zip(offsets, kernel_map.in_rows.split(sizes), kernel_map.out_rows.split(sizes), strict=True)


def gather(feats: Tensor, rows: Tensor, buffer: Tensor, *, zeros: bool = False) -> Tensor:
    """The chosen rows in the buffer, and up to a full side rows that mean nothing, or are zero."""
    torch.index_select(feats, 0, rows, out=buffer[: len(rows)])
    if zeros and len(rows) % SIDE:
        buffer[len(rows) : full(len(rows))] = 0
    return buffer[: full(len(rows))]


def full_rows(rows: Tensor) -> Tensor:
    """Rows with rows of zeros below, up to a full side; a view where there are none."""
    return F.pad(rows, (0, 0, 0, -len(rows) % SIDE)) if len(rows) % SIDE else rows


def full(count: int) -> int:
    """The multiple of a side that holds `count`."""
    return count + -count % SIDE


def rows_at_once(feats: Tensor, width: int, *, rows: int) -> int:
    """Rows of a block: few enough to stay in the cache of a processor; all `rows` on a graphics card."""
    if feats.device.type != "cpu":
        return max(SIDE, full(rows))
    low, high = BLOCK_ROWS
    return min(max(BLOCK_NUMBERS // max(feats.shape[1], width), low), high) // SIDE * SIDE


def offsets_at_once(feats: Tensor, kernel_map: KernelMap, *, rows: int) -> int:
    """Offsets whose neighbours are gathered together: one on a processor; on a graphics card as many as fit."""
    if feats.device.type == "cpu":
        return 1
    return min(max(GATHERED_NUMBERS // (rows * feats.shape[1]), 1), kernel_map.volume)
