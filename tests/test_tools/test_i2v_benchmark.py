"""tools/analysis_tools/i2v_benchmark.py at a small size."""

import json

import pytest
from tool_runner import run_tool

TOOL = "analysis_tools/i2v_benchmark.py"
MARKERS = "<!-- i2v_benchmark:begin -->\n<!-- i2v_benchmark:end -->"


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    page = folder / "page.md"
    page.write_text(f"above\n{MARKERS}\nbelow\n")
    small = ("--size", 64, 64, "--rounds", 1, "--parts", "splat", "step", "memory")
    run = run_tool(TOOL, *small, "--out", folder / "figures.json", "--readme", page)
    assert run.code == 0, run.err
    figures = json.loads((folder / "figures.json").read_text())
    return run.out, {(figure["work"], figure["name"]): figure["value"] for figure in figures}, page.read_text()


def test_a_run_of_splatting_adds_up_its_calls(measured):
    values = measured[1]
    calls = {work: value for (work, name), value in values.items() if name == "direct" and "a call" in work}
    assert len(calls) == 4
    layers = {320: 10, 640: 10}
    expected = sum(25 * layers.get(int(work.split(":")[0].split()[-1]), 10) * value for work, value in calls.items())
    coarsest = calls["splatting at 1 x 1 x 1280: a call"]  # has twelve layers
    assert values["splatting of a 25-step run", "direct"] == pytest.approx(expected + 50 * coarsest)


def test_steps_and_their_attention_are_timed_for_every_kind(measured):
    for network in ("released layout, an eighth as wide", "tiny configs"):
        for work in ("step", "attention over time", "memory of a step"):
            assert all(measured[1][f"{work}, {network}", kind] > 0 for kind in ("ours", "plain", "blind to motion"))


def test_following_motion_needs_memory_in_a_layer(measured):
    held = {name: value for (work, name), value in measured[1].items() if "forward and backward" in work}
    assert held["blind to motion"] < held["ours"] <= 1.05 * held["plain"]


def test_bars_are_told_on_screen_and_page(measured):
    said, _, page = measured
    for sentence in ("operators built once", "(at least 5x wanted", "(at least 1.3x wanted"):
        assert sentence in said
        assert sentence in page
    assert page.startswith("above\n")
    assert page.endswith("below\n")


@pytest.mark.slow
def test_full_size_calls_cost_what_is_published():
    run = run_tool(TOOL, "--parts", "flops")
    assert run.code == 0, run.err
    assert run.out.count("within 1 % wanted)") == 3


@pytest.mark.parametrize("arguments", [("--rounds", 0), ("--size", 60, 64)])
def test_options_that_mean_nothing_are_told(arguments):
    run = run_tool(TOOL, *arguments)
    assert run.code == 2
    assert "at least 1" in run.err
