"""seed_table.py: runs what is missing, skips what is done, notices a changed config, writes the table."""

import json
import subprocess
from pathlib import Path
from unittest import mock

import pytest
from tool_runner import run_tool

from sparsevision.engine.overrides import options_of

TOOL = "analysis_tools/seed_table.py"


class FakeTools:
    """Stands in for train.py and test.py: leaves the files that the Runner would leave."""

    def __init__(self):
        self.calls = []
        self.fail_at = None

    def __call__(self, line, check, preexec_fn):
        script = line[1].rsplit("/", 1)[-1]
        self.calls.append((script, line[2:]))
        if self.fail_at == len(self.calls):
            return subprocess.CompletedProcess(line, 1)
        folder = Path(line[line.index("--work-dir") + 1])

        seed = next(int(word.split("=")[1]) for word in line if word.startswith("randomness.seed="))
        if script == "train.py":
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "epoch_1.pth").write_bytes(b"weights")
            (folder / "last_checkpoint").write_text(str(folder / "epoch_1.pth"))
        else:
            (folder / "20260101_000000").mkdir(parents=True)
            (folder / "20260101_000000" / "20260101_000000.json").write_text(
                json.dumps({"MAE": 0.1 + seed / 100, "data_time": 1.0, "time": 2.0})
            )
        return subprocess.CompletedProcess(line, 0)


@pytest.fixture
def tools():
    fake = FakeTools()
    with mock.patch("subprocess.run", fake):
        yield fake


@pytest.fixture
def config(tiny_config, tmp_path):
    path = tmp_path / "trained.py"
    path.write_text(tiny_config.read_text() + "train_cfg = dict(by_epoch=True, max_epochs=1)\n")
    return path


def test_every_seed_is_trained_and_tested_and_the_table_written(config, tools, tmp_path):
    page = tmp_path / "README.md"
    page.write_text("# Numbers\n<!-- seed_table:begin -->\n<!-- seed_table:end -->\n")
    finished = run_tool(TOOL, config, "--seeds", "2", "--work-dir", tmp_path / "runs", "--readme", page)
    assert finished.code == 0, finished.err
    assert [script for script, _ in tools.calls] == ["train.py", "test.py"] * 2
    assert tools.calls[1][1][1].endswith("seed_0/epoch_1.pth")
    text = page.read_text()
    assert "| trained | MAE | 0.1000 | 0.1100 | 0.1050 | 0.0071 | 0.0050 |  |" in text
    assert "python tools/analysis_tools/seed_table.py" in text
    assert "time" not in text


def test_done_runs_are_skipped_and_a_failed_one_is_taken_up(config, tools, tmp_path):
    arguments = [config, "--seeds", "2", "--work-dir", tmp_path / "runs"]
    tools.fail_at = 3
    finished = run_tool(TOOL, *arguments)
    assert finished.code == 2
    assert "what is done is kept" in finished.err
    tools.calls.clear()
    tools.fail_at = None
    assert run_tool(TOOL, *arguments).code == 0
    assert [line[-1] for _, line in tools.calls] == ["randomness.seed=1"] * 2
    assert "--resume" in tools.calls[0][1]


def test_a_changed_config_is_run_again_beside_the_old(config, tools, tmp_path):
    arguments = [config, "--seeds", "1", "--work-dir", tmp_path / "runs"]
    run_tool(TOOL, *arguments)
    config.write_text(config.read_text().replace("max_epochs=1", "max_epochs=2"))
    tools.calls.clear()
    finished = run_tool(TOOL, *arguments)
    assert "the config has changed" in finished.out
    assert len(tools.calls) == 2
    assert len(list((tmp_path / "runs" / "trained").iterdir())) == 2


def test_a_method_that_does_not_train_is_only_tested(tiny_config, tools, tmp_path):
    finished = run_tool(TOOL, tiny_config, "--seeds", "1", "--work-dir", tmp_path / "runs")
    assert finished.code == 0, finished.err
    assert [script for script, _ in tools.calls] == ["test.py"]


