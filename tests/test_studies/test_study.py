"""A whole study in small: planned, chosen by models, trained, tested, resumed, tabled and drawn."""

import csv
from pathlib import Path

import pytest
from study_worlds import TWO_STEPS, Ended

from sparsevision.annotation import CostModel
from sparsevision.studies.choice import named_selectors
from sparsevision.studies.picture import study_figure
from sparsevision.studies.plan import StudyRun, plan_config, plan_dense, unique_runs
from sparsevision.studies.schedule import Machine, run_all
from sparsevision.studies.table import Point, Row, chosen_metric, duration, points_of, rows_of, study_table, write_csv
from sparsevision.studies.worker import chosen_units, execute
from sparsevision.utils import UserError


def start_here(run, slot, machine):
    execute(run.save())
    return Ended()


def planned(worlds, folder, *, budgets=(2, 4), selectors="random,uncertainty", seeds=1):
    config, words = worlds("camouflage")
    return plan_config(
        config, budgets=budgets, selectors=named_selectors([selectors]), seeds=seeds, work_dir=folder,
        options=[*words, *TWO_STEPS],
    )  # fmt: skip


def test_the_plan_shares_what_is_the_same(worlds, tmp_path):
    part = planned(worlds, tmp_path, budgets=(2, 4, 6), selectors="random,k_center,uncertainty", seeds=2)
    assert len(part.runs) == 18
    by = {(run.selector, run.budget, run.seed): run for run in part.runs}
    assert by["uncertainty", 2, 1].digest == by["random", 2, 1].digest, "the first round is the random choice"
    follows = by["uncertainty", 4, 0]
    assert follows.chosen is None
    assert follows.previous == by["uncertainty", 2, 0].folder
    assert len({by[selector, 6, 0].digest for selector in ("random", "k_center", "uncertainty")}) == 1
    assert len(unique_runs([part])) == 2 * (2 + 2 + 1 + 1)
    assert by["k_center", 2, 0].chosen == by["k_center", 2, 1].chosen
    assert StudyRun.load(follows.save()) == follows


def test_another_config_is_another_run(worlds, tmp_path):
    config, words = worlds("camouflage")
    one = planned(worlds, tmp_path).runs[0]
    options = [*words, *TWO_STEPS, "optim_wrapper.optimizer.lr=0.1"]
    other = plan_config(
        config, budgets=[2], selectors=named_selectors(["random"]), seeds=1, work_dir=tmp_path, options=options
    ).runs[0]
    assert one.chosen == other.chosen
    assert one.folder != other.folder


@pytest.mark.slow
def test_a_whole_study(worlds, tmp_path):
    part = planned(worlds, tmp_path)
    options = [*worlds("camouflage")[1], *TWO_STEPS]
    dense = plan_dense("study_sparseseg_resnet18_dense_camouflage", seeds=1, work_dir=tmp_path, options=options)
    lines = []
    run_all(unique_runs([part, dense]), Machine(jobs=1), start=start_here, report=lines.append)
    assert "4 runs" in lines[0]
    first, second = (set(run.result["chosen"]) for run in part.runs if run.selector == "uncertainty")
    assert first < second
    assert len(second) == 4
    rows = rows_of(part, CostModel(point=1.0)) + rows_of(dense, CostModel(mask=100.0))
    assert [(row.selector, row.annotations, row.seconds) for row in rows] == [
        ("random", 4, 4.0), ("random", 8, 8.0), ("uncertainty", 4, 4.0), ("uncertainty", 8, 8.0), ("all", 6, 600.0),
    ]  # fmt: skip
    write_csv(tmp_path / "study.csv", rows)
    with open(tmp_path / "study.csv") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 5
    assert float(table[0]["cod/wF"]) == rows[0].metrics["cod/wF"]
    nothing = []
    run_all(unique_runs([part]), Machine(jobs=1), start=lambda *_: nothing.append(1), report=lines.append)
    assert not nothing, "what is done is not done again"


@pytest.mark.usefixtures("no_environment_report")
def test_a_run_trains_tests_and_its_model_says_what_comes_next_once(worlds, tasks, tmp_path, monkeypatch):
    part = planned(worlds, tmp_path)
    random, uncertain = part.runs[0], part.runs[-1]
    assert execute(random.save()) == random.result["metrics"]
    assert random.result["metrics"]["cod/wF"] >= 0
    chosen = chosen_units(StudyRun.load(uncertain.save()), tasks("camouflage"))
    assert set(random.chosen) < set(chosen)
    assert len(chosen) == 4
    monkeypatch.setattr("sparsevision.studies.worker._ask_model", lambda run, task: pytest.fail("asked again"))
    assert list(chosen_units(uncertain, tasks("camouflage"))) == list(chosen)


