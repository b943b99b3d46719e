"""tools/analysis_tools/radiance_benchmark.py: every contender renders and learns, and what is said about them."""

import importlib.util
import json

import pytest
from tool_runner import load_tool, run_tool

TOOL = "analysis_tools/radiance_benchmark.py"
HAS_STUDIO = importlib.util.find_spec("nerfstudio") is not None


@pytest.fixture(scope="module")
def benchmark():
    return load_tool(TOOL)


@pytest.mark.usefixtures("threads")
def test_a_run_to_json(tmp_path):
    options = ["--rays", 4, "--samples", 3, "--rounds", 1, "--threads", 1, "--out", tmp_path / "speed.json"]
    finished = run_tool(TOOL, *options)
    assert finished.code == 0, finished.err
    written = json.loads((tmp_path / "speed.json").read_text())
    assert {figure["work"] for figure in written} == {"a thousand rays, 1 threads"}
    assert len(written) == 2 * (5 if HAS_STUDIO else 3)
    values = {figure["name"]: figure["value"] for figure in written}
    quickest = {name: value for name, value in values.items() if name.endswith(", fastest turn")}
    assert len(quickest) == len(values) / 2
    assert all(0 < value <= values[name.removesuffix(", fastest turn")] for name, value in quickest.items())
    assert "4 rays of 3 samples" in finished.out
    assert ("nerfstudio is not installed" in finished.out) != HAS_STUDIO


def test_contenders_render_colours_and_their_fields_learn(benchmark):
    rays, z = benchmark.random_rays(5, 4, seed=0)
    for contender in benchmark.our_contenders() + benchmark.studio_contenders():
        assert contender.turn(rays, z) > 0
        rgb = contender.render(contender.field, rays, z)
        assert rgb.shape == (5, 3), contender.name
        assert 0 <= rgb.min() <= rgb.max() <= 1, contender.name
        assert any(value.grad is not None for value in contender.field.parameters()), contender.name


def test_a_bar_that_is_missed_is_said_so(benchmark):
    taken = {benchmark.DENSE: [10.0], benchmark.STUDIO_HASH: [100.0, 90.0, 110.0], benchmark.STUDIO_VANILLA: [20.0]}
    figures = benchmark.medians(benchmark.work_of(2), taken)
    said = benchmark.verdicts(figures, [2])
    assert "10.00x nerfstudio's hash grid (at least 5x wanted)" in said[0]
    assert "2.00x nerfstudio's NeRF network (at least 5x wanted, NOT MET)" in said[1]
    assert benchmark.table_of(figures)[1][1] == [benchmark.STUDIO_HASH, "2", "10000", "11111"]
