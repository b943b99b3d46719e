"""tools/analysis_tools/event_benchmark.py: the contenders do the same work, and the figures are said and written."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pytest
from event_sets import write_dsec_events
from tool_runner import ROOT, run_tool

from sparsevision.datasets.events.representations import trilinear_voxel_grid

TINY = ["--events", 300, "--size", 16, 24, "--label-size", 24, 40, "--classes", 3, "--rounds", 2]


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("event_benchmark", ROOT / "tools/analysis_tools/event_benchmark.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    assert all(figure["seconds"] > 0 for figure in figures)
    grids = [figure for figure in figures if figure["millions"] is not None]
    assert {figure["work"].split(",")[0] for figure in grids} == {"random walks", *map(str, paths)}
    for figure in grids:
        assert figure["millions"] == pytest.approx(300 / figure["seconds"] / 1e6)
    assert "x plain formula in torch" in finished.out
    assert "with gradient: at 1/8 (ours)" in finished.out


def test_ours_and_the_formula_in_torch_are_one_grid(benchmark):
    events = benchmark.random_walks(500, size=(12, 20), rng=np.random.default_rng(0), walkers=7)
    columns = (events.x, events.y, events.t, events.p)
    ours = trilinear_voxel_grid(*columns, bins=5, height=12, width=20)
    plain = benchmark.formula_in_torch(events, bins=5, height=12, width=20).numpy()
    np.testing.assert_allclose(ours, plain, atol=1e-5)
    assert np.abs(plain).sum() > 10


def test_the_first_turn_does_not_count_and_then_the_fastest(benchmark, monkeypatch):
    now, durations = [0.0], iter([0.5, 3.0, 1.0, 2.0])

    def work():
        now[0] += next(durations)

    monkeypatch.setattr(benchmark, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    (figure,) = benchmark.measure("work", [benchmark.Contender("ours", work)], rounds=3, events=6)
    assert (figure.seconds, figure.millions) == (1.0, 6e-6)


@pytest.mark.parametrize(("slow", "said"), [(10.0, "NOT MET"), (30.0, "20.0x")])
def test_verdicts(benchmark, slow, said):
    figures = [benchmark.Figure("work", benchmark.OURS, 1.5), benchmark.Figure("work", benchmark.TORCH, slow)]
    (sentence,) = benchmark.verdicts(figures)
    assert said in sentence
    assert ("NOT MET" in sentence) == (slow < 15)


def test_sizes_must_be_above_zero():
    finished = run_tool("analysis_tools/event_benchmark.py", "--events", 1)
    assert finished.code == 2
    assert "--events must be at least 2" in finished.err
