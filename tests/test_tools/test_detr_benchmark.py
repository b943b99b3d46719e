"""tools/analysis_tools/detr_benchmark.py at a small size."""

import json

import pytest
from tool_runner import ROOT, run_tool

TOOL = "analysis_tools/detr_benchmark.py"
SMALL = ("--size", 96, 128, "--queries", 50, "--rounds", 1, "--threads", 1)
TOKENS = 12 * 16 + 6 * 8 + 3 * 4 + 2 * 2
CHANNELS, HIDDEN, CLASSES, LAYERS = 256, 2048, 80, 6


def encoder_gmac(counts, *, objects):
    """By hand: the value of all tokens, then projections, feed-forward net and class head of those that are kept."""
    total = 0
    for count in counts:
        total += TOKENS * CHANNELS**2 + count * (CHANNELS * (256 + 128 + 256) + 2 * CHANNELS * HIDDEN)
        if objects:
            chosen = min(count, objects)
            total += count * CHANNELS * CLASSES + 4 * chosen * CHANNELS**2 + 2 * chosen**2 * CHANNELS
    return total / 1e9


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    page = folder / "page.md"
    page.write_text("above\n<!-- detr_benchmark:begin -->\n<!-- detr_benchmark:end -->\nbelow\n")
    run = run_tool(TOOL, *SMALL, "--out", folder / "figures.json", "--readme", page)
    assert run.code == 0, run.err
    return run.out, json.loads((folder / "figures.json").read_text()), page.read_text()


def test_multiply_adds_are_those_of_the_formulas(measured):
    values = {figure["name"]: figure["value"] for figure in measured[1] if figure["work"] == "GMAC"}
    first = int(TOKENS * 0.5) + 1
    counts = [int(first * share) for share in (1.0, 0.8, 0.6, 0.6, 0.4, 0.2)]
    assert values["keep 0.5: encoder"] == pytest.approx(encoder_gmac(counts, objects=300), rel=1e-3)
    assert values["DINO, dense: encoder"] == pytest.approx(encoder_gmac([TOKENS] * LAYERS, objects=0), rel=1e-3)
    assert values["keep 0.5: decoder"] == values["DINO, dense: decoder"]


def test_every_way_is_timed_and_told(measured):
    said, figures, page = measured
    times = [figure for figure in figures if figure["work"] != "GMAC"]
    assert len(times) == 9
    assert all(figure["value"] > 0 for figure in times)
    for sentence in ("encoder: keep 0.5", "(at least 1.9x wanted", "deformable attention: ours"):
        assert sentence in said
        assert sentence in page
    assert page.startswith("above\n")
    assert page.endswith("below\n")
    assert "| keep 0.1 |" in page


def test_bars_of_the_published_size_are_told_at_that_size_alone(measured):
    assert "GMAC (53.5" not in measured[0]


@pytest.mark.parametrize(
    ("arguments", "word"), [(("--rounds", 0), "at least 1"), (("--processor-time", "--threads", 2), "--threads 1")]
)
def test_options_that_mean_nothing_are_told(arguments, word):
    run = run_tool(TOOL, *arguments)
    assert run.code == 2
    assert word in run.err


def test_the_page_of_the_configs_has_the_markers():
    text = (ROOT / "configs/focus_detr/README.md").read_text(encoding="utf-8")
    assert text.count("<!-- detr_benchmark:begin -->") == text.count("<!-- detr_benchmark:end -->") == 1
