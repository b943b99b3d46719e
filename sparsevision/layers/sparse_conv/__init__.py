"""Sparse 3-D convolution in plain torch: forward and backward, CPU and CUDA, any number of threads."""

from sparsevision.layers.sparse_conv.coordinates import CoordinateManager, kernel_offsets
from sparsevision.layers.sparse_conv.functional import convolve_pairs, convolve_table
from sparsevision.layers.sparse_conv.kernel_map import KernelMap
from sparsevision.layers.sparse_conv.modules import (
    SparseBatchNorm,
    SparseConv3d,
    SparseConvTranspose3d,
    SparseInverseConv3d,
    SparseReLU,
    SubmanifoldConv3d,
)
from sparsevision.layers.sparse_conv.spconv_backend import convolve_spconv
from sparsevision.layers.sparse_conv.tensor import SparseTensor, concatenate

__all__ = [
    "CoordinateManager",
    "KernelMap",
    "SparseBatchNorm",
    "SparseConv3d",
    "SparseConvTranspose3d",
    "SparseInverseConv3d",
    "SparseReLU",
    "SparseTensor",
    "SubmanifoldConv3d",
    "concatenate",
    "convolve_pairs",
    "convolve_spconv",
    "convolve_table",
    "kernel_offsets",
]