def test_a_second_training_starts_from_the_first_of_its_seed(config, tools, tmp_path):
    first = tmp_path / "before.py"
    first.write_text(config.read_text())
    finished = run_tool(TOOL, config, "--start-from", first, "--seeds", "2", "--work-dir", tmp_path / "runs")
    assert finished.code == 0, finished.err
    trained = [words for script, words in tools.calls if script == "train.py"]
    assert [Path(words[0]).stem for words in trained] == ["before", "trained"] * 2
    for seed in (0, 1):
        assert f"load_from={tmp_path}/runs/before/seed_{seed}/epoch_1.pth" in map(str, trained[2 * seed + 1])


def test_the_folder_of_the_first_training_may_have_any_name(config, tools, tmp_path):
    first, runs = tmp_path / "before.py", tmp_path / "runs, new"
    first.write_text(config.read_text())
    assert trained_by(tools, config, "--start-from", first, "--seeds", "1", "--work-dir", runs) == ["before", "trained"]
    words = [words for script, words in tools.calls if script == "train.py"][1]
    given = options_of(words[words.index("--cfg-options") + 1 :])
    assert given["load_from"] == str(runs / "before" / "seed_0" / "epoch_1.pth")


def trained_by(tools, *arguments):
    """Which configs a call trains."""
    tools.calls.clear()
    finished = run_tool(TOOL, *arguments)
    assert finished.code == 0, finished.err
    return [Path(words[0]).stem for script, words in tools.calls if script == "train.py"]


def test_what_a_run_starts_from_belongs_to_its_result(config, tools, tmp_path):
    first, other = tmp_path / "before.py", tmp_path / "other.py"
    for path in (first, other):
        path.write_text(config.read_text())
    other.write_text(config.read_text() + "work_dir = 'elsewhere'\n")
    plain = [config, "--seeds", "1", "--work-dir", tmp_path / "runs"]
    assert trained_by(tools, *plain, "--start-from", first) == ["before", "trained"]
    assert trained_by(tools, *plain, "--start-from", first) == []
    assert trained_by(tools, *plain, "--start-from", other) == ["other", "trained"]
    assert trained_by(tools, *plain) == ["trained"]
    assert trained_by(tools, *plain) == []


def test_an_edit_of_the_first_config_has_both_run_again(config, tools, tmp_path):
    first = tmp_path / "before.py"
    first.write_text(config.read_text())
    arguments = [config, "--start-from", first, "--seeds", "1", "--work-dir", tmp_path / "runs"]
    trained_by(tools, *arguments)
    first.write_text(first.read_text().replace("max_epochs=1", "max_epochs=2"))
    assert trained_by(tools, *arguments) == ["before", "trained"]


def test_the_first_config_does_not_start_from_itself(config, tools, tmp_path):
    first = tmp_path / "before.py"
    first.write_text(config.read_text())
    arguments = [first, config, "--start-from", first, "--seeds", "1", "--work-dir", tmp_path / "runs"]
    assert trained_by(tools, *arguments) == ["before", "before", "trained"]
    assert trained_by(tools, *arguments) == []


def test_an_unknown_metric_is_named(config, tools, tmp_path):
    finished = run_tool(TOOL, config, "--seeds", "1", "--metrics", "MEA", "--work-dir", tmp_path / "runs")
    assert finished.code == 2
    assert "Did you mean 'MAE'" in finished.err


def test_a_page_without_markers_is_refused(config, tools, tmp_path):
    page = tmp_path / "README.md"
    page.write_text("# Numbers\n")
    finished = run_tool(TOOL, config, "--seeds", "1", "--work-dir", tmp_path / "runs", "--readme", page)
    assert finished.code == 2
    assert "seed_table:begin" in finished.err


@pytest.mark.slow
def test_the_real_tools_leave_what_the_table_reads(tmp_path, tiny_set):
    options = [f"{loader}_dataloader.dataset.data_root={tiny_set}" for loader in ("train", "test")]
    stem = "tiny_sparseseg_resnet18_point_30e_camouflage"
    arguments = [stem, "--seeds", "1", "--metrics", "cod/MAE", "--work-dir", tmp_path]
    finished = run_tool(TOOL, *arguments, "--cfg-options", *options, "train_cfg.max_epochs=2")
    assert finished.code == 0, finished.err
    result = json.loads((tmp_path / stem / "seed_0" / "result.json").read_text())
    assert f"| {stem} | cod/MAE | {result['metrics']['cod/MAE']:.4f} |" in finished.out
