"""tools/analysis_tools/benchmark.py --all: what is run, kept, compared, written. Small scripts stand for the tools."""

import json

import pytest
from tool_runner import ROOT, run_tool

from sparsevision.utils import UserError
from sparsevision.zoo import benchmarks
from sparsevision.zoo.benchmarks import (
    BENCHMARKS,
    Benchmark,
    Outcome,
    chosen,
    machine,
    page,
    ratios,
    run_all,
    run_one,
)

WORKS = """import json, sys
open({calls!r}, "a").write(" ".join(sys.argv[1:-2]) + chr(10))
json.dump([dict(work="w", name="ours", value=2.0), dict(work="w", name="plain", value=5.0)], open(sys.argv[-1], "w"))
print("a table", "\\n", "ours 2.50x plain")
sys.exit(1)  # a bar is not met
"""


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A folder of tools: one that works and one that does not; and the file that counts calls of the first."""
    folder, calls = tmp_path / "tools" / "analysis_tools", tmp_path / "calls.txt"
    folder.mkdir(parents=True)
    (folder / "good.py").write_text(WORKS.format(calls=str(calls)))
    (folder / "bad.py").write_text("raise RuntimeError('no such thing')")
    monkeypatch.setattr(benchmarks, "tools_dir", lambda: tmp_path / "tools")
    good, bad = (
        Benchmark(name, name.title(), f"{name}.py", ("--quick", "yes"), (("ours", "plain"),))
        for name in ("good", "bad")
    )
    monkeypatch.setattr(benchmarks, "BENCHMARKS", (good, bad))
    return calls


def run(folder, **options):
    said = []
    return list(run_all(chosen([]), folder, full=options.pop("full", False), say=said.append, **options)), said


def test_what_was_measured_is_not_measured_again(tools, tmp_path):
    (good, bad), said = run(tmp_path / "out")
    assert good.said == "a table\n ours 2.50x plain"
    assert good.problem == ""
    assert bad.problem == "could not be measured: RuntimeError: no such thing"
    assert said[0] == "[1/2] Good: running"
    (again, _), said = run(tmp_path / "out")
    assert said[0].startswith("[1/2] Good: measured before, 20")
    assert again == good
    assert tools.read_text() == "--quick yes\n"


@pytest.mark.parametrize("options", [{"full": True}, {"restart": True}])
def test_other_arguments_and_restart_measure_anew(tools, tmp_path, options):
    run(tmp_path / "out")
    run(tmp_path / "out", **options)
    assert len(tools.read_text().splitlines()) == 2


def test_changed_code_is_measured_anew(tools, tmp_path):
    run(tmp_path / "out")
    script = tmp_path / "tools" / "analysis_tools" / "good.py"
    script.write_text(script.read_text() + "# changed\n")
    run(tmp_path / "out")
    assert len(tools.read_text().splitlines()) == 2


@pytest.mark.parametrize("name", ["kernel.py", "layers/new.py"])
def test_a_change_of_the_package_that_is_timed_is_measured_anew(tools, tmp_path, monkeypatch, name):
    package = tmp_path / "package"
    (package / "layers").mkdir(parents=True)
    (package / "kernel.py").write_text("FAST = False\n")
    monkeypatch.setattr(benchmarks, "PACKAGE", package)
    run(tmp_path / "out")
    (package / "notes.txt").write_text("no code\n")
    run(tmp_path / "out")
    assert len(tools.read_text().splitlines()) == 1
    (package / name).write_text("FAST = True\n")
    run(tmp_path / "out")
    assert len(tools.read_text().splitlines()) == 2


def test_the_package_is_the_one_that_is_installed():
    assert (benchmarks.PACKAGE / "zoo" / "benchmarks.py").is_file()


def test_a_killed_run_left_nothing_that_counts(tools, tmp_path):
    (tmp_path / "out" / "good").mkdir(parents=True)
    (tmp_path / "out" / "good" / "figures.json").write_text("[")
    outcome = run_one(chosen(["good"])[0], tmp_path / "out" / "good", "digest", full=False)
    assert outcome.costs == {("w", "ours"): 2.0, ("w", "plain"): 5.0}


def test_the_page_has_ratios_commands_and_all_that_was_said(tools, tmp_path):
    outcomes, _ = run(tmp_path / "out")
    text = page(outcomes, command="python tools/analysis_tools/benchmark.py --all")
    for part in (
        machine(),
        "python tools/analysis_tools/benchmark.py --all",
        "python tools/analysis_tools/good.py --quick yes",
        "| w | ours | plain | 2.0 | 5.0 | 2.50 |",
        "```text\na table\n ours 2.50x plain\n```",
        "It could not be measured: RuntimeError: no such thing",
    ):
        assert part in text


def test_pairs_that_did_not_do_the_same_work_are_not_compared():
    benchmark = Benchmark("b", "B", "b.py", (), (("ours", "plain"), ("ours", "other")))
    costs = {("one", "ours"): 1.0, ("two", "plain"): 3.0, ("one", "other"): 4.0}
    assert ratios(Outcome(benchmark, "", costs=costs)) == [["one", "ours", "other", "1.0", "4.0", "4.00"]]


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.name)
def test_commands_are_ones_that_the_tools_understand(benchmark):
    shown = run_tool(f"analysis_tools/{benchmark.script}", "--help").out
    for word in [*benchmark.quick, "--out", "--readme"]:
        if word.startswith("--"):
            assert word in shown
    source = (ROOT / "tools" / "analysis_tools" / benchmark.script).read_text()
    for ours, plain in benchmark.against:  # the ways are called so; keep ratios are put together from numbers
        assert all(way in source or "keep" in way for way in (ours, plain))


def test_every_benchmark_of_the_folder_is_among_them():
    files = {path.name for path in (ROOT / "tools" / "analysis_tools").glob("*_benchmark.py")}
    assert files | {"gensam_cost.py"} == {benchmark.script for benchmark in BENCHMARKS}


def test_an_unknown_name_is_refused():
    with pytest.raises(UserError, match="Did you mean 'detr'"):
        chosen(["detrr"])


def test_the_tool_writes_the_page(tools, tmp_path):
    report = tmp_path / "page.md"
    report.write_text("above\n<!-- benchmark:begin -->\n<!-- benchmark:end -->\nbelow\n")
    options = ["--all", "--only", "good", "--folder", tmp_path / "out", "--page", report]
    finished = run_tool("analysis_tools/benchmark.py", *options)
    assert finished.code == 0, finished.err
    assert "[1/1] Good" in finished.out
    assert "| 2.50 |" in report.read_text()
    assert json.loads((tmp_path / "out" / "good" / "result.json").read_text())["said"]
    assert run_tool("analysis_tools/benchmark.py", "--all", "--folder", tmp_path / "out").code == 1


def test_a_page_without_markers_is_refused_before_anything_runs(tools, tmp_path):
    (tmp_path / "page.md").write_text("nothing")
    options = ["--all", "--folder", tmp_path / "out", "--page", tmp_path / "page.md"]
    assert run_tool("analysis_tools/benchmark.py", *options).code == 2
    assert not tools.exists()


@pytest.mark.parametrize("arguments", [[], ["--all", "some_config"]])
def test_it_takes_a_config_or_all(arguments):
    finished = run_tool("analysis_tools/benchmark.py", *arguments)
    assert finished.code == 2
    assert "give a config, or --all" in finished.err
