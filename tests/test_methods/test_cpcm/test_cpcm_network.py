"""The backbones: golden numbers, names, sizes, and an independent dense U-Net."""

import json

import numpy as np
import pytest
import torch
from golden_weights import GOLDEN, published_state, published_weight
from torch.nn import functional as F

from sparsevision.layers.sparse_conv import SparseTensor
from sparsevision.methods.cpcm.network import (
    Res16UNet,
    Res16UNet14A,
    Res16UNet18A,
    Res16UNet34A,
    Res16UNet34C,
)
from sparsevision.utils import UserError

KEYS = json.loads((GOLDEN / "keys_res16unet34c_20classes.json").read_text())


@pytest.fixture(scope="module")
def network():
    network = Res16UNet34C(3, 20)
    network.load_state_dict(published_state(network))
    return network.double()


@pytest.fixture
def cloud(golden):
    arrays = golden["backbone"]
    return SparseTensor(torch.from_numpy(arrays["coords"]), torch.from_numpy(arrays["feats"]).double())


def test_names_and_shapes_are_the_released_ones(golden):
    facts = golden["numbers"]["backbone"]
    network = Res16UNet34C(facts["in_channels"], facts["num_classes"])
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == KEYS
    assert len(KEYS) == facts["keys"]
    assert sum(parameter.numel() for parameter in network.parameters()) == facts["params"] == 37_846_644


def test_weights_are_rebuilt_as_the_golden_numbers_had_them(golden):
    for key, first in golden["numbers"]["backbone"]["weight_probe"].items():
        assert published_weight(key, tuple(KEYS[key])).flatten()[:3].tolist() == first


def test_a_first_kernel_of_five_has_the_published_size():
    network = Res16UNet34C(3, 20, first_kernel=5)
    assert network.conv0p1s1.kernel.shape == (125, 3, 32)
    assert sum(parameter.numel() for parameter in network.parameters()) == 37_856_052


def test_evaluation_equals_the_golden_numbers(network, cloud, golden):
    with torch.no_grad():
        logits, features = network.eval()(cloud)
    np.testing.assert_allclose(logits, golden["backbone"]["logits_eval"], rtol=0, atol=2e-5)
    np.testing.assert_allclose(features[:200], golden["backbone"]["features_eval_first200"], rtol=0, atol=2e-5)


def test_training_equals_the_golden_numbers(cloud, golden):
    network = Res16UNet34C(3, 20)
    network.load_state_dict(published_state(network))
    with torch.no_grad():
        logits, _ = network.double().train()(cloud)
    arrays, state = golden["backbone"], network.state_dict()
    np.testing.assert_allclose(logits, arrays["logits_train"], rtol=0, atol=1e-4)
    for key, name in (("bn0", "bn0.bn.running_mean"), ("block5_norm1", "block5.0.norm1.bn.running_var")):
        expected = arrays[f"{key}_{name.rsplit('.', 1)[1]}_after_train"]
        np.testing.assert_allclose(state[name], expected, rtol=0, atol=1e-6)


