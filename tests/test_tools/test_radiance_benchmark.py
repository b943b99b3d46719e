"""tools/analysis_tools/radiance_benchmark.py: every contender renders and learns, and what is said about them."""

import importlib.util
import json

import pytest
import torch
from tool_runner import ROOT, run_tool

TOOL = "analysis_tools/radiance_benchmark.py"
HAS_STUDIO = importlib.util.find_spec("nerfstudio") is not None


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("radiance_benchmark", ROOT / "tools" / TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_run_to_json(tmp_path):
    before = torch.get_num_threads()
    options = ["--rays", 4, "--samples", 3, "--rounds", 1, "--threads", 1, "--out", tmp_path / "speed.json"]
    try:
        finished = run_tool(TOOL, *options)
    finally:
        torch.set_num_threads(before)
    assert finished.code == 0, finished.err
    written = json.loads((tmp_path / "speed.json").read_text())
    assert (written["rays"], written["samples"]) == (4, 3)
    assert len(written["figures"]) == (5 if HAS_STUDIO else 3)
    assert all(0 < figure["rays_per_second"] <= figure["fastest"] for figure in written["figures"])
    assert ("nerfstudio is not installed" in finished.out) != HAS_STUDIO


def test_contenders_render_colours_and_their_fields_learn(benchmark):
    rays, z = benchmark.random_rays(5, 4, seed=0)
    for contender in benchmark.our_contenders() + benchmark.studio_contenders():
        assert benchmark.turn(contender, rays, z) > 0
        rgb = contender.render(contender.field, rays, z)
        assert rgb.shape == (5, 3), contender.name
        assert 0 <= rgb.min() <= rgb.max() <= 1, contender.name
        assert any(value.grad is not None for value in contender.field.parameters()), contender.name


def test_a_bar_that_is_missed_is_said_so(benchmark):
    speeds = {benchmark.DENSE: 100.0, benchmark.STUDIO_HASH: 10.0, benchmark.STUDIO_VANILLA: 50.0}
    said = benchmark.verdicts([benchmark.Figure(name, 2, speed, speed) for name, speed in speeds.items()])
    assert "10.0 x as fast as nerfstudio's hash grid (5 wanted)" in said[0]
    assert "2.0 x as fast as nerfstudio's NeRF network (5 wanted, NOT MET)" in said[1]
