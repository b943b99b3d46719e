"""tools/analysis_tools/sparse_conv_benchmark.py: contenders compute the same, and what is said about them."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tool_runner import load_tool, run_tool

from sparsevision.layers.sparse_conv import SparseConv3d, SparseTensor, SubmanifoldConv3d

TOOL = "analysis_tools/sparse_conv_benchmark.py"
HAS_SPCONV = importlib.util.find_spec("spconv") is not None


@pytest.fixture(scope="module")
def benchmark():
    return load_tool(TOOL)


@pytest.fixture
def cloud() -> tuple[torch.Tensor, torch.Tensor]:
    """Voxels of two samples, some of them negative, and their features."""
    generator = torch.Generator().manual_seed(0)
    coords = torch.randint(0, 40, (900, 4), generator=generator) % torch.tensor([2, 40, 40, 9])
    coords = torch.unique(coords, dim=0) - torch.tensor([0, 5, 0, 0])
    return coords, torch.rand(len(coords), 3, generator=generator) - 0.5


@pytest.mark.usefixtures("threads")
def test_a_run_from_cloud_to_json(tmp_path):
    points = np.random.default_rng(0).uniform(0, (3, 2, 1), (500, 3))
    np.save(tmp_path / "cloud.npy", np.column_stack([points, np.full_like(points, 128)]))
    options = ["--voxel-size", 0.2, "--small", "--table", "--rounds", 1, "--out", tmp_path / "speed.json"]
    finished = run_tool(TOOL, "--cloud", tmp_path / "cloud.npy", *options)
    assert finished.code == 0, finished.err
    written = json.loads((tmp_path / "speed.json").read_text())
    values = {(figure["work"], figure["name"]): figure["value"] for figure in written}
    assert {work for work, _ in values} == {"eval forward", "training step"}
    fastest = {key: value for key, value in values.items() if key[1].endswith(", fastest turn")}
    assert len(fastest) == (8 if HAS_SPCONV else 6)
    assert all(
        0 < value <= values[work, name.removesuffix(", fastest turn")] for (work, name), value in fastest.items()
    )
    assert 300 < int(finished.out.split()[0]) < 500
    assert "of it builds kernel maps" in finished.out
    assert "1 of " in finished.out
    assert ("spconv is not installed" in finished.out) != HAS_SPCONV


def test_a_forgetful_manager_builds_each_map_at_each_layer(benchmark, cloud, monkeypatch):
    coords, feats = cloud
    built = []
    plain = benchmark.CoordinateManager.kernel_map
    monkeypatch.setattr(
        benchmark.CoordinateManager,
        "kernel_map",
        lambda self, *args, **options: built.append(not self.maps) or plain(self, *args, **options),
    )
    layers = torch.nn.Sequential(SubmanifoldConv3d(3, 4), SubmanifoldConv3d(4, 4))
    outputs, empty = [], []
    for manager in (benchmark.TimedManager, benchmark.ForgetfulManager):
        x = SparseTensor(coords, feats, manager=manager(coords))
        outputs.append(layers(x).feats)
        empty.append(built.copy())
        built.clear()
        assert x.manager.seconds > 0
    assert empty == [[True, False], [True, True]]
    assert torch.equal(*outputs)


@pytest.mark.skipif(not HAS_SPCONV or torch.cuda.is_available(), reason="spconv's CPU build is not installed")
@pytest.mark.usefixtures("one_thread")
def test_spconv_gets_our_weights(benchmark, cloud):
    coords, feats = cloud
    network = benchmark.Res16UNet14A(num_classes=7)
    found = benchmark.contenders(network, table=True)
    assert [one.name for one in found][-1] == benchmark.SPCONV
    differences = benchmark.largest_differences(found, coords, feats)
    seconds, of_maps = benchmark.turn(found[-1], coords, feats, work=benchmark.STEP)
    assert max(differences.values()) < 1e-6
    assert seconds > 0
    assert of_maps is None


def test_the_first_turn_does_not_count_and_then_the_median(benchmark, monkeypatch):
    taken = iter([(9.0, None), (1.0, None), (9.0, 1.0), (1.0, 0.1), (5.0, 1.0), (3.0, 0.0)])
    monkeypatch.setattr(benchmark, "turn", lambda *args, **options: next(taken))
    figures = benchmark.measure([SimpleNamespace(name="spconv")], None, None, work="work", rounds=1)
    assert [figure.value for figure in figures] == [1000.0, 1000.0]
    figures = benchmark.measure([SimpleNamespace(name="ours")], None, None, work="work", rounds=3)
    assert [figure.value for figure in figures] == [3000.0, 1000.0, 0.1]
    assert benchmark.table_of("work", figures)[1] == [["ours", "3000", "1000", "10.0%"]]


@pytest.mark.parametrize(("ours", "share", "missed"), [(1.0, 0.01, 0), (2.2, 0.01, 1), (2.6, 0.06, 3)])
def test_verdicts(benchmark, ours, share, missed):
    figures = [
        benchmark.Figure(work, name, value)
        for work in (benchmark.FORWARD, benchmark.STEP)
        for name, value in ((benchmark.OURS, ours), (benchmark.SPCONV, 2.0), (benchmark.maps_of(benchmark.OURS), share))
    ]
    said = benchmark.verdicts(figures)
    assert len(said) == 3
    assert sum("NOT MET" in sentence for sentence in said) == missed
    assert f"{ours / 2:.2f} of spconv's time" in said[0]


def test_weights_of_the_network_with_the_table_are_its_own(benchmark):
    network = torch.nn.Sequential(SubmanifoldConv3d(3, 4))
    twin = benchmark.with_table(network)
    assert twin[0].convolve is benchmark.convolve_table
    assert network[0].convolve is not benchmark.convolve_table
    assert isinstance(twin[0], SparseConv3d)
    assert torch.equal(twin[0].kernel, network[0].kernel)


def test_no_rounds_are_refused():
    finished = run_tool(TOOL, "--rounds", 0)
    assert finished.code == 2
    assert "--rounds must be at least 1" in finished.err
