"""Work spread over processes gives what one process gives, in the same order."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
from killed_training import is_running

from sparsevision.utils import UserError
from sparsevision.utils.processes import map_in_processes, usable_processors


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_keys(workers):
    seen = []
    assert map_in_processes(abs, [-3, 2, -1], workers=workers, done=lambda: seen.append(1)) == [3, 2, 1]
    assert len(seen) == 3


def test_an_error_of_a_worker_is_raised_here():
    with pytest.raises(ValueError, match="invalid literal"):
        map_in_processes(int, ["1", "two"], workers=2)
    assert multiprocessing.active_children() == []


def test_there_is_a_processor():
    assert usable_processors() >= 1


def test_ctrl_c_stops_the_workers_where_they_are():
    def interrupt():
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        map_in_processes(time.sleep, [0.01, 300, 300, 300], workers=2, done=interrupt)
    assert time.monotonic() - begun < 150
    assert multiprocessing.active_children() == []


def test_no_key_needs_no_process():
    assert map_in_processes(len, [], workers=2) == []


def test_a_killed_worker_is_told_in_a_sentence():
    with pytest.raises(UserError, match=r"one of 2 processes at work was killed.*Take fewer"):
        map_in_processes(os._exit, [3, 4], workers=2)
    assert multiprocessing.active_children() == []


POOL = """
from sparsevision.utils.processes import map_in_processes
from sleeping import sleep
if __name__ == "__main__":
    map_in_processes(sleep, ["a", "b"], workers=2)
"""
TOOL = """
from sparsevision.engine import cli
cli.tools_dir = lambda: __import__("pathlib").Path(".").resolve()
cli.call_tool("sleeping.py", "a")
"""
SLEEPING = """
import os, sys, time
from pathlib import Path
def sleep(name):
    Path(name + "_begins").write_text(str(os.getpid()))
    os.rename(name + "_begins", name + ".pid")
    time.sleep(300)
if __name__ == "__main__":
    sleep(sys.argv[1])
"""


def wait_until(holds, *, seconds):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


@pytest.mark.skipif(sys.platform != "linux", reason="a service of Linux")
@pytest.mark.parametrize(("script", "names"), [(POOL, "ab"), (TOOL, "a")], ids=["workers", "tool"])
def test_who_was_started_ends_with_a_killed_parent(script, names, tmp_path):
    (tmp_path / "sleeping.py").write_text(SLEEPING)
    (tmp_path / "parent.py").write_text(script)
    parent = subprocess.Popen([sys.executable, "parent.py"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    files = [tmp_path / f"{name}.pid" for name in names]
    pids = []
    try:
        assert wait_until(lambda: all(file.exists() for file in files), seconds=60)
        pids = [int(file.read_text()) for file in files]
        assert all(is_running(pid) for pid in pids)
        parent.send_signal(signal.SIGKILL)
        parent.wait(30)
        assert wait_until(lambda: not any(is_running(pid) for pid in pids), seconds=30)
    finally:
        for pid in (parent.pid, *pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
