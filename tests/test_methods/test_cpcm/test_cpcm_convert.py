"""Published checkpoints become ours: names, layouts, sizes; the same output; everything else refused by name."""

import pytest
import torch
from golden_weights import published_state
from spunet import dense_spunet, dense_weight, spunet_shapes, spunet_state
from torch.nn import functional as F

from sparsevision.layers.sparse_conv import CoordinateManager, SparseConv3d, SparseConvTranspose3d, SparseTensor
from sparsevision.methods.cpcm import convert_checkpoint
from sparsevision.methods.cpcm.convert import convert_with_report
from sparsevision.methods.cpcm.network import Res16UNet, Res16UNet14A, Res16UNet18A, Res16UNet34A, Res16UNet34C
from sparsevision.utils import UserError

SMALL = {"base": 4, "channels": (4, 6, 8, 10, 10, 8, 6, 6), "layers": (2, 1, 1, 2, 1, 2, 1, 1)}
SPUNET34C = {"base": 32, "channels": Res16UNet34C.PLANES, "layers": Res16UNet34C.LAYERS}


def small_spunet(seed=0):
    return spunet_state(spunet_shapes(in_channels=6, num_classes=5, **SMALL), seed=seed)


@pytest.mark.parametrize(
    ("wrap", "source"),
    [
        (lambda w: {"model": {f"module.model.{k}": v for k, v in w.items()}, "epoch": 3, "metric_dict": {}}, "CPCM"),
        (lambda w: {"state_dict": {f"module.{k}": v for k, v in w.items()}, "iteration": 9}, "MinkowskiEngine"),
        (lambda w: {"state_dict": w}, "MinkowskiEngine"),
        (lambda w: w, "MinkowskiEngine"),
    ],
    ids=["cpcm", "parallel zoo", "zoo", "bare"],
)
def test_wrappers_go_and_no_weight_changes(wrap, source):
    weights = published_state(Res16UNet18A(3, 13))
    found = convert_with_report(wrap(weights))
    assert found.source == source
    assert found.variant == "18A"
    assert found.leftover == []
    assert set(found.state) == set(weights)
    assert all(torch.equal(found.state[name], value) for name, value in weights.items())


@pytest.mark.parametrize("kind", [Res16UNet14A, Res16UNet18A, Res16UNet34A, Res16UNet34C])
@pytest.mark.parametrize(("inputs", "classes", "first_kernel"), [(3, 20, 3), (6, 13, 5)])
def test_the_network_is_read_off_the_weights(kind, inputs, classes, first_kernel):
    with torch.device("meta"):
        weights = kind(inputs, classes, first_kernel=first_kernel).state_dict()
    found = convert_with_report({"state_dict": weights})
    assert found.network == {
        "in_channels": inputs,
        "num_classes": classes,
        "planes": kind.PLANES,
        "layers": kind.LAYERS,
        "first_channels": 32,
        "first_kernel": first_kernel,
    }
    assert f"Res16UNet{found.variant}" == kind.__name__


def test_other_sizes_have_no_variant_but_load():
    network = Res16UNet(2, 4, planes=(4, 6, 8, 10, 10, 8, 6, 6), layers=(1,) * 8, first_channels=5)
    found = convert_with_report(network.state_dict())
    assert found.variant is None
    Res16UNet(**found.network).load_state_dict(found.state)


def test_an_old_file_without_counters_and_classifier_loads_what_it_has():
    weights = published_state(Res16UNet14A(3, 20))
    dropped = ("num_batches_tracked", "final.kernel", "final.bias")
    found = convert_with_report({name: value for name, value in weights.items() if not name.endswith(dropped)})
    assert "num_classes" not in found.network
    loaded = Res16UNet14A(3, 7).load_state_dict(found.state, strict=False)
    assert loaded.unexpected_keys == []
    assert loaded.missing_keys == ["final.kernel", "final.bias"]


def test_one_by_one_kernels_may_have_a_third_dimension():
    weights = published_state(Res16UNet14A(3, 20))
    weights |= {"final.kernel": weights["final.kernel"][None], "final.bias": weights["final.bias"][0]}
    Res16UNet14A(3, 20).load_state_dict(convert_checkpoint(weights))


