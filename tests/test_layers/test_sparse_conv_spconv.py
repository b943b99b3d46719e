"""The optional spconv back-end: its refusals, its call with a stand-in, its numbers where spconv and CUDA are."""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import Tensor

from sparsevision.layers.sparse_conv import (
    CoordinateManager,
    KernelMap,
    SparseTensor,
    SubmanifoldConv3d,
    convolve_pairs,
    convolve_spconv,
)
from sparsevision.layers.sparse_conv.spconv_backend import convolve_pairs_of_spconv, load_spconv
from sparsevision.utils import UserError

SIZES = pytest.mark.parametrize(("size", "stride"), [(3, 1), (5, 1), (2, 2), (3, 2), (1, 1)])
ON_CUDA = pytest.mark.skipif(
    not torch.cuda.is_available() or importlib.util.find_spec("spconv") is None, reason="no CUDA device with spconv"
)


def indice_conv(feats: Tensor, filters: Tensor, pairs: Tensor, counts: Tensor, num_out: int, algo: str) -> Tensor:
    """What spconv documents: filters (C_out, kx, ky, kz, C_in), pairs (2, K, most) int32, of each offset `counts`."""
    assert algo == "native"
    assert pairs.dtype == counts.dtype == torch.int32
    assert filters.is_contiguous()
    summed = feats.new_zeros(num_out, len(filters))
    for matrix, own, count in zip(filters.flatten(1, 3).unbind(1), pairs.unbind(1), counts.tolist(), strict=True):
        in_rows, out_rows = own.long()
        assert (own[:, count:] == -1).all()
        summed = summed.index_add(0, out_rows[:count], feats[in_rows[:count]] @ matrix.T)
    return summed


@pytest.fixture
def stand_in() -> ModuleType:
    """The part of spconv.pytorch that is called."""
    return SimpleNamespace(
        functional=SimpleNamespace(indice_conv=indice_conv), ConvAlgo=SimpleNamespace(Native="native")
    )


def maps(size: int, stride: int, *, device: str = "cpu") -> list[KernelMap]:
    coords = torch.randint(0, 9, (300, 4), device=device) % torch.tensor([2, 9, 9, 9], device=device)
    found = CoordinateManager(torch.unique(coords, dim=0)).kernel_map(1, kernel_size=size, factor=stride)
    return [found, found.transposed]


def leaves(
    kernel_map: KernelMap, size: int, *, device: str = "cpu", dtype: torch.dtype = torch.float64
) -> list[Tensor]:
    options = {"device": device, "dtype": dtype, "requires_grad": True}
    return [torch.randn(kernel_map.num_in, 16, **options), torch.randn(size**3, 16, 32, **options)]


@SIZES
def test_the_call_means_the_same_convolution(stand_in, size, stride):
    for kernel_map in maps(size, stride):
        inputs = leaves(kernel_map, size)
        ours, theirs = convolve_pairs(*inputs, kernel_map), convolve_pairs_of_spconv(stand_in, *inputs, kernel_map)
        torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-12)
        grads = [torch.autograd.grad(out.square().sum(), inputs) for out in (ours, theirs)]
        for found, expected in zip(*grads, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_voxels_give_no_rows_and_gradients_of_zero(stand_in, size):
    kernel_map = CoordinateManager(torch.empty(0, 4).long()).kernel_map(1, kernel_size=size)
    inputs = leaves(kernel_map, size)
    out = convolve_pairs_of_spconv(stand_in, *inputs, kernel_map)
    assert out.shape == (0, 32)
    out.sum().backward()
    assert not inputs[1].grad.any()


def test_cpu_tensors_are_refused_with_the_reason():
    conv = SubmanifoldConv3d(4, 4, convolve=convolve_spconv)
    x = SparseTensor(torch.zeros(1, 4).long(), torch.zeros(1, 4))
    with pytest.raises(UserError, match=r"CUDA tensors only.*data race.*Use convolve_pairs"):
        conv(x)


def test_without_spconv_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "spconv", None)
    monkeypatch.setitem(sys.modules, "spconv.pytorch", None)
    with pytest.raises(ImportError, match=r"pip install spconv-cu126.*convolve_pairs does the same"):
        load_spconv()


@ON_CUDA
@SIZES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_real_spconv_on_cuda_agrees(size, stride, dtype):
    for kernel_map in maps(size, stride, device="cuda"):
        inputs = leaves(kernel_map, size, device="cuda", dtype=dtype)
        theirs = convolve_spconv(*inputs, kernel_map)
        exact = [value.detach().double().requires_grad_() for value in inputs]
        ours = convolve_pairs(*exact, kernel_map)
        limit = 2e-5 if dtype == torch.float32 else 1e-2
        weights = torch.randn_like(theirs)
        found = [theirs, *torch.autograd.grad((theirs * weights).sum(), inputs)]
        expected = [ours, *torch.autograd.grad((ours * weights.double()).sum(), exact)]
        for one, other in zip(found, expected, strict=True):
            assert (one.double() - other).abs().max() <= limit * other.abs().max()


@ON_CUDA
def test_double_precision_is_refused_by_name():
    (kernel_map, _) = maps(3, 1, device="cuda")
    with pytest.raises(UserError, match=r"float32 or float16, not in torch\.float64"):
        convolve_spconv(*leaves(kernel_map, 3, device="cuda"), kernel_map)
