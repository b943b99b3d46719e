"""budget_study.py: plans, runs, writes its three files, and says what is wrong with what it was given."""

import json
from unittest import mock

import pytest
from study_worlds import TWO_STEPS, finish
from tool_runner import run_tool

from sparsevision.studies import schedule

TOOL = "annotation/budget_study.py"
CONFIG = "study_sparseseg_resnet18_point_camouflage"
DENSE = "study_sparseseg_resnet18_dense_camouflage"


@pytest.fixture
def arguments(tiny_set, tmp_path):
    options = [f"{loader}_dataloader.dataset.data_root={tiny_set}" for loader in ("train", "test")]
    return [
        CONFIG, "--budgets", "1,2", "--selectors", "random,k_center", "--seeds", "2", "--dense", DENSE,
        "--work-dir", tmp_path / "runs", "--cfg-options", *options, "+study.features=thumbnail",
    ]  # fmt: skip


@pytest.fixture
def quick():
    with mock.patch.object(schedule.run_all, "__kwdefaults__", {**schedule.run_all.__kwdefaults__, "start": finish}):
        yield


def test_table_picture_and_page(arguments, quick, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Study\n<!-- camo:begin -->\n<!-- camo:end -->\n")
    finished = run_tool(TOOL, *arguments, "--readme", page, "--marker", "camo")
    assert finished.code == 0, finished.err
    assert " runs, 0 done before" in finished.out
    assert "k_center: the choice is the same for every seed" in finished.out
    lines = (tmp_path / "runs" / "study.csv").read_text().splitlines()
    assert len(lines) == 1 + 8 + 2
    assert lines[0].startswith("config,kind,selector,budget,seed,units,annotations,annotation_seconds")
    assert (tmp_path / "runs" / "study.png").stat().st_size > 1000
    text = page.read_text()
    assert "| point | random | 1 images | 2 | 5 s | 0.1105 |" in text
    assert "| mask | all | everything | 4 | 16 min |" in text
    assert "python tools/annotation/budget_study.py" in text
    again = run_tool(TOOL, *arguments)
    assert "seed 0: cod" not in again.out


def test_prices_are_changed_without_training_again(arguments, quick, tmp_path):
    run_tool(TOOL, *arguments)
    costs = tmp_path / "costs.json"
    costs.write_text(json.dumps({"point": 30}))
    finished = run_tool(TOOL, *arguments, "--costs", costs)
    assert "seed 0: cod" not in finished.out
    assert "| point | random | 2 images | 4 | 2 min |" in finished.out


def test_dry_run_runs_nothing(arguments, tmp_path):
    finished = run_tool(TOOL, *arguments, "--dry-run")
    assert finished.code == 0, finished.err
    assert f"{CONFIG}, random 2, seed 1: run" in finished.out
    assert not (tmp_path / "runs" / "study.csv").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--selectors": "k_centre"}, "Did you mean 'k_center'"),
        ({"--budgets": "2 five"}, "takes whole numbers"),
        ({"--budgets": "0"}, "from 1 on"),
        ({"--budgets": "400"}, "has 4 images to choose from"),
        ({"--metric": "cod/wf"}, "Did you mean 'cod/wF'"),
    ],
)
def test_wrong_input_is_named(arguments, quick, change, message):
    ((flag, value),) = change.items()
    finished = run_tool(TOOL, *arguments, flag, *value.split())
    assert finished.code == 2
    assert message in finished.err


def test_a_config_without_labels_is_refused(tmp_path):
    finished = run_tool(TOOL, "tiny_gensam_mobilesam_conse", "--budgets", "2", "--work-dir", tmp_path)
    assert finished.code == 2
    assert "does not train" in finished.err


def test_a_page_without_markers_is_refused_before_anything_is_trained(arguments, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Study\n")
    finished = run_tool(TOOL, *arguments, "--readme", page)
    assert finished.code == 2
    assert "budget_study:begin" in finished.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_real_processes_two_at_a_time(arguments, tmp_path):
    finished = run_tool(TOOL, *arguments, *TWO_STEPS, "--jobs", "2", "--seeds", "1")
    assert finished.code == 0, finished.err + finished.out
    assert len((tmp_path / "runs" / "study.csv").read_text().splitlines()) == 1 + 4 + 1
