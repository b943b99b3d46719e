"""Runs side by side: order, skipping, failures, Ctrl-C, and what each process is given."""

import os
import time

import pytest
from study_worlds import Ended

from sparsevision.engine.cli import Interrupted
from sparsevision.studies.plan import StudyRun
from sparsevision.studies.schedule import Machine, run_all, start_process
from sparsevision.studies.worker import LAUNCHER
from sparsevision.utils import UserError
from sparsevision.zoo.runs import write_result

RESULT = {"metrics": {"m": 1.0}, "seconds": 1.0, "training_seconds": 1.0, "chosen": []}


def make_run(folder, name, previous=None):
    return StudyRun(
        config="c.py", options=(), selector="random", budget=1, seed=0, folder=str(folder / name), digest=name,
        chosen=(), previous=None if previous is None else str(folder / previous),
    )  # fmt: skip


class Starter:
    """Finishes runs at once, all but those named; notes the order."""

    def __init__(self, fails=()):
        self.fails, self.order = fails, []

    def __call__(self, run, slot, machine):
        self.order.append(run.digest)
        if run.digest not in self.fails:
            write_result(run.save(), run.digest, RESULT)
        return Ended(int(run.digest in self.fails))


def test_what_waits_comes_after_what_it_waits_for_and_done_runs_are_skipped(tmp_path):
    runs = [
        make_run(tmp_path, "b", "a"),
        make_run(tmp_path, "c", "b"),
        make_run(tmp_path, "a"),
        make_run(tmp_path, "d"),
    ]
    lines, start = [], Starter()
    run_all(runs, Machine(jobs=1), start=start, report=lines.append)
    assert start.order == ["a", "b", "c", "d"]
    assert "all done" in lines[-1]
    again = Starter()
    run_all(runs, Machine(jobs=2), start=again, report=lines.append)
    assert again.order == []
    assert "4 done before" in lines[-1]


def test_a_failure_stops_only_what_waits_for_it(tmp_path):
    runs = [make_run(tmp_path, "a"), make_run(tmp_path, "b", "a"), make_run(tmp_path, "c")]
    start = Starter(fails=("a",))
    with pytest.raises(UserError, match="2 of 3 runs failed"):
        run_all(runs, Machine(jobs=2), start=start, report=lambda line: None)
    assert start.order == ["a", "c"]


def test_ctrl_c_stops_processes_and_keeps_what_is_done(tmp_path):
    started = []

    def start(run, slot, machine):
        if started:
            raise KeyboardInterrupt
        started.append(start_process(run, slot, machine))
        return started[0]

    runs = [make_run(tmp_path, "a"), make_run(tmp_path, "b")]
    with pytest.raises(Interrupted, match="0 of 2 runs"):
        run_all(runs, Machine(jobs=2), start=start, report=lambda line: None)
    deadline = time.monotonic() + 10
    while started[0].poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert started[0].poll() is not None


def test_a_worker_without_data_leaves_its_message_in_the_log(tmp_path):
    run = make_run(tmp_path, "a")
    with pytest.raises(UserError, match=r"log\.txt"):
        run_all([run], Machine(jobs=1), report=lambda line: None)
    assert "Error: " in (tmp_path / "a" / "log.txt").read_text()


def test_each_slot_has_gpus_of_its_own():
    machine = Machine(jobs=2, devices=("0", "1", "2", "3"), launcher="pytorch", processes=2)
    first, second = machine.environment(0), machine.environment(1)
    assert (first["CUDA_VISIBLE_DEVICES"], second["CUDA_VISIBLE_DEVICES"]) == ("0,1", "2,3")
    assert first[LAUNCHER] == "pytorch 2"
    assert first["PORT"] != second["PORT"]


def test_threads_of_a_run():
    machine = Machine.here(jobs=None, threads=1, launcher="", processes=1, partition="")
    assert machine.environment(0)["OMP_NUM_THREADS"] == "1"
    assert machine.jobs >= 1
    assert LAUNCHER not in os.environ


def test_slurm_needs_a_partition():
    with pytest.raises(UserError, match="--partition"):
        Machine.here(jobs=1, threads=1, launcher="slurm", processes=1, partition="")
