"""The global random states of Python, NumPy and torch: read, set, and seeded for the length of a `with` block."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def capture_rng() -> dict[str, Any]:
    """The states of every global generator of this process, as tensors and builtins.

    Keys: `python`, `numpy`, `torch`, and `cuda` (one state a device) once CUDA is in use.
    """
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    state = {
        "python": (version, torch.tensor(words, dtype=torch.int64), gauss),
        "numpy": (name, torch.from_numpy(keys.astype(np.int64)), int(position), int(has_gauss), float(cached)),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_rng(state: dict[str, Any]) -> None:
    """Set every global generator to a state of `capture_rng`. CUDA states are skipped when the device count differs."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(state["torch"].cpu())
    if torch.cuda.is_available() and len(state.get("cuda", ())) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([cuda.cpu() for cuda in state["cuda"]])


def part_streams(seed: int, rank: int) -> None:
    """Set this process's global generators apart from those of other ranks; rank 0's go on as they are.

    All processes are seeded alike, for the same initial weights. What is drawn while they train, such as dropout and
    the noise of diffusion, must differ between them.
    """
    if rank == 0:
        return
    words = np.random.SeedSequence((seed, rank)).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(words[1])  # noqa: NPY002
    torch.manual_seed(int(words[2]))


@contextmanager
def preserved_rng() -> Iterator[None]:
    """Whatever the block draws, the random stream afterwards goes on as if the block had not been there."""
    state = capture_rng()
    try:
        yield
    finally:
        restore_rng(state)


@contextmanager
def seeded_rng(*entropy: int) -> Iterator[None]:
    """Inside the block the CPU generators start from `entropy` (integers >= 0); afterwards they go on as before."""
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    words = np.random.SeedSequence(entropy).generate_state(6)
    random.seed(int(words[0]) << 32 | int(words[1]))
    np.random.seed(words[2:4])  # noqa: NPY002
    torch.default_generator.manual_seed((int(words[4]) << 31) ^ int(words[5]))
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(cpu)
