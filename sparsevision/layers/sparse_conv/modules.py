"""Convolutions and normalisation on sparse tensors, with parameters named and laid out as in MinkowskiEngine.

Choy et al., "4D Spatio-Temporal ConvNets: Minkowski Convolutional Neural Networks", CVPR 2019. `kernel` is
(K, C_in, C_out) with x fastest, (C_in, C_out) for a 1x1x1 kernel of stride 1; `bias` is (1, C_out).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.layers.sparse_conv.coordinates import LARGEST_KERNEL
from sparsevision.layers.sparse_conv.functional import Convolve, convolve_pairs
from sparsevision.layers.sparse_conv.kernel_map import KernelMap
from sparsevision.layers.sparse_conv.tensor import SparseTensor
from sparsevision.utils import UserError


class SparseConv3d(nn.Module):
    """Convolution on occupied voxels: output on the input's voxels (stride 1), or on the cells that hold any of them.

    Equals dense conv3d at these places, with padding k // 2 for odd k; an even kernel covers c .. c + k - 1.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: side k of the cubic kernel, 1 to 8.
        stride: 1, or the side of the output cells: voxel c falls into cell floor(c / stride).
        bias: adds a learned (1, C_out).
        convolve: how to sum the products; `convolve_table` only gathers.

    Raises:
        UserError: a kernel size or stride outside 1 to 8.
    """

    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int,
        stride: int = 1,
        bias: bool = False,
        convolve: Convolve = convolve_pairs,
    ) -> None:
        super().__init__()
        if not (1 <= kernel_size <= LARGEST_KERNEL and 1 <= stride <= LARGEST_KERNEL):
            raise UserError(f"kernel_size {kernel_size}, stride {stride}: each must be 1 to {LARGEST_KERNEL}.")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = kernel_size, stride
        self.convolve = convolve
        pointwise = kernel_size == 1 and stride == 1
        shape = (in_channels, out_channels) if pointwise else (kernel_size**3, in_channels, out_channels)
        self.kernel = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.empty(1, out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform within 1 / sqrt(C K): C the input channels, the output channels of a transposed convolution."""
        fan = (self.out_channels if self.transposed else self.in_channels) * self.kernel_size**3
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(fan), 1 / math.sqrt(fan))

    def forward(self, x: SparseTensor) -> SparseTensor:
        """x (N,C_in) -> (M,C_out) on the voxels of stride x.stride * stride. UserError for other channels."""
        self.check_channels(x)
        kernel_map = x.manager.kernel_map(x.stride, kernel_size=self.kernel_size, factor=self.stride)
        return x.at_stride(x.stride * self.stride, self.sums(x.feats, kernel_map))

    def sums(self, feats: Tensor, kernel_map: KernelMap) -> Tensor:
        """The convolution on plain rows, bias included."""
        kernel = self.kernel if self.kernel.ndim == 3 else self.kernel[None]
        summed = self.convolve(feats, kernel, kernel_map)
        return summed if self.bias is None else summed + self.bias

    def check_channels(self, x: SparseTensor) -> None:
        """Raises UserError unless x has C_in channels."""
        if x.feats.shape[1] != self.in_channels:
            raise UserError(f"feats: this convolution expects {self.in_channels} channels, got {x.feats.shape[1]}.")

    def extra_repr(self) -> str:
        """Sizes, for print(model)."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"bias={self.bias is not None}"
        )


class SubmanifoldConv3d(SparseConv3d):
    """Convolution of stride 1: output on exactly the input's voxels (Graham et al., CVPR 2018)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        bias: bool = False,
        convolve: Convolve = convolve_pairs,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size=kernel_size, bias=bias, convolve=convolve)


class SparseConvTranspose3d(SparseConv3d):
    """Transposed convolution onto the finer voxels that the same cloud already has: it makes no new ones.

    The voxel and its cell meet at the same kernel offset as in the strided convolution; no flip.
    """

    transposed = True

    def forward(self, x: SparseTensor) -> SparseTensor:
        """x (N,C_in) -> (M,C_out) on the voxels of stride x.stride / stride.

        Raises:
            UserError: other channels, or no voxels known at the finer stride.
        """
        self.check_channels(x)
        if x.stride % self.stride:
            raise UserError(f"stride {x.stride}: cannot be divided by this convolution's stride {self.stride}.")
        finer = x.stride // self.stride
        kernel_map = x.manager.kernel_map(finer, kernel_size=self.kernel_size, factor=self.stride)
        return x.at_stride(finer, self.sums(x.feats, kernel_map.transposed))


class SparseInverseConv3d(SparseConvTranspose3d):
    """Goes back along a strided convolution of the same kernel size and stride, on the very pairs it used.

    With one set of voxels per stride this is the transposed convolution; the name is that of other libraries.
    """


class SparseBatchNorm(nn.Module):
    """Batch normalisation over all voxels of the batch; its statistics lie under `.bn`, as in MinkowskiEngine.

    A single voxel in training mode has no variance: it is normalised with the running statistics, which stay.
    """

    def __init__(self, num_features: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(num_features, eps=eps, momentum=momentum)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """x (N,C) -> (N,C)."""
        if len(x) > 1 or not self.training:
            return x.map_feats(self.bn)
        bn = self.bn
        return x.map_feats(
            lambda feats: F.batch_norm(feats, bn.running_mean, bn.running_var, bn.weight, bn.bias, eps=bn.eps)
        )


class SparseReLU(nn.Module):
    """max(0, feats)."""

    def forward(self, x: SparseTensor) -> SparseTensor:
        """x (N,C) -> (N,C)."""
        return x.map_feats(torch.relu)
