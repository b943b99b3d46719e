"""Sparse convolution in plain torch: for each offset of the kernel gather rows, multiply, add to the output rows.

Two orders of work give the same numbers up to rounding: `convolve_pairs` adds each product to its output row and is
the fast one; `convolve_table` only gathers, for devices where adding to rows is slow or forbidden. Both give the same
bits with any number of threads: a row gets its products in the order of the offsets.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional as F

from sparsevision.layers.sparse_conv.blocks import SIDE
from sparsevision.layers.sparse_conv.kernel_map import KernelMap
from sparsevision.layers.sparse_conv.products import (
    kernel_gradient,
    multiply_pairs,
    multiply_table,
    pair_gradients,
    table_gradients,
    table_kernel_gradient,
)

Convolve = Callable[[Tensor, Tensor, KernelMap], Tensor]


@dataclass(frozen=True)
class Order:
    """One order of work.

    Attributes:
        multiply: the sums, from (feats, kernel, map).
        kernel_gradient: of the kernel alone, from (feats, grad, map).
        gradients: both, of features and kernel, from (feats, kernel, grad, map).
    """

    multiply: Callable[[Tensor, Tensor, KernelMap], Tensor]
    kernel_gradient: Callable[[Tensor, Tensor, KernelMap], Tensor]
    gradients: Callable[[Tensor, Tensor, Tensor, KernelMap], tuple[Tensor, Tensor]]


PAIRS = Order(multiply_pairs, kernel_gradient, pair_gradients)
TABLE = Order(multiply_table, table_kernel_gradient, table_gradients)


def convolve_pairs(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """Sum over the pairs of the map of feats[in] @ kernel[offset], at row `out`.

    Args:
        feats: (num_in, C_in) features.
        kernel: (K, C_in, C_out) one matrix per offset.
        kernel_map: the pairs of this convolution.

    Returns:
        (num_out, C_out) features.
    """
    return convolve(feats, kernel, kernel_map, order=PAIRS)


def convolve_table(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """As `convolve_pairs`, without adding to scattered rows: each output row gathers its K neighbours."""
    return convolve(feats, kernel, kernel_map, order=TABLE)


def convolve(feats: Tensor, kernel: Tensor, kernel_map: KernelMap, *, order: Order) -> Tensor:
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
    summed = SparseConvolution.apply(feats.contiguous(), kernel.contiguous(), kernel_map, order)
    return summed[:, :width] if wide_out else summed


class SparseConvolution(Function):
    """Gather, multiply, add; backward exchanges input and output and transposes the matrices."""

    @staticmethod
    def forward(ctx, feats: Tensor, kernel: Tensor, kernel_map: KernelMap, order: Order) -> Tensor:
        ctx.save_for_backward(feats, kernel)
        ctx.kernel_map, ctx.order = kernel_map, order
        return order.multiply(feats, kernel, kernel_map)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        feats, kernel = ctx.saved_tensors
        grad, kernel_map = grad.contiguous(), ctx.kernel_map
        match ctx.needs_input_grad[:2]:
            case (True, True):
                return *ctx.order.gradients(feats, kernel, grad, kernel_map), None, None
            case (True, False):
                return ctx.order.multiply(grad, kernel.transpose(1, 2), kernel_map.transposed), None, None, None
            case _:
                return None, ctx.order.kernel_gradient(feats, grad, kernel_map), None, None
