"""A training in a process of its own, and its sudden end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from tool_runner import ROOT


def train(config: Path, folder: Path, *more: str) -> subprocess.Popen:
    """tools/train.py in a process of its own, with one thread."""
    return subprocess.Popen(
        [sys.executable, ROOT / "tools/train.py", config, "--work-dir", folder, *more],
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MKL_CBWR": "COMPATIBLE"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_after_a_checkpoint(process: subprocess.Popen, folder: Path) -> None:
    """kill -9 at a random moment after the first checkpoint."""
    for _ in range(6000):
        if (folder / "last_checkpoint").exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    time.sleep(np.random.default_rng().uniform(0, 0.2))
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL, errors


def is_running(pid):
    """It is there and has not ended; one without a parent may wait long to be collected."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