def test_what_has_no_place_is_named():
    weights = {f"model.{name}": value for name, value in published_state(Res16UNet14A(3, 20)).items()}
    found = convert_with_report(weights | {"model.crf.weight": torch.zeros(2), "head.bias": torch.zeros(1)})
    assert sorted(found.leftover) == ["crf.weight", "head.bias"]


def test_spunet_equals_its_dense_counterpart():
    state = small_spunet()
    found = convert_with_report({"epoch": 1, "state_dict": {f"module.backbone.{k}": v for k, v in state.items()}})
    assert found.source == "SpUNet"
    assert found.leftover == []
    assert found.network["widen_when_halving"] is True
    assert found.network["norm_eps"] == 1e-3
    assert found.network["first_kernel"] == 5
    network = Res16UNet(**found.network).double().eval()
    network.load_state_dict(found.state)
    coords = torch.ones(2, 16, 16, 16).nonzero()
    grid = torch.randn(2, 6, 16, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    b, x, y, z = coords.T
    with torch.no_grad():
        sparse, _ = network(SparseTensor(coords, grid[b, :, x, y, z]))
        dense = dense_spunet(state, grid, layers=SMALL["layers"])[b, :, x, y, z]
    assert dense.abs().max() > 0.1
    torch.testing.assert_close(sparse, dense, rtol=1e-12, atol=1e-12)


def test_spunet_of_the_published_size_is_a_34c():
    shapes = spunet_shapes(in_channels=6, num_classes=20, **SPUNET34C)
    state = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    found = convert_with_report(state)
    assert found.variant == "34C"
    with torch.device("meta"):
        wanted = Res16UNet34C(6, 20, first_kernel=5, widen_when_halving=True, norm_eps=1e-3).state_dict()
    assert {name: value.shape for name, value in found.state.items()} == {k: v.shape for k, v in wanted.items()}


def random_voxels():
    """A partly occupied 8^3 grid."""
    return (torch.rand(1, 8, 8, 8, generator=torch.Generator().manual_seed(2)) < 0.4).nonzero()


def converted_kernel(name):
    """(spconv's weight, ours) of one layer."""
    state = small_spunet(seed=3)
    ours = {"conv_input": "conv0p1s1", "down.1": "conv2p2s2", "up.2": "convtr5p8s2"}[name]
    return state[f"{name}.0.weight"], convert_checkpoint(state)[f"{ours}.kernel"]


def on_grid(coords, feats, side):
    grid = torch.zeros(1, feats.shape[1], side, side, side, dtype=feats.dtype)
    grid[0, :, coords[:, 1], coords[:, 2], coords[:, 3]] = feats.T
    return grid


def at(grid, coords):
    return grid[0, :, coords[:, 1], coords[:, 2], coords[:, 3]].T


@pytest.mark.parametrize(("name", "stride"), [("conv_input", 1), ("down.1", 2)])
def test_spconv_kernels_act_as_in_dense_convolutions(name, stride):
    theirs, ours = converted_kernel(name)
    size, coords = theirs.shape[1], random_voxels()
    feats = torch.randn(len(coords), theirs.shape[4], dtype=torch.float64)
    conv = SparseConv3d(theirs.shape[4], theirs.shape[0], kernel_size=size, stride=stride).double()
    conv.kernel.data = ours
    out = conv(SparseTensor(coords, feats))
    padding = size // 2 if stride == 1 else 0
    dense = F.conv3d(on_grid(coords, feats, 8), dense_weight(theirs), padding=padding, stride=stride)
    torch.testing.assert_close(out.feats, at(dense, out.coords), rtol=0, atol=1e-12)


def test_an_inverse_spconv_kernel_acts_as_in_a_dense_transposed_convolution():
    theirs, ours = converted_kernel("up.2")
    coords = random_voxels()
    manager = CoordinateManager(coords)
    coarse = manager.coarser(1, factor=2).coords
    feats = torch.randn(len(coarse), theirs.shape[4], dtype=torch.float64)
    conv = SparseConvTranspose3d(theirs.shape[4], theirs.shape[0], kernel_size=2, stride=2).double()
    conv.kernel.data = ours
    out = conv(SparseTensor(coarse, feats, stride=2, manager=manager))
    weight = dense_weight(theirs).transpose(0, 1)
    dense = F.conv_transpose3d(on_grid(coarse, feats, 4), weight, stride=2)
    torch.testing.assert_close(out.feats, at(dense, out.coords), rtol=0, atol=1e-12)


@pytest.mark.parametrize("place", [(0, 2, 2), (2, 0, 2), (2, 2, 0), (4, 3, 1)])
def test_a_spconv_kernel_of_one_number_shifts(place):
    state = small_spunet()
    weight = torch.zeros_like(state["conv_input.0.weight"])
    weight[0, *place, 0] = 1.0
    conv = SparseConv3d(6, 4, kernel_size=5).double()
    conv.kernel.data = convert_checkpoint(state | {"conv_input.0.weight": weight})["conv0p1s1.kernel"]
    coords = torch.ones(1, 8, 8, 8).nonzero()
    feats = torch.zeros(len(coords), 6, dtype=torch.float64)
    feats[:, 0] = torch.arange(1.0, len(coords) + 1)
    out = at(on_grid(coords, conv(SparseTensor(coords, feats)).feats, 8), coords)[:, 0].reshape(8, 8, 8)
    shift = [2 - index for index in place]
    expected = torch.roll(feats[:, 0].reshape(8, 8, 8), shift, dims=(0, 1, 2))
    inside = tuple(slice(max(step, 0), 8 + min(step, 0)) for step in shift)
    assert torch.equal(out[inside], expected[inside])
    assert int((out != 0).sum()) == out[inside].numel()


def test_a_linear_head_beside_the_backbone_is_the_classifier():
    state = small_spunet()
    wrapped = {f"module.backbone.{name}": value for name, value in state.items() if not name.startswith("final.")}
    wrapped |= {
        "module.seg_head.weight": state["final.weight"].reshape(5, 6),
        "module.seg_head.bias": state["final.bias"],
    }
    ours, expected = convert_checkpoint(wrapped), convert_checkpoint(state)
    assert set(ours) == set(expected)
    assert all(torch.equal(ours[name], expected[name]) for name in expected)


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: {"conv1.weight": torch.zeros(2)}, "This is no sparse U-Net.*found conv1.weight"),
        (lambda s: {}, "found nothing"),
        (lambda s: {"state_dict": [1], "epoch": 2}, "found state_dict, epoch"),
        (lambda s: {1: torch.zeros(2)}, "found 1"),
        (lambda s: s | {"ema.conv0p1s1.kernel": torch.zeros(27, 3, 32)}, "holds 2 networks"),
        (lambda s: s | {"block1.0.conv3.kernel": torch.zeros(27, 3, 32)}, "bottleneck blocks"),
        (lambda s: s | {"conv0p1s1.kernel": torch.zeros(30, 3, 32)}, r"got \(30, 3, 32\)"),
        (lambda s: s | {"conv0p1s1.kernel": torch.zeros(3, 32)}, r"got \(3, 32\)"),
        (lambda s: without(s, "bn0.bn.weight"), "not whole: bn0.bn.weight missing"),
        (lambda s: without(s, "block5.0.conv1.kernel"), "has no block5"),
        (lambda s: s | {"bn3.bn.bias": torch.zeros(3)}, r"bn3.bn.bias: expected \(64,\).*got \(3,\)"),
    ],
)
def test_other_content_is_refused(change, said):
    with torch.device("meta"):
        weights = Res16UNet14A(3, 20).state_dict()
    with pytest.raises(UserError, match=said):
        convert_checkpoint(change(dict(weights)))


def test_the_layout_of_spconv_1_is_refused():
    state = small_spunet()
    with pytest.raises(UserError, match=r"conv_input.0.weight: expected spconv 2's layout"):
        convert_checkpoint({name: v.permute(1, 2, 3, 4, 0) if v.ndim == 5 else v for name, v in state.items()})
