"""tools/analysis_tools/event_benchmark.py: the contenders do the same work, and the figures are said and written."""

import json

import numpy as np
import pytest
from event_sets import write_dsec_events
from tool_runner import load_tool, run_tool

from sparsevision.datasets.events.representations import trilinear_voxel_grid

TINY = ["--events", 300, "--size", 16, 24, "--label-size", 24, 40, "--classes", 3, "--rounds", 2]


@pytest.fixture(scope="module")
def benchmark():
    return load_tool("analysis_tools/event_benchmark.py")


def test_every_contender_gets_a_figure(tmp_path):
    paths = [tmp_path / name / "events.h5" for name in "ab"]
    for path in paths:
        path.parent.mkdir()
        write_dsec_events(path)
    out = tmp_path / "figures.json"
    recording = ["--recording", paths[0], "--recording", paths[1]]
    finished = run_tool("analysis_tools/event_benchmark.py", *TINY, *recording, "--out", out)
    assert finished.code == 0, finished.err
    figures = json.loads(out.read_text())
    works = {figure["work"] for figure in figures}
    assert len(works) == 5
    assert all(figure["value"] > 0 for figure in figures)
    grids = [figure for figure in figures if "events" in figure["work"]]
    assert {figure["work"].split(",")[0] for figure in grids} == {"random walks", *map(str, paths)}
    assert "x plain formula in torch" in finished.out
    assert "with gradient: at 1/8 (ours)" in finished.out


def test_ours_and_the_formula_in_torch_are_one_grid(benchmark):
    events = benchmark.random_walks(500, size=(12, 20), rng=np.random.default_rng(0), walkers=7)
    columns = (events.x, events.y, events.t, events.p)
    ours = trilinear_voxel_grid(*columns, bins=5, height=12, width=20)
    plain = benchmark.formula_in_torch(events, bins=5, height=12, width=20).numpy()
    np.testing.assert_allclose(ours, plain, atol=1e-5)
    assert np.abs(plain).sum() > 10


def test_a_table_tells_of_events_where_there_are_some(benchmark):
    figures = [benchmark.Figure("grids", "ours", 2.0), benchmark.Figure("block", "ours", 4.0)]
    grids, block = (benchmark.Work(name, {}, 1, events) for name, events in (("grids", 6000), ("block", 0)))
    assert grids.table(figures) == (["grids", "ms", "million events/s"], [["ours", "2.0", "3.0"]])
    assert block.table(figures) == (["block", "ms"], [["ours", "4.0"]])


def test_the_prototype_block_gives_its_gradient_if_it_is_asked_for(benchmark):
    for backward in (False, True):
        ways = benchmark.prototype_contenders((16, 24), classes=2, features=3, backward=backward)
        figures = benchmark.measure("block", ways, rounds=1)
        assert [figure.name for figure in figures] == [benchmark.LOW, benchmark.FULL]


@pytest.mark.parametrize(("slow", "said"), [(10.0, "NOT MET"), (30.0, "20.00x")])
def test_verdicts(benchmark, slow, said):
    figures = [benchmark.Figure("work", benchmark.OURS, 1.5), benchmark.Figure("work", benchmark.TORCH, slow)]
    (sentence, absent) = benchmark.verdicts(figures)
    assert "tonic is not installed" in absent
    assert said in sentence
    assert ("NOT MET" in sentence) == (slow < 15)


def test_sizes_must_be_above_zero():
    finished = run_tool("analysis_tools/event_benchmark.py", "--events", 1)
    assert finished.code == 2
    assert "--events must be at least 2" in finished.err
