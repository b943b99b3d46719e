"""Sparse convolution in plain torch: for each offset of the kernel gather rows, multiply, add to the output rows.

Two orders of work give the same numbers up to rounding: `convolve_pairs` adds each product to its output row and is
the fast one; `convolve_table` only gathers, for devices where adding to rows is slow or forbidden. Both give the same
bits with any number of threads: a row gets its products in the order of the offsets, and every matrix product has sides
that are multiples of 16 (a BLAS picks other kernels for ragged sides, and which ones depends on the threads).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from sparsevision.layers.sparse_conv.kernel_map import KernelMap

SIDE = 16
BLOCK_NUMBERS = 2**19
BLOCK_ROWS = (1024, 4096)

Convolve = Callable[[Tensor, Tensor, KernelMap], Tensor]


def convolve_pairs(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """Sum over the pairs of the map of feats[in] @ kernel[offset], at row `out`.

    Args:
        feats: (num_in, C_in) features.
        kernel: (K, C_in, C_out) one matrix per offset.
        kernel_map: the pairs of this convolution.

    Returns:
        (num_out, C_out) features.
    """
    return convolve(feats, kernel, kernel_map, multiply=multiply_pairs)


def convolve_table(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """As `convolve_pairs`, without adding to scattered rows: each output row gathers its K neighbours."""
    return convolve(feats, kernel, kernel_map, multiply=multiply_table)


def convolve(feats: Tensor, kernel: Tensor, kernel_map: KernelMap, *, multiply: Callable) -> Tensor:
    """Pads the channels to full sides, runs the autograd function, cuts the padding off. Follows autocast."""
    device = feats.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        feats, kernel = feats.to(dtype), kernel.to(dtype)
    width = kernel.shape[2]
    wide_in, wide_out = -kernel.shape[1] % SIDE, -width % SIDE
    if wide_in:
        feats = F.pad(feats, (0, wide_in))
    if wide_in or wide_out:
        kernel = F.pad(kernel, (0, wide_out, 0, wide_in))
    summed = SparseConvolution.apply(feats.contiguous(), kernel.contiguous(), kernel_map, multiply)
    return summed[:, :width] if wide_out else summed


class SparseConvolution(torch.autograd.Function):
    """Gather, multiply, add; backward exchanges input and output and transposes the matrices."""

    @staticmethod
    def forward(ctx, feats: Tensor, kernel: Tensor, kernel_map: KernelMap, multiply: Callable) -> Tensor:
        ctx.save_for_backward(feats, kernel)
        ctx.kernel_map, ctx.multiply = kernel_map, multiply
        return multiply(feats, kernel, kernel_map)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        feats, kernel = ctx.saved_tensors
        grad = grad.contiguous()
        grad_feats = grad_kernel = None
        if ctx.needs_input_grad[0]:
            grad_feats = ctx.multiply(grad, kernel.transpose(1, 2), ctx.kernel_map.transposed)
        if ctx.needs_input_grad[1]:
            grad_kernel = kernel_gradient(feats, grad, ctx.kernel_map)
        return grad_feats, grad_kernel, None, None


def multiply_pairs(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """(num_out, C_out) sums, products added to their rows one offset after the other."""
    block = rows_at_once(feats, kernel.shape[2])
    summed = feats.new_zeros(kernel_map.num_out, kernel.shape[2])
    gathered, products = feats.new_empty(block, feats.shape[1]), feats.new_empty(block, kernel.shape[2])
    if kernel_map.identity is not None:
        matrix = kernel[kernel_map.identity]
        for start in range(0, len(feats), block):
            rows = block_of(feats, slice(start, start + block), gathered)
            product = torch.mm(rows, matrix, out=products[: len(rows)])
            summed[start : start + block] = product[: len(feats) - start]
    for offset, span in spans(kernel_map, block):
        rows = block_of(feats, kernel_map.in_rows[span], gathered)
        product = torch.mm(rows, kernel[offset], out=products[: len(rows)])
        summed.index_add_(0, kernel_map.out_rows[span], product[: span.stop - span.start])
    return summed


def multiply_table(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """(num_out, C_out) sums, every output row gathered at each offset; missing neighbours are a row of zeros."""
    block = rows_at_once(feats, kernel.shape[2])
    padded = F.pad(feats, (0, 0, 0, 1))
    gathered = feats.new_empty(block, feats.shape[1])
    summed = feats.new_zeros(kernel_map.num_out + -kernel_map.num_out % SIDE, kernel.shape[2])
    for start in range(0, kernel_map.num_out, block):
        for offset, rows in enumerate(kernel_map.table[:, start : start + block]):
            summed[start : start + block].addmm_(block_of(padded, rows, gathered), kernel[offset])
    return summed[: kernel_map.num_out]


def kernel_gradient(feats: Tensor, grad: Tensor, kernel_map: KernelMap) -> Tensor:
    """(K, C_in, C_out) sum over pairs of feats[in]^T grad[out]."""
    block = rows_at_once(feats, grad.shape[1])
    summed = feats.new_zeros(kernel_map.volume, feats.shape[1], grad.shape[1])
    left, right = feats.new_empty(block, feats.shape[1]), feats.new_empty(block, grad.shape[1])
    if kernel_map.identity is not None:
        for start in range(0, len(feats), block):
            span = slice(start, start + block)
            summed[kernel_map.identity].addmm_(block_of(feats, span, left).T, block_of(grad, span, right))
    for offset, span in spans(kernel_map, block):
        inputs = block_of(feats, kernel_map.in_rows[span], left)
        summed[offset].addmm_(inputs.T, block_of(grad, kernel_map.out_rows[span], right))
    return summed


def spans(kernel_map: KernelMap, block: int) -> list[tuple[int, slice]]:
    """(offset, slice of pairs) of at most `block` pairs, offsets without pairs left out."""
    bounds = zip(kernel_map.starts[:-1], kernel_map.starts[1:], strict=True)
    return [
        (offset, slice(start, min(start + block, stop)))
        for offset, (first, stop) in enumerate(bounds)
        for start in range(first, stop, block)
    ]


def block_of(feats: Tensor, rows: Tensor | slice, buffer: Tensor) -> Tensor:
    """Rows of feats, followed by zero rows up to a full side; a view of feats where nothing need be copied."""
    if isinstance(rows, slice):
        chosen = feats[rows]
        if not len(chosen) % SIDE:
            return chosen
        buffer[: len(chosen)] = chosen
    else:
        chosen = torch.index_select(feats, 0, rows, out=buffer[: len(rows)])
    filled = len(chosen) + -len(chosen) % SIDE
    buffer[len(chosen) : filled] = 0
    return buffer[:filled]


def rows_at_once(feats: Tensor, width: int) -> int:
    """Rows of a block: few enough to stay in the cache of a processor; all of them on a graphics card."""
    if feats.device.type != "cpu":
        return max(SIDE, len(feats) + -len(feats) % SIDE)
    low, high = BLOCK_ROWS
    return min(max(BLOCK_NUMBERS // max(feats.shape[1], width), low), high) // SIDE * SIDE
