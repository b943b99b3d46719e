"""Features on the occupied voxels of a batch of clouds."""

from collections.abc import Callable

import torch
from torch import Tensor

from sparsevision.layers.sparse_conv.coordinates import CoordinateManager
from sparsevision.utils import UserError


class SparseTensor:
    """Occupied voxels and one feature row for each.

    Args:
        coords: (N,4) integer (batch, x, y, z) in units of `stride`, each voxel once, in any order.
        feats: (N,C) floating point features.
        stride: size of these voxels in voxels of the finest level.
        manager: levels and kernel maps to share; coords must be its voxels of this stride, row by row. Built when None.

    Raises:
        UserError: coords that are no (N,4) integers or repeat a voxel, feats of other rows, or foreign coords.
    """

    def __init__(
        self, coords: Tensor, feats: Tensor, *, stride: int = 1, manager: CoordinateManager | None = None
    ) -> None:
        self.manager = manager or CoordinateManager(coords, stride=stride)
        self.stride = stride
        known = self.manager.coords(stride)
        if manager is not None and coords is not known and not torch.equal(coords.to(known), known):
            raise UserError(f"coords: not the voxels that the manager holds at stride {stride}, in the same order.")
        check_feats(feats, voxels=known)
        self.feats = feats

    @property
    def coords(self) -> Tensor:
        """(N,4) int64 (batch, x, y, z) in units of the stride."""
        return self.manager.coords(self.stride)

    def __len__(self) -> int:
        return len(self.feats)

    def __repr__(self) -> str:
        rows, channels = self.feats.shape
        return f"SparseTensor({rows} voxels, {channels} channels, stride {self.stride})"

    def replace_feats(self, feats: Tensor) -> "SparseTensor":
        """Other features (N,C') on the same voxels, with the same kernel maps."""
        return SparseTensor(self.coords, feats, stride=self.stride, manager=self.manager)

    def map_feats(self, function: Callable[[Tensor], Tensor]) -> "SparseTensor":
        """The function applied to the feature rows, for instance torch.relu."""
        return self.replace_feats(function(self.feats))

    def at_stride(self, stride: int, feats: Tensor) -> "SparseTensor":
        """Features on the voxels of another existing level of the same manager."""
        return SparseTensor(self.manager.coords(stride), feats, stride=stride, manager=self.manager)


def concatenate(first: SparseTensor, *others: SparseTensor) -> SparseTensor:
    """Channels of tensors on the same voxels side by side, in this order. UserError when the voxels differ."""
    for other in others:
        same = other.stride == first.stride and (
            other.manager is first.manager or torch.equal(other.coords, first.coords)
        )
        if not same:
            raise UserError(f"cannot concatenate {first!r} and {other!r}: they lie on different voxels.")
    return first.replace_feats(torch.cat([first.feats, *(other.feats for other in others)], 1))


def check_feats(feats: Tensor, *, voxels: Tensor) -> None:
    """Raises UserError unless feats is a floating point (N,C) on the device of the N voxels."""
    if feats.ndim != 2 or len(feats) != len(voxels):
        raise UserError(f"feats: expected ({len(voxels)}, C), one row a voxel, got {tuple(feats.shape)}.")
    if not feats.is_floating_point():
        raise UserError(f"feats: expected floating point numbers, got {feats.dtype}.")
    if feats.device != voxels.device:
        raise UserError(f"feats are on {feats.device}, coords on {voxels.device}; move both to one device.")