@pytest.mark.parametrize("stopped", [False, True])
def test_training_that_went_on_from_a_checkpoint_has_no_seconds(worlds, tmp_path, monkeypatch, stopped):
    part = planned(worlds, tmp_path)
    run = part.runs[0]
    folder = run.save()

    def tool(name, words):
        (folder / "iter_2.pth").write_bytes(b"weights")

    monkeypatch.setattr("sparsevision.studies.worker._tool", tool)
    monkeypatch.setattr("sparsevision.studies.worker.test_metrics", lambda folder: {"cod/wF": 0.5})
    if stopped:
        (folder / "iter_1.pth").write_bytes(b"of a start before")
    execute(folder)
    assert (run.result["training_seconds"] is None) == stopped
    (row, *_) = rows_of(part, CostModel(point=1.0))
    write_csv(tmp_path / "study.csv", [row])
    with open(tmp_path / "study.csv") as file:
        (line,) = csv.DictReader(file)
    assert (line["training_seconds"] == "") == stopped


@pytest.mark.parametrize("world", ["street", "rooms", "boxes"])
def test_models_say_what_they_are_unsure_of(world, worlds, tasks, tmp_path):
    from sparsevision.apis.model import build_model

    task = tasks(world)
    cfg = task.cfg.copy()
    if world == "boxes":
        pytest.importorskip("torchvision")
        cfg.model.backbone.pretrained = None
    model = build_model(cfg).eval()
    table = task.probabilities(model, tmp_path)
    assert len(table) == len(task.names)
    assert table.sum(axis=1) == pytest.approx(1.0, abs=1e-4)


def point(kind, selector, budget, values, seconds=10.0):
    return Point(kind=kind, selector=selector, budget=budget, units="images", annotations=budget, seconds=seconds,
                 values=dict(enumerate(values)))  # fmt: skip


def test_the_table_has_paired_differences():
    text = study_table(
        [point("point", "random", 2, [0.1, 0.3]), point("point", "ideal", 2, [0.2, 0.5]),
         point("mask", "all", 0, [0.9], seconds=7200.0)], "wF"
    )  # fmt: skip
    assert "| point | ideal | 2 images | 2 | 10 s | 0.3500 | 0.2121 | +0.1500 ± 0.0500 |" in text
    assert "| mask | all | everything |  | 2.0 h | 0.9000 |  |  |" in text


def test_the_picture_has_a_panel_a_kind_and_one_to_compare():
    points = [
        point(kind, selector, budget, [0.1 * budget, 0.2], seconds=cost * budget)
        for kind, cost in (("point", 5), ("scribble", 20))
        for selector in ("random", "ideal")
        for budget in (2, 8)
    ]
    figure = study_figure([*points, point("mask", "all", 0, [0.9, 0.8])], metric="wF", title="t")
    assert [axes.get_title() for axes in figure.axes] == ["point labels", "scribble labels",
                                                          "kinds of labels, random choice"]  # fmt: skip
    assert figure.axes[0].get_xscale() == "log"
    assert "everything labelled (10 s)" in figure.axes[0].get_legend_handles_labels()[1]


def test_a_study_without_prices_is_drawn_over_annotations():
    points = [point("cloud_point", "random", budget, [0.1], seconds=None) for budget in (1, 2)]
    figure = study_figure(points, metric="mIoU", title="t", lower_is_better=True)
    assert figure.axes[0].get_xlabel() == "annotations"
    assert "lower" in figure.axes[0].get_ylabel()


def row(**metrics):
    return Row(config="c", kind="point", selector="random", budget=1, seed=0, units=1, annotations=1, seconds=None,
               training_seconds=1.0, metrics=metrics)  # fmt: skip


def test_the_metric_is_one_that_all_have():
    assert chosen_metric([row(a=1.0, b=2.0), row(b=2.0)], None) == "b"
    with pytest.raises(UserError, match="Did you mean 'mIoU'"):
        chosen_metric([row(mIoU=1.0)], "mIOU")
    with pytest.raises(UserError, match="no metric in common"):
        chosen_metric([row(a=1.0), row(b=1.0)], None)
    with pytest.raises(UserError, match="no run is complete"):
        chosen_metric([], None)
    assert points_of([row(a=1.0)], "a", unit="images")[0].summary.mean == 1.0


def test_seconds_in_words():
    assert [duration(value) for value in (None, 40.4, 720, 76680)] == ["", "40 s", "12 min", "21.3 h"]


def test_two_configs_of_one_name_are_refused(worlds, tmp_path):
    part = planned(worlds, Path(tmp_path))
    with pytest.raises(UserError, match="given twice"):
        unique_runs([part, part])
