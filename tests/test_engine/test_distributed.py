import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from dist_worker import five_steps

from sparsevision.engine import load_checkpoint
from sparsevision.engine.distributed import check_launcher
from sparsevision.layers.reduce import global_count
from sparsevision.utils import UserError

HERE = Path(__file__).parent


@pytest.mark.distributed
def test_two_processes_equal_one_with_twice_the_batch(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=29577"]
    finished = subprocess.run(
        [*command, HERE / "dist_worker.py", tmp_path / "two"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(HERE.parent)},
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert finished.stdout.count("SyncBN works on GPUs only") + finished.stderr.count("SyncBN works on GPUs only") == 1
    ranks = [load_checkpoint(tmp_path / "two" / f"rank{rank}.pth") for rank in (0, 1)]
    one = five_steps(tmp_path / "one", 4, "none")
    one.train()
    for name, value in one.model.state_dict().items():
        for rank in ranks:
            assert torch.allclose(rank["state_dict"][name], value, rtol=0, atol=1e-6), name
    metrics = one.val()
    assert metrics["count"] == ranks[0]["meta"]["count"] == 5, "the padded sample is not counted twice"
    assert ranks[0]["meta"]["ordered"]
    assert ranks[0]["meta"] == ranks[1]["meta"]
    assert ranks[0]["meta"]["mean"] == pytest.approx(metrics["mean"], abs=1e-6)
    states = load_checkpoint(tmp_path / "two" / "iter_5.pth")["rng"]
    assert len(states) == 2
    assert not any(torch.equal(*(state[name][1] for state in states)) for name in ("python", "numpy"))
    assert not torch.equal(states[0]["torch"], states[1]["torch"]), "dropout and noise of two ranks are not the same"


def test_ranks_draw_numbers_of_their_own(tmp_path):
    ends = []
    for number, rank in enumerate((0, 1, 1)):
        runner = five_steps(tmp_path / str(number), 2, "none")
        runner._rank = rank
        runner.train()
        ends.append(torch.get_rng_state())
    assert not torch.equal(ends[0], ends[1])
    assert torch.equal(ends[1], ends[2])


def test_a_single_process_counts_what_it_has():
    count = global_count(torch.tensor(3))
    assert count == 3
    assert count.is_floating_point()


def test_a_launcher_without_its_environment_is_told(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(UserError, match=r"RANK.*dist_train\.sh"):
        check_launcher("pytorch")
    with pytest.raises(UserError, match=r"slurm_train\.sh"):
        check_launcher("slurm")
    check_launcher("none")