class DenseUNet:
    """Res16UNet on a full grid, written out with dense convolutions over the same state; evaluation mode."""

    def __init__(self, state, layers):
        self.state, self.layers = state, layers

    def kernel(self, name):
        kernel = self.state[f"{name}.kernel"]
        side = round(kernel.shape[0] ** (1 / 3)) if kernel.ndim == 3 else 1
        return kernel.reshape(side, side, side, *kernel.shape[-2:]).permute(4, 3, 2, 1, 0)

    def conv(self, x, name, **options):
        weight = self.kernel(name)
        return F.conv3d(x, weight, padding=0 if options else weight.shape[-1] // 2, **options)

    def up(self, x, name):
        return F.conv_transpose3d(x, self.kernel(name).transpose(0, 1), stride=2)

    def norm(self, x, name):
        mean, var, weight, bias = (
            self.state[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias)

    def block(self, x, name, count):
        for index in range(count):
            part = f"{name}.{index}"
            inner = self.norm(self.conv(x, f"{part}.conv1"), f"{part}.norm1").relu()
            inner = self.norm(self.conv(inner, f"{part}.conv2"), f"{part}.norm2")
            if f"{part}.downsample.0.kernel" in self.state:
                x = self.norm(self.conv(x, f"{part}.downsample.0"), f"{part}.downsample.1")
            x = (inner + x).relu()
        return x

    def __call__(self, x):
        p1 = self.norm(self.conv(x, "conv0p1s1"), "bn0").relu()
        skips, x = [p1], p1
        for index, name in enumerate(("conv1p1s2", "conv2p2s2", "conv3p4s2", "conv4p8s2"), start=1):
            x = self.norm(self.conv(x, name, stride=2), f"bn{index}").relu()
            x = self.block(x, f"block{index}", self.layers[index - 1])
            skips.append(x)
        for index, name in enumerate(("convtr4p16s2", "convtr5p8s2", "convtr6p4s2", "convtr7p2s2"), start=4):
            x = self.norm(self.up(x, name), f"bntr{index}").relu()
            x = self.block(torch.cat([x, skips[7 - index]], dim=1), f"block{index + 1}", self.layers[index])
        return self.conv(x, "final") + self.state["final.bias"].reshape(1, -1, 1, 1, 1)


def test_a_full_grid_equals_a_dense_network_with_all_gradients():
    side, batch = 16, 2
    network = Res16UNet34C(3, 5)
    network.load_state_dict(published_state(network))
    network.double().eval()
    generator = torch.Generator().manual_seed(0)
    coords = torch.ones(batch, side, side, side).nonzero()
    coords = coords[torch.randperm(len(coords), generator=generator)]
    grid = torch.randn(batch, 3, side, side, side, generator=generator, dtype=torch.float64)
    b, x, y, z = coords.T
    sparse, _ = network(SparseTensor(coords, grid[b, :, x, y, z]))
    names = dict(network.named_parameters())
    dense = DenseUNet(names | dict(network.named_buffers()), network.LAYERS)(grid)[b, :, x, y, z]
    torch.testing.assert_close(sparse, dense, rtol=1e-12, atol=1e-12)
    weights = torch.randn(sparse.shape, generator=generator, dtype=torch.float64)
    ours = torch.autograd.grad((sparse * weights).sum(), list(names.values()))
    theirs = torch.autograd.grad((dense * weights).sum(), list(names.values()))
    for name, mine, other in zip(names, ours, theirs, strict=True):
        scale = other.abs().max().clamp(min=1)
        assert (mine - other).abs().max() <= 1e-12 * scale, name


@pytest.mark.parametrize(
    ("kind", "blocks"), [(Res16UNet14A, 8), (Res16UNet18A, 16), (Res16UNet34A, 23), (Res16UNet34C, 23)]
)
def test_the_other_backbones(kind, blocks):
    network = kind(3, 20)
    assert sum(name.endswith(".conv1") for name, _ in network.named_modules()) == blocks
    momenta = {name: module.momentum for name, module in network.named_modules() if hasattr(module, "momentum")}
    assert {value for name, value in momenta.items() if ".norm" in name} == {0.1}
    assert {value for name, value in momenta.items() if ".norm" not in name} == {0.02}
    coords = torch.tensor([[0, 1, 2, 3], [0, 1, 2, 4], [1, 90, 5, 7]])
    logits, features = network.eval()(SparseTensor(coords, torch.rand(3, 3)))
    assert logits.shape == (3, 20)
    assert features.shape == (3, kind.PLANES[7])


def test_own_sizes_and_what_is_refused():
    network = Res16UNet(4, 7, planes=(8,) * 8, layers=(1,) * 8, first_channels=8)
    logits, features = network(SparseTensor(torch.tensor([[0, 0, 0, 0], [0, 0, 0, 1]]), torch.rand(2, 4)))
    assert (logits.shape, features.shape) == ((2, 7), (2, 8))
    with pytest.raises(UserError, match="8 planes and 8 layers"):
        Res16UNet(3, 7, planes=(8, 8))
