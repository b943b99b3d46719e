"""Optional: spconv sums our convolutions on a CUDA device, over our kernel maps and with our parameters."""

import importlib
from types import ModuleType

import torch
from torch import Tensor

from sparsevision.layers.sparse_conv.kernel_map import KernelMap
from sparsevision.utils import UserError

DTYPES = (torch.float32, torch.float16)


def convolve_spconv(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """As `convolve_pairs`, by spconv's gather-multiply-scatter kernels (github.com/traveller59/spconv, 2.3.8).

    Numbers agree with those of `convolve_pairs` up to rounding; autocast is followed in float16. The kernel is laid
    out for spconv at each call, so that parameters, checkpoints and optimisers know nothing of it.

    Args:
        feats: (num_in, C_in) float32 or float16 CUDA tensor.
        kernel: (K, C_in, C_out) one matrix per offset.
        kernel_map: the pairs of this convolution.

    Returns:
        (num_out, C_out) features.

    Raises:
        UserError: a CPU tensor, or another number type.
        ImportError: spconv is not installed.
    """
    if not feats.is_cuda:
        raise UserError(
            f"feats are on {feats.device}; convolve_spconv takes CUDA tensors only. With more than one thread spconv's "
            "CPU build gives wrong numbers without an error: its scatter-add shares row pointers between threads (a "
            "data race). Use convolve_pairs, which is as fast there."
        )
    if feats.dtype not in DTYPES:
        raise UserError(f"feats: spconv computes in float32 or float16, not in {feats.dtype}. Use convolve_pairs.")
    return convolve_pairs_of_spconv(load_spconv(), feats, kernel, kernel_map)


def convolve_pairs_of_spconv(spconv: ModuleType, feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """The call itself; `spconv` is the module spconv.pytorch."""
    if kernel_map.volume == 1 and kernel_map.identity == 0:
        return feats @ kernel[0]
    if not len(kernel_map.padded_pairs[0, 0]):
        return feats.new_zeros(kernel_map.num_out, kernel.shape[2]) + 0 * (feats.sum() + kernel.sum())
    filters = kernel.permute(2, 0, 1).reshape(kernel.shape[2], kernel.shape[0], 1, 1, kernel.shape[1]).contiguous()
    return spconv.functional.indice_conv(
        feats.contiguous(),
        filters,
        kernel_map.padded_pairs,
        kernel_map.pair_counts,
        kernel_map.num_out,
        spconv.ConvAlgo.Native,
    )


def load_spconv() -> ModuleType:
    """The module spconv.pytorch.

    Raises:
        ImportError: it cannot be imported; the message says how to get it.
    """
    try:
        return importlib.import_module("spconv.pytorch")
    except ImportError as error:
        raise ImportError(
            f"convolve_spconv needs spconv, which cannot be imported ({error}). Install the wheel of your CUDA "
            "release, for instance: pip install spconv-cu126. Without it, convolve_pairs does the same.",
            name="spconv",
        ) from error
