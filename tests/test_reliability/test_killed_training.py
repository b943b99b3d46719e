"""A process that loads data dies, or one of two that train: the run ends soon, says why, and goes on with --resume."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from fuzzing import in_time
from killed_training import is_running
from tool_runner import ROOT, run_tool
from toy_config import TRAIN, write_config

from sparsevision.engine import load_checkpoint
from sparsevision.engine.lost_workers import WorkerLost, lost_workers_told

WORK = Path("work_dirs/toy_config")
VALIDATION = """val_dataloader = dict(
    batch_size=2, num_workers=1, sampler=dict(type=SeededSampler, shuffle=False),
    dataset=dict(type=ToyDataset, length=5, test_mode=True, pipeline=[dying, dict(type=ToyAugmentation)]),
)
val_evaluator = dict(type=ToyMetric)
val_cfg = dict()
"""
DYING = """from dying import Dies

dying = dict(type=Dies, how="{how}", after="work_dirs/toy_config/last_checkpoint", mark="it_died")
"""
DYING_WORKERS = """train_dataloader = dict(
    loader, num_workers=2, persistent_workers=True,
    dataset=dict(type=ToyDataset, pipeline=[dying, dict(type=ToyAugmentation)]),
)
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path):
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)
    monkeypatch.chdir(tmp_path)


def dying_config(how, *, loader=DYING_WORKERS):
    """A training of two epochs that loses a worker after the first one."""
    return write_config(Path.cwd(), train=TRAIN + DYING.format(how=how) + loader)


def sentence_of(errors: str) -> str:
    assert "Traceback" not in errors
    return errors.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exits", "train_dataloader (ToyDataset) ended itself with exit code 3. With train_dataloader.num_workers=0 ("),
        pytest.param("leaves", "train_dataloader (ToyDataset) ended itself.", marks=pytest.mark.slow),
        ("refuses", "Error: scan_7.png: the image is damaged or cut off."),
    ],
)
def test_a_worker_that_ends_is_told_in_a_sentence(how, words):
    config = dying_config(how)
    with in_time(120):
        finished = run_tool("train.py", config)
    assert finished.code == 2
    assert Path("it_died").exists()
    sentence = sentence_of(finished.err)
    assert words in sentence
    if how != "refuses":
        assert "The last checkpoint is work_dirs/toy_config/epoch_1.pth" in sentence.replace(str(Path.cwd()) + "/", "")
        assert sentence.endswith("--resume")
    assert load_checkpoint(WORK / "epoch_1.pth")["meta"]["epoch"] == 1
    assert run_tool("train.py", config, "--resume").code == 0
    assert load_checkpoint(WORK / "epoch_2.pth")["meta"]["epoch"] == 2


def test_a_killed_worker_ends_the_process(tmp_path):
    """In a process of its own, which also has to come to its end with other workers alive."""
    finished = subprocess.run(
        [sys.executable, ROOT / "tools/train.py", dying_config("is killed")],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert finished.returncode == 2, finished.stderr
    sentence = sentence_of(finished.stderr)
    assert "train_dataloader (ToyDataset) was killed, as the system does when memory runs out" in sentence
    assert load_checkpoint(WORK / "epoch_1.pth")["meta"]["epoch"] == 1


def test_a_lost_worker_of_the_validation_is_named():
    with in_time(120):
        finished = run_tool("train.py", dying_config("exits", loader=VALIDATION))
    assert finished.code == 2
    assert "the data of val_dataloader (ToyDataset) ended itself with exit code 3" in sentence_of(finished.err)


def fail_in_a_hook(words):
    """As a signal handler that speaks up inside a library."""
    try:
        raise RuntimeError(words)
    except RuntimeError:
        raise TypeError("in some hook") from None


def runner(**loops):
    """As much of a Runner as is looked at."""
    loops = {f"_{name}_loop": loops.get(name) for name in ("train", "val", "test")}
    return SimpleNamespace(validating=False, **loops)


def loop(*pids, data_root=""):
    """A loop over a loader whose processes have these numbers."""
    workers = [SimpleNamespace(pid=pid) for pid in pids]
    dataset = type("Rooms", (), {"data_root": data_root})()
    loader = SimpleNamespace(dataset=dataset, num_workers=4, _iterator=SimpleNamespace(_workers=workers))
    return SimpleNamespace(dataloader=loader)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "(pid 7) is killed by signal: Killed. ",
            r"train_dataloader \(Rooms of data/rooms\) was killed, as the system",
        ),
        (
            "(pid 8) is killed by signal: Bus error. It is possible that",
            r"val_dataloader \(Rooms\) had no shared memory",
        ),
        ("(pid 9) is killed by signal: Aborted. ", "train_dataloader.*was ended by the signal 'Aborted'.*now 4"),
        ("(pid(s) 8, 9) exited unexpectedly", r"val_dataloader \(Rooms\) ended itself\. With val_dataloader"),
    ],
)
def test_causes_and_loaders_are_told_apart(words, told):
    both = runner(train=loop(7, data_root="data/rooms"), val=loop(8))
    with pytest.raises(WorkerLost, match=told), lost_workers_told(both, "train"):
        fail_in_a_hook(f"DataLoader worker {words}")


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="shape"), lost_workers_told(runner(), "test"):
        raise RuntimeError("shape")


def ranks(launcher: int) -> dict[str, int]:
    """The processes of a torchrun: rank -> process id."""
    found = {}
    for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split():
        for word in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
            if word.startswith(b"RANK="):
                found[word.decode().removeprefix("RANK=")] = int(child)
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def two_processes(folder):
    """A long training under torchrun that has written its first checkpoint, and the process ids by rank."""
    config = write_config(folder, delay=", delay=0.1")
    process = subprocess.Popen(
        [ROOT / "tools/dist_train.sh", config, "2", "--cfg-options", "train_cfg.max_epochs=500"],
        env=os.environ
        | {
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT / "tests"),
            "PYTHON": sys.executable,
            "PORT": str(free_port()),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    pids = {}
    try:
        for _ in range(2400):
            if (WORK / "last_checkpoint").exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        pids = ranks(process.pid)
        yield process, pids
    finally:
        for pid in (process.pid, *pids.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.distributed
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks processes up in /proc")
def test_one_of_two_processes_is_killed(tmp_path):
    with two_processes(tmp_path) as (process, pids):
        os.kill(pids["1"], signal.SIGKILL)
        errors = process.communicate(timeout=60)[1]
        assert not Path(f"/proc/{pids['0']}").exists(), "the other one has ended as well"
    assert process.returncode not in (0, None)
    assert "SIGKILL" in errors
    assert load_checkpoint(Path((WORK / "last_checkpoint").read_text()))["meta"]["epoch"] >= 1


@pytest.mark.slow
@pytest.mark.distributed
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks processes up in /proc")
def test_the_launcher_of_two_processes_is_killed(tmp_path):
    with two_processes(tmp_path) as (process, pids):
        assert sorted(pids) == ["0", "1"]
        process.kill()
        process.communicate(timeout=60)
        for _ in range(600):
            if not any(is_running(pid) for pid in pids.values()):
                break
            time.sleep(0.05)
        assert [rank for rank, pid in pids.items() if is_running(pid)] == [], "none goes on without its launcher"
    assert load_checkpoint(Path((WORK / "last_checkpoint").read_text()))["meta"]["epoch"] >= 1
