"""What sparse convolution refuses, and what it says then."""

import pytest
import torch

from sparsevision.layers.sparse_conv import (
    SparseConv3d,
    SparseConvTranspose3d,
    SparseTensor,
    SubmanifoldConv3d,
    concatenate,
)
from sparsevision.utils import UserError


@pytest.mark.parametrize(
    ("coords", "feats", "message"),
    [
        (torch.tensor([[0, 1, 2, 3], [1, 1, 2, 3], [0, 1, 2, 3]]), torch.zeros(3, 2), r"rows 0 and 2.*\(0, 1, 2, 3\)"),
        (torch.zeros(3, 3, dtype=torch.long), torch.zeros(3, 2), r"\(N,4\) integer.*\(3, 3\)"),
        (torch.zeros(1, 4), torch.zeros(1, 2), "expected integers, got torch.float32"),
        (torch.tensor([[-1, 0, 0, 0]]), torch.zeros(1, 2), "batch index -1"),
        (torch.tensor([[0, 0, 0, 0], [0, 2**30, 2**30, 2**30]]), torch.zeros(2, 2), "64-bit key"),
        (torch.tensor([[0, 0, 0, 0]]), torch.zeros(2, 2), r"expected \(1, C\)"),
        (torch.tensor([[0, 0, 0, 0]]), torch.zeros(1, 2, dtype=torch.long), "floating point"),
    ],
    ids=["twice", "columns", "float", "batch", "extent", "rows", "integer feats"],
)
def test_bad_input_is_refused(coords, feats, message):
    with pytest.raises(UserError, match=message):
        SparseTensor(coords, feats)


def test_misuse_is_refused():
    x = SparseTensor(torch.ones(2, 3, 3, 3).nonzero(), torch.randn(54, 4))
    with pytest.raises(UserError, match="expects 3 channels, got 4"):
        SubmanifoldConv3d(3, 4)(x)
    with pytest.raises(UserError, match="cannot be divided"):
        SparseConvTranspose3d(4, 4, kernel_size=2, stride=2)(x)
    with pytest.raises(UserError, match="no voxels of this stride are known"):
        SparseConvTranspose3d(4, 4, kernel_size=2, stride=2)(SparseTensor(x.coords, x.feats, stride=2))
    with pytest.raises(UserError, match="not the voxels that the manager holds"):
        SparseTensor(x.coords.flip(0), x.feats, manager=x.manager)
    with pytest.raises(UserError, match="lie on different voxels"):
        concatenate(x, SparseConv3d(4, 4, kernel_size=2, stride=2)(x))
    with pytest.raises(UserError, match="at most 8"):
        x.manager.kernel_map(1, kernel_size=9)


@pytest.mark.parametrize("sizes", [{"kernel_size": 0}, {"kernel_size": 9}, {"kernel_size": 3, "stride": 0}])
def test_sizes_without_meaning_are_refused(sizes):
    with pytest.raises(UserError, match="each must be 1 to 8"):
        SparseConv3d(2, 2, **sizes)
