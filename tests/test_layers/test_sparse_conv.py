"""Sparse convolution against golden numbers, against dense convolution, against finite differences.

Everything runs on the CPU, and once more on the CUDA device if there is one.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sparsevision.layers.sparse_conv import (
    CoordinateManager,
    SparseBatchNorm,
    SparseConv3d,
    SparseConvTranspose3d,
    SparseInverseConv3d,
    SparseReLU,
    SparseTensor,
    SubmanifoldConv3d,
    concatenate,
    convolve_pairs,
    convolve_table,
    kernel_offsets,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "cpcm"
CASES = json.loads((GOLDEN / "cpcm.json").read_text())["sparse_conv"]
BOTH_WAYS = pytest.mark.parametrize("convolve", [convolve_pairs, convolve_table], ids=["pairs", "table"])
SIDE = 6
BATCH = 2
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(autouse=True, params=DEVICES)
def device(request) -> str:
    """Every new tensor and module lies there."""
    torch.set_default_device(request.param)
    yield request.param
    torch.set_default_device(None)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator(torch.get_default_device()).manual_seed(seed)


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "sparse_conv.npz") as numbers:
        return dict(numbers)


def voxels(occupancy: str, *, seed: int = 0, shift: int = 0) -> torch.Tensor:
    """Shuffled (N,4) voxels of a BATCH x SIDE^3 grid: all of them, a random part, one, or one far from the rest."""
    generator = seeded(seed)
    full = torch.ones(BATCH, SIDE, SIDE, SIDE).nonzero()
    full = full[torch.randperm(len(full), generator=generator)]
    if occupancy == "random":
        full = full[: len(full) // 3]
    elif occupancy == "one":
        full = full[:1]
    elif occupancy == "isolated":
        full = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 0], [0, 5, 5, 5], [1, 5, 0, 2]])
    return full + torch.tensor([0, shift, shift, shift])


def to_dense(coords: torch.Tensor, feats: torch.Tensor, *, side: int) -> torch.Tensor:
    """(BATCH,C,side,side,side) grid, zero where no voxel is."""
    grid = feats.new_zeros(BATCH, side, side, side, feats.shape[1])
    return grid.index_put(tuple(coords.T), feats).permute(0, 4, 1, 2, 3)


def rows_of(grid: torch.Tensor, coords: torch.Tensor) -> torch.Tensor:
    """(N,C) rows of a dense grid at the voxels."""
    b, x, y, z = coords.T
    return grid.permute(0, 2, 3, 4, 1)[b, x, y, z]


def dense_weight(kernel: torch.Tensor, size: int) -> torch.Tensor:
    """(K,C_in,C_out), x fastest -> (C_out,C_in,kx,ky,kz)."""
    return kernel.reshape(size, size, size, *kernel.shape[-2:]).permute(4, 3, 2, 1, 0)


def gradients(loss: torch.Tensor, *inputs: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, inputs))


def set_kernel(conv: SparseConv3d, seed: int = 1) -> SparseConv3d:
    generator = seeded(seed)
    conv.double()
    conv.kernel.data = torch.randn(conv.kernel.shape, generator=generator, dtype=torch.float64)
    return conv


def run_golden(golden, name, *, dtype, convolve):
    """Output, and the gradients of the sum of its squares w.r.t. features and kernel, in the order of the file."""
    numbers = {key: torch.tensor(golden[f"{name}_{key}"]) for key in ("in_coords", "in_feats", "out_coords")}
    case, kernel = CASES[name], torch.tensor(golden[f"{name}_kernel"])
    assert (len(numbers["in_coords"]), len(numbers["out_coords"])) == (case["voxels_in"], case["voxels_out"])
    assert len(numbers["in_coords"][:, 0].unique()) == case["batch"]
    assert len(kernel) == case["kernel_size"] ** 3
    feats = numbers["in_feats"].to(dtype).requires_grad_()
    conv_class = SparseConvTranspose3d if case["kind"] == "up" else SparseConv3d
    stride = 1 if case["kind"] == "same" else 2
    conv = conv_class(*kernel.shape[1:], kernel_size=case["kernel_size"], stride=stride, convolve=convolve).to(dtype)
    conv.kernel.data = kernel.to(dtype)
    if case["kind"] == "up":
        manager = CoordinateManager(numbers["out_coords"])
        manager.coarser(1, factor=2)
        x = SparseTensor(numbers["in_coords"], feats, stride=2, manager=manager)
    else:
        x = SparseTensor(numbers["in_coords"], feats)
    out = conv(x)
    assert torch.equal(out.coords, numbers["out_coords"].long())
    return [out.feats, *gradients(out.feats.square().sum(), feats, conv.kernel)]


@BOTH_WAYS
@pytest.mark.parametrize("name", list(CASES))
def test_golden_in_double_precision(golden, name, convolve):
    out, grad_feats, grad_kernel = run_golden(golden, name, dtype=torch.float64, convolve=convolve)
    np.testing.assert_allclose(out.detach().cpu(), golden[f"{name}_out_feats"], rtol=0, atol=1e-10)
    for found, key in ((grad_feats, "grad_feats"), (grad_kernel, "grad_kernel")):
        expected = golden[f"{name}_{key}"]
        np.testing.assert_allclose(found.cpu(), expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


@BOTH_WAYS
@pytest.mark.parametrize("name", list(CASES))
def test_golden_in_single_precision(golden, name, convolve):
    out, _, _ = run_golden(golden, name, dtype=torch.float32, convolve=convolve)
    np.testing.assert_allclose(out.detach().cpu(), golden[f"{name}_out_feats"], rtol=0, atol=1e-5)


def dense_conv(conv: SparseConv3d, grid: torch.Tensor) -> torch.Tensor:
    """The same convolution on a dense grid; an even kernel reads k - 1 zero planes beyond the far side."""
    size = conv.kernel_size
    low = size // 2 if size % 2 else 0
    high = size - 1 - low
    padded = F.pad(grid, (low, high) * 3)
    weight = dense_weight(conv.kernel.reshape(-1, conv.in_channels, conv.out_channels), size)
    return F.conv3d(padded, weight, None if conv.bias is None else conv.bias[0], stride=conv.stride)


@BOTH_WAYS
@pytest.mark.parametrize("occupancy", ["full", "random", "one", "isolated"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_equals_dense_conv3d(size, stride, occupancy, convolve):
    coords = voxels(occupancy)
    feats = torch.randn(len(coords), 3, dtype=torch.float64, requires_grad=True)
    conv = set_kernel(SparseConv3d(3, 5, kernel_size=size, stride=stride, bias=True, convolve=convolve))
    out = conv(SparseTensor(coords, feats))
    expected = rows_of(dense_conv(conv, to_dense(coords, feats, side=SIDE)), out.coords)
    assert out.stride == stride
    torch.testing.assert_close(out.feats, expected, rtol=0, atol=1e-12)
    weights = torch.randn_like(expected)
    inputs = (feats, conv.kernel, conv.bias)
    for ours, theirs in zip(
        gradients((out.feats * weights).sum(), *inputs), gradients((expected * weights).sum(), *inputs), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@BOTH_WAYS
@pytest.mark.parametrize("occupancy", ["full", "random", "one", "isolated"])
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("conv_class", [SparseConvTranspose3d, SparseInverseConv3d])
def test_equals_dense_conv_transpose3d(conv_class, size, occupancy, convolve):
    coords = voxels(occupancy)
    manager = CoordinateManager(coords)
    coarse = manager.coarser(1, factor=2).coords
    feats = torch.randn(len(coarse), 4, dtype=torch.float64, requires_grad=True)
    conv = set_kernel(conv_class(4, 3, kernel_size=size, stride=2, convolve=convolve))
    out = conv(SparseTensor(coarse, feats, stride=2, manager=manager))
    assert torch.equal(out.coords, coords)
    weight = dense_weight(conv.kernel, size).transpose(0, 1)
    grid = to_dense(coarse, feats, side=SIDE // 2)
    odd = size % 2
    expected = rows_of(F.conv_transpose3d(grid, weight, stride=2, padding=odd, output_padding=odd), coords)
    torch.testing.assert_close(out.feats, expected, rtol=0, atol=1e-12)
    for ours, theirs in zip(
        gradients(out.feats.square().sum(), feats, conv.kernel),
        gradients(expected.square().sum(), feats, conv.kernel),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shift", [-1000, -2, 100_000])
def test_a_shift_by_whole_cells_changes_nothing(shift):
    """Also where coordinates are negative: cells are floored, not cut towards zero."""
    feats = torch.randn(len(voxels("random")), 4)
    down = SparseConv3d(4, 4, kernel_size=2, stride=2)
    same = SubmanifoldConv3d(4, 4)
    here, there = (same(down(SparseTensor(voxels("random", shift=by), feats))) for by in (0, shift))
    assert torch.equal(here.feats, there.feats)
    assert torch.equal(here.coords + torch.tensor([0, *[shift // 2] * 3]), there.coords)


def test_order_of_rows_is_free():
    coords = voxels("random")
    feats = torch.randn(len(coords), 4, dtype=torch.float64)
    conv = SubmanifoldConv3d(4, 6).double()
    order = torch.randperm(len(coords))
    shuffled = conv(SparseTensor(coords[order], feats[order])).feats
    torch.testing.assert_close(shuffled, conv(SparseTensor(coords, feats)).feats[order], rtol=0, atol=1e-13)


@pytest.mark.parametrize("index", range(27))
def test_kernel_index_runs_along_x_first(index):
    """A kernel that is one at a single index reads the neighbour at that offset."""
    conv = SubmanifoldConv3d(1, 1)
    conv.kernel.data.zero_()[index] = 1
    offset = torch.tensor([index % 3 - 1, index // 3 % 3 - 1, index // 9 - 1])
    assert torch.equal(kernel_offsets(3)[index], offset)
    coords = voxels("full")
    feats = torch.arange(1.0, 1 + len(coords))[:, None]
    shifted = F.pad(to_dense(coords, feats, side=SIDE), (1,) * 6)
    expected = rows_of(shifted, coords + torch.cat([torch.zeros(1, dtype=torch.long), offset + 1]))
    assert torch.equal(conv(SparseTensor(coords, feats)).feats, expected)


@BOTH_WAYS
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_by_finite_differences(size, stride, convolve):
    coords = torch.ones(1, 2, 2, 2).nonzero()[:7] + torch.tensor([0, -1, 0, 1])
    kernel_map = CoordinateManager(coords).kernel_map(1, kernel_size=size, factor=stride)
    feats = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(size**3, 2, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f, k: convolve(f, k, kernel_map), (feats, kernel))
    back = torch.randn(kernel_map.num_out, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f, k: convolve(f, k, kernel_map.transposed), (back, kernel))


def down_and_up(x: SparseTensor, layers: torch.nn.ModuleList) -> torch.Tensor:
    first, down, middle, up, last = layers
    skip = first(x)
    return last(concatenate(up(middle(down(skip))), skip)).feats


@BOTH_WAYS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [1, 7, 40, 1100, 5000])
def test_same_bits_with_one_and_two_threads(count, dtype, convolve, threads):
    generator = seeded(0)
    coords = torch.unique(torch.randint(0, 30, (count, 4), generator=generator) % torch.tensor([2, 30, 30, 30]), dim=0)
    feats = torch.randn(len(coords), 7, generator=generator, dtype=dtype)
    layers = torch.nn.ModuleList(
        [
            SubmanifoldConv3d(7, 33, convolve=convolve),
            SparseConv3d(33, 32, kernel_size=2, stride=2, convolve=convolve),
            SubmanifoldConv3d(32, 20, convolve=convolve),
            SparseConvTranspose3d(20, 17, kernel_size=2, stride=2, convolve=convolve),
            SubmanifoldConv3d(50, 5, kernel_size=1, bias=True, convolve=convolve),
        ]
    ).to(dtype)
    runs = []
    for number in (1, 2):
        threads(number)
        leaf = feats.clone().requires_grad_()
        out = down_and_up(SparseTensor(coords, leaf), layers)
        runs.append([out, *gradients(out.square().mean(), leaf, *[layer.kernel for layer in layers])])
    assert all(torch.equal(one, two) for one, two in zip(*runs, strict=True))


def test_both_ways_agree():
    coords = voxels("random")
    x = SparseTensor(coords, torch.randn(len(coords), 40, dtype=torch.float64))
    kernel_map = x.manager.kernel_map(1, kernel_size=3)
    kernel = torch.randn(27, 40, 8, dtype=torch.float64)
    pairs, table = convolve_pairs(x.feats, kernel, kernel_map), convolve_table(x.feats, kernel, kernel_map)
    torch.testing.assert_close(pairs, table, rtol=0, atol=1e-12)


def test_maps_are_built_once_and_shared_with_a_masked_copy():
    coords = voxels("random")
    x = SparseTensor(coords, torch.randn(len(coords), 4))
    down, conv = SparseConv3d(4, 4, kernel_size=2, stride=2), SubmanifoldConv3d(4, 4)
    down(conv(conv(x)))
    built = dict(x.manager.maps)
    assert len(built) == 2
    masked = x.replace_feats(torch.zeros_like(x.feats))
    assert not conv(masked).feats.any()
    down(masked)
    assert masked.manager is x.manager
    assert x.manager.maps == built
    assert x.manager.strides == (1, 2)


def test_cells_of_two_steps_are_those_of_one():
    manager = CoordinateManager(voxels("random", shift=-3))
    manager.coarser(1, factor=2)
    twice = manager.coarser(2, factor=2).coords
    once = CoordinateManager(voxels("random", shift=-3)).coarser(1, factor=4).coords
    assert torch.equal(twice, once)
    assert torch.equal(once, torch.unique(once, dim=0))


def test_no_voxels_at_all():
    x = SparseTensor(torch.empty(0, 4, dtype=torch.long), torch.empty(0, 3, requires_grad=True))
    down = SparseConv3d(3, 4, kernel_size=2, stride=2)
    out = SparseConvTranspose3d(4, 2, kernel_size=2, stride=2)(SubmanifoldConv3d(4, 4)(down(x)))
    out.feats.sum().backward()
    assert out.feats.shape == (0, 2)
    assert not down.kernel.grad.any()


@pytest.mark.parametrize(
    ("conv", "shape", "fan"),
    [
        (SubmanifoldConv3d(4, 6), (27, 4, 6), 27 * 4),
        (SubmanifoldConv3d(4, 6, kernel_size=1, bias=True), (4, 6), 4),
        (SparseConv3d(4, 6, kernel_size=2, stride=2), (8, 4, 6), 8 * 4),
        (SparseConvTranspose3d(4, 6, kernel_size=2, stride=2), (8, 4, 6), 8 * 6),
    ],
    ids=["k3", "k1", "down", "up"],
)
def test_parameters_are_laid_out_and_drawn_as_in_minkowski(conv, shape, fan):
    assert conv.kernel.shape == shape
    assert 0.7 * fan**-0.5 < conv.kernel.abs().max() <= fan**-0.5
    if conv.bias is not None:
        assert conv.bias.shape == (1, 6)
        assert conv.bias.abs().max() <= fan**-0.5


def test_batch_norm_equals_that_of_rows():
    coords, norm = voxels("random"), SparseBatchNorm(5, momentum=0.02)
    plain = torch.nn.BatchNorm1d(5, momentum=0.02)
    feats = torch.randn(len(coords), 5)
    assert torch.equal(norm(SparseTensor(coords, feats)).feats, plain(feats))
    assert list(norm.state_dict()) == [f"bn.{name}" for name in plain.state_dict()]
    assert torch.equal(norm.bn.running_var, plain.running_var)
    assert torch.equal(SparseReLU()(SparseTensor(coords, feats)).feats, feats.clamp(min=0))


def test_batch_norm_of_one_voxel_uses_the_running_statistics():
    norm, x = SparseBatchNorm(5), SparseTensor(voxels("one"), torch.randn(1, 5))
    trained = norm(x).feats
    assert torch.equal(norm.bn.running_mean, torch.zeros(5))
    assert torch.equal(norm.eval()(x).feats, trained)


def test_autocast_computes_in_the_lower_precision(device):
    coords, conv = voxels("random"), SubmanifoldConv3d(4, 6)
    x = SparseTensor(coords, torch.randn(len(coords), 4))
    with torch.autocast(device, dtype=torch.bfloat16):
        low = conv(x).feats
    low.float().sum().backward()
    assert low.dtype == torch.bfloat16
    assert conv.kernel.grad.dtype == torch.float32
    torch.testing.assert_close(low.float(), conv(x).feats, rtol=0.05, atol=0.05)
