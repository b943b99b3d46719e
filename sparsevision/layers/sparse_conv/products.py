"""The sums of a sparse convolution and their gradients: gather a block of rows, multiply, add, block after block.

Blocks are small enough to stay in the cache of a processor. Every matrix product has full sides (see `blocks`):
channels are padded by the caller; rows are filled up here.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from sparsevision.layers.sparse_conv.blocks import SIDE, Block, full
from sparsevision.layers.sparse_conv.kernel_map import KernelMap

BLOCK_NUMBERS = 2**19
BLOCK_ROWS = (1024, 4096)
GATHERED_NUMBERS = 2**28


def multiply_pairs(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """(num_out, C_out) sums, products added to their rows one offset after the other."""
    rows = rows_at_once(feats, kernel.shape[2], rows=len(feats))
    gathered, products = feats.new_empty(rows, feats.shape[1]), feats.new_empty(rows, kernel.shape[2])
    summed, matrices = begin_sums(feats, kernel, kernel_map, block=rows), kernel.unbind()
    for block in blocks(kernel_map, feats, rows=rows):
        lefts, product = gather(feats, block.in_rows, block, gathered), products[: len(block.out_rows)]
        for offset, left, out in zip(block.offsets, lefts.split(block.sizes), product.split(block.sizes), strict=True):
            torch.mm(left, matrices[offset], out=out)
        summed.index_add_(0, block.out_rows, product)
    return summed


def pair_gradients(feats: Tensor, kernel: Tensor, grad: Tensor, kernel_map: KernelMap) -> tuple[Tensor, Tensor]:
    """Gradients of the features, (num_in, C_in), and of the kernel, (K, C_in, C_out)."""
    rows = rows_at_once(feats, kernel.shape[2], rows=len(feats))
    lefts, products = feats.new_empty(2, rows, feats.shape[1])
    rights, turned = grad.new_empty(rows, grad.shape[1]), kernel.transpose(1, 2)
    grad_feats, grad_kernel = (
        begin_sums(grad, turned, kernel_map.transposed, block=rows),
        begin_kernel_gradient(feats, grad, kernel_map, block=rows),
    )
    matrices, sums = turned.unbind(), grad_kernel.unbind()
    for block in blocks(kernel_map, feats, rows=rows):
        parts = (
            gather(feats, block.in_rows, block, lefts),
            gather(grad, block.out_rows, block, rights),
            products[: len(block.in_rows)],
        )
        for offset, left, right, out in zip(block.offsets, *(part.split(block.sizes) for part in parts), strict=True):
            torch.mm(right, matrices[offset], out=out)
            sums[offset].addmm_(left.T, right)
        grad_feats.index_add_(0, block.in_rows, parts[2])
    return grad_feats, grad_kernel


def kernel_gradient(feats: Tensor, grad: Tensor, kernel_map: KernelMap) -> Tensor:
    """(K, C_in, C_out) sum over pairs of feats[in]^T grad[out]."""
    rows = rows_at_once(feats, grad.shape[1], rows=len(feats))
    lefts, rights = feats.new_empty(rows, feats.shape[1]), grad.new_empty(rows, grad.shape[1])
    summed = begin_kernel_gradient(feats, grad, kernel_map, block=rows)
    for block in blocks(kernel_map, feats, rows=rows):
        parts = gather(feats, block.in_rows, block, lefts), gather(grad, block.out_rows, block, rights)
        for offset, left, right in zip(block.offsets, *(part.split(block.sizes) for part in parts), strict=True):
            summed[offset].addmm_(left.T, right)
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


def blocks(kernel_map: KernelMap, feats: Tensor, *, rows: int) -> tuple[Block, ...]:
    """What is gathered at once; one offset at a time on a graphics card, where no two threads may add to one row."""
    return kernel_map.blocks(rows, together=feats.device.type == "cpu")


def gather(feats: Tensor, rows: Tensor, block: Block, buffer: Tensor) -> Tensor:
    """(R, C) the chosen rows in the buffer, zeros where the block holds no pair."""
    return torch.index_select(feats, 0, rows, out=buffer[: len(rows)]).index_fill_(0, block.empty, 0)


def full_rows(rows: Tensor) -> Tensor:
    """Rows with rows of zeros below, up to a full side; a view where there are none."""
    return F.pad(rows, (0, 0, 0, -len(rows) % SIDE)) if len(rows) % SIDE else rows


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
