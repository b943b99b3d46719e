"""Sums over many blocks of pairs against one plain sum, and each gradient alone against both at once."""

import pytest
import torch
from torch import Tensor

from sparsevision.layers.sparse_conv import (
    CoordinateManager,
    KernelMap,
    SparseConv3d,
    SparseTensor,
    convolve_pairs,
    convolve_table,
    products,
)
from sparsevision.layers.sparse_conv.blocks import SIDE
from sparsevision.layers.sparse_conv.products import BLOCK_ROWS, multiply_pairs, rows_at_once

BOTH_WAYS = pytest.mark.parametrize("convolve", [convolve_pairs, convolve_table], ids=["pairs", "table"])


@pytest.fixture(scope="module")
def kernel_map() -> KernelMap:
    """A slab of 5,760 voxels in mixed order: some offsets need two blocks, none of them a full number of sides."""
    coords = torch.ones(1, 40, 36, 4).nonzero()
    return CoordinateManager(coords[torch.randperm(len(coords))]).kernel_map(1, kernel_size=3)


def plain_sum(feats: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    summed = feats @ kernel[kernel_map.identity]
    for offset, (start, stop) in enumerate(zip(kernel_map.starts[:-1], kernel_map.starts[1:], strict=True)):
        product = feats[kernel_map.in_rows[start:stop]] @ kernel[offset]
        summed = summed.index_add(0, kernel_map.out_rows[start:stop], product)
    return summed


@BOTH_WAYS
@pytest.mark.parametrize(("channels", "width"), [(16, 32), (5, 3)])
def test_blocks_add_up_to_the_plain_sum(kernel_map, convolve, channels, width):
    feats = torch.randn(kernel_map.num_in, channels, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(27, channels, width, dtype=torch.float64, requires_grad=True)
    assert kernel_map.num_in > rows_at_once(feats, width, rows=len(feats))
    ours, plain = (way(feats, kernel, kernel_map) for way in (convolve, plain_sum))
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-12)
    weights = torch.randn_like(plain)
    grads = [torch.autograd.grad((out * weights).sum(), (feats, kernel)) for out in (ours, plain)]
    for found, expected in zip(*grads, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-10)


@BOTH_WAYS
@pytest.mark.parametrize("which", [0, 1], ids=["feats", "kernel"])
def test_one_gradient_alone_is_that_of_both(kernel_map, convolve, which):
    inputs = [torch.randn(kernel_map.num_in, 8), torch.randn(27, 8, 4)]
    both = [value.clone().requires_grad_() for value in inputs]
    convolve(*both, kernel_map).square().sum().backward()
    inputs[which].requires_grad_()
    convolve(*inputs, kernel_map).square().sum().backward()
    assert torch.equal(inputs[which].grad, both[which].grad)


@pytest.mark.parametrize("together", [True, False])
def test_blocks_hold_every_pair_once_in_order(kernel_map, together):
    blocks = kernel_map.blocks(1008, together=together)
    assert kernel_map.blocks(1008, together=together) is blocks
    assert max(len(block.in_rows) for block in blocks) <= 1008
    found, offsets = [], []
    for block in blocks:
        held = torch.ones(len(block.in_rows), dtype=torch.bool).index_fill_(0, block.empty, False)
        assert not block.in_rows[~held].any()
        found.append(torch.stack([block.in_rows, block.out_rows])[:, held])
        sizes = torch.tensor(block.sizes)
        assert not (sizes % SIDE).any()
        offsets.append(torch.tensor(block.offsets).repeat_interleave(sizes)[held])
    assert torch.equal(torch.cat(found, dim=1), torch.stack([kernel_map.in_rows, kernel_map.out_rows]))
    counts = torch.cat(offsets).bincount(minlength=27)
    assert counts.tolist() == torch.tensor(kernel_map.starts).diff().tolist()


def test_small_offsets_share_a_block():
    coords = torch.ones(1, 5, 5, 5).nonzero()
    kernel_map = CoordinateManager(coords).kernel_map(1, kernel_size=3)
    alone, shared = (kernel_map.blocks(1024, together=together) for together in (False, True))
    assert [block.offsets for block in alone] == [(offset,) for offset in range(27) if offset != kernel_map.identity]
    assert len(shared) == 3


def test_a_map_without_pairs_has_no_blocks():
    assert not CoordinateManager(torch.zeros(1, 4).long()).kernel_map(1, kernel_size=3).blocks(1024, together=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_lies_in_fresh_memory_does_not_matter(kernel_map, dtype):
    """Blocks are filled up with rows that nothing has written; NaN there must stay there."""
    feats, kernel = torch.randn(kernel_map.num_in, SIDE, dtype=dtype), torch.randn(27, SIDE, SIDE, dtype=dtype)
    expected = multiply_pairs(feats, kernel, kernel_map)
    fills = torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    try:
        kernel.requires_grad_()
        found = convolve_pairs(feats, kernel, kernel_map)
        found.sum().backward()
    finally:
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = fills
    assert torch.equal(found, expected)
    assert kernel.grad.isfinite().all()


@pytest.mark.parametrize("width", [16, 96, 256, 4096])
def test_rows_of_a_block_are_full_sides_within_bounds(width):
    rows = rows_at_once(torch.empty(0, 16), width, rows=9999)
    assert rows % SIDE == 0
    assert BLOCK_ROWS[0] <= rows <= BLOCK_ROWS[1]


@pytest.mark.parametrize("group", [1, 5, 27, 100])
def test_offsets_gathered_together_are_those_one_by_one(kernel_map, monkeypatch, group):
    """As on a graphics card, where few large products are faster than many small ones."""
    feats = torch.randn(kernel_map.num_in, 16, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(27, 16, 32, dtype=torch.float64, requires_grad=True)
    ours = convolve_pairs(feats, kernel, kernel_map)
    monkeypatch.setattr(products, "offsets_at_once", lambda *args, **options: group)
    table = convolve_table(feats, kernel, kernel_map)
    torch.testing.assert_close(table, ours, rtol=0, atol=1e-12)
    grads = [torch.autograd.grad(out.square().sum(), (feats, kernel)) for out in (table, ours)]
    for found, expected in zip(*grads, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-9)


@BOTH_WAYS
def test_new_tensors_lie_where_the_voxels_lie(convolve):
    """Not on torch's default device, which a user may have set to another one."""
    coords = torch.ones(2, 3, 4, 5).nonzero()
    layers = [SparseConv3d(4, 4, kernel_size=size, stride=stride) for size, stride in ((3, 1), (2, 2), (3, 2), (5, 1))]
    x = SparseTensor(coords, torch.randn(len(coords), 4))
    expected = [layer(x).feats for layer in layers]
    with torch.device("meta"):
        x = SparseTensor(coords, x.feats)
        for layer, one in zip(layers, expected, strict=True):
            layer.convolve = convolve
            found = layer(x)
            found.feats.sum().backward()
            torch.testing.assert_close(found.feats, one)
