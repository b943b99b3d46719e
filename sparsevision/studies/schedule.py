"""Runs of a study side by side, each a process of its own; what is done is skipped, Ctrl-C leaves what is done."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from sparsevision.engine.cli import Interrupted
from sparsevision.studies.plan import StudyRun
from sparsevision.studies.worker import LAUNCHER
from sparsevision.utils import UserError
from sparsevision.utils.processes import usable_processors

LOG = "log.txt"
SHOWN_LINES = 12
FIRST_PORT = 29500


class Job(Protocol):
    """A run that is going on, as `subprocess.Popen` has it."""

    pid: int

    def poll(self) -> int | None:
        """Exit code, None while it goes on."""

    def wait(self) -> int:
        """Exit code, once it is there."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What runs may use.

    Attributes:
        jobs: runs at a time.
        threads: of each run on a CPU.
        devices: numbers of the GPUs; empty: none.
        launcher: "", "pytorch" or "slurm".
        processes: of one run, with a launcher.
        partition: of slurm.
    """

    jobs: int
    threads: int = 1
    devices: tuple[str, ...] = ()
    launcher: str = ""
    processes: int = 1
    partition: str = ""

    @classmethod
    def here(cls, *, jobs: int | None, threads: int, launcher: str, processes: int, partition: str) -> "Machine":
        """This machine; as many jobs as there are GPUs, or cores for their threads, unless `jobs` says how many.

        Raises:
            UserError: slurm without a partition.
        """
        if launcher == "slurm" and not partition:
            raise UserError("--launcher slurm needs --partition NAME.")
        devices = _devices() if launcher != "slurm" else ()
        room = len(devices) // processes if devices else usable_processors() // (threads * processes)
        return cls(
            jobs=jobs or max(room, 1),
            threads=threads,
            devices=devices,
            launcher=launcher,
            processes=processes,
            partition=partition,
        )

    def environment(self, slot: int) -> dict[str, str]:
        """Variables of the run in a slot, 0 to jobs - 1."""
        threads = {"OMP_NUM_THREADS": str(self.threads), "OMP_WAIT_POLICY": "PASSIVE", "PORT": str(FIRST_PORT + slot)}
        launcher = {"pytorch": f"pytorch {self.processes}", "slurm": f"slurm {self.partition} {self.processes}"}
        found = os.environ | threads | {LAUNCHER: launcher.get(self.launcher, "")}
        if self.devices:
            own = [self.devices[(slot * self.processes + n) % len(self.devices)] for n in range(self.processes)]
            found["CUDA_VISIBLE_DEVICES"] = ",".join(own)
        return found


def _devices() -> tuple[str, ...]:
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named:
        return tuple(named.split(","))
    return tuple(str(number) for number in range(torch.cuda.device_count()))


def start_process(run: StudyRun, slot: int, machine: Machine) -> subprocess.Popen:
    """Begin a run; what it prints goes to log.txt in its folder."""
    folder = run.save()
    with open(folder / LOG, "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sparsevision.studies.worker", str(folder)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=machine.environment(slot),
            process_group=0,  # Ctrl-C reaches this process alone, which stops them
        )


def run_all(
    runs: Sequence[StudyRun],
    machine: Machine,
    *,
    start: Callable[[StudyRun, int, Machine], Job] = start_process,
    report: Callable[[str], None] = lambda line: print(line, flush=True),
) -> None:
    """Do every run that is not done; those that wait for another one after it.

    Raises:
        UserError: runs ended with an error; the others were done all the same, but for those that waited for them.
        Interrupted: Ctrl-C; running ones were stopped.
    """
    left = [run for run in runs if run.result is None]
    report(f"{len(runs)} runs, {len(runs) - len(left)} done before, {machine.jobs} at a time")
    board = _Board(left, report=report, jobs=machine.jobs)
    with _stopping(board):
        while board.waiting or board.running:
            for slot in range(machine.jobs):
                run = None if slot in board.running else board.next_ready()
                if run is not None:
                    board.begin(slot, run, start(run, slot, machine))
            if not board.running:
                break
            if not board.collect():
                time.sleep(0.2)
    board.raise_failures()


class _Board:
    """Which runs wait, go on, are done or failed."""

    def __init__(self, runs: Sequence[StudyRun], *, report: Callable[[str], None], jobs: int) -> None:
        self.waiting, self.report, self.jobs = list(runs), report, jobs
        self.running: dict[int, tuple[StudyRun, Job]] = {}
        self.failed: list[StudyRun] = []
        self.total, self.done, self.started = len(runs), 0, time.monotonic()

    def next_ready(self) -> StudyRun | None:
        """The first run that waits for no other one."""
        pending = {run.folder for run in self.waiting} | {run.folder for run, _ in self.running.values()}
        lost = {run.folder for run in self.failed}
        for run in list(self.waiting):
            if run.previous in lost:
                self.waiting.remove(run)
                self.failed.append(run)
                lost.add(run.folder)
            elif run.previous not in pending:
                self.waiting.remove(run)
                return run
        return None

    def begin(self, slot: int, run: StudyRun, job: Job) -> None:
        """A run goes on in a slot."""
        self.running[slot] = (run, job)

    def collect(self) -> bool:
        """Take those off that have ended; whether there was one."""
        ended = [(slot, *pair) for slot, pair in self.running.items() if pair[1].poll() is not None]
        for slot, run, _ in ended:
            del self.running[slot]
            result = run.result
            if result is None:
                self.failed.append(run)
                self.report(f"FAILED {run.title}: {Path(run.folder) / LOG}\n{_tail(run)}")
                continue
            self.done += 1
            self.report(self._progress(run, result))
        return bool(ended)

    def _progress(self, run: StudyRun, result: dict) -> str:
        passed = time.monotonic() - self.started
        minutes = passed / self.done * (self.total - self.done) / 60
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in list(result["metrics"].items())[:4])
        left = f"about {minutes:.0f} min left" if self.done < self.total else f"all done in {passed / 60:.0f} min"
        return f"[{self.done}/{self.total}] {run.title}: {numbers} ({result['seconds']:.0f} s); {left}"

    def stop(self) -> None:
        """End what goes on, with all its loaders."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for _, job in self.running.values():
                if job.poll() is None:
                    _signal_group(job.pid, sign)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline and any(job.poll() is None for _, job in self.running.values()):
                time.sleep(0.05)

    def raise_failures(self) -> None:
        """Raise UserError if a run failed."""
        if self.failed:
            named = "; ".join(run.title for run in self.failed[:3])
            raise UserError(
                f"{len(self.failed)} of {self.total} runs failed ({named}); their messages stand above and in "
                f"{Path(self.failed[0].folder) / LOG}. Mend that and repeat the command: what is done is kept."
            )


def _signal_group(pid: int, sign: int) -> None:
    try:
        os.killpg(pid, sign)
    except ProcessLookupError:
        return


def _tail(run: StudyRun) -> str:
    path = Path(run.folder) / LOG
    if not path.is_file():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-SHOWN_LINES:])


@contextmanager
def _stopping(board: _Board) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        board.stop()
        raise Interrupted(
            f"Stopped after {board.done} of {board.total} runs. Repeat the command to go on: what is done is kept."
        ) from None
    except BaseException:
        board.stop()
        raise
