"""A process that loads data and dies: torch tells its number, a person needs the data set, the cause and what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader

from sparsevision.utils import UserError

LOST = re.compile(r"DataLoader worker \(pid(?:\(s\))? (?P<pids>[\d, ]+)\) (?P<how>[^.]*)")
EXIT_CODE = re.compile(r"exit code (\d+)")
LOOPS = ("train", "val", "test")


class WorkerLost(UserError):
    """A process that loads data ended without a word."""


@contextmanager
def lost_workers_told(runner: Any, phase: str) -> Iterator[None]:
    """Raise `WorkerLost` in place of what torch raises when a process of a data loader has ended.

    Args:
        runner: whose loops run inside the block.
        phase: "train", "val" or "test".
    """
    try:
        yield
    except Exception as error:
        found = _loss_behind(error)
        if found is None:
            raise
        pids = {int(number) for number in found["pids"].split(",")}
        name, loader = _loader_of(runner, pids, "val" if runner.validating else phase)
        raise WorkerLost(_sentence(name, loader, found["how"])) from error


def _loss_behind(error: BaseException | None) -> re.Match | None:
    """Torch's words, the first ones of several: what came up later, also inside a library, says less."""
    found = None
    while error is not None:
        found = (isinstance(error, RuntimeError) and LOST.search(str(error))) or found
        error = error.__context__
    return found


def _loader_of(runner: Any, pids: set[int], phase: str) -> tuple[str, DataLoader | None]:
    """The loader that keeps such a process, else the one at work."""
    loaders = {loop: getattr(getattr(runner, f"_{loop}_loop"), "dataloader", None) for loop in LOOPS}
    for loop, loader in loaders.items():
        workers = getattr(getattr(loader, "_iterator", None), "_workers", ())
        if any(worker.pid in pids for worker in workers):
            phase = loop
    return f"{phase}_dataloader", loaders[phase]


def _sentence(name: str, loader: DataLoader | None, how: str) -> str:
    dataset = getattr(loader, "dataset", None)
    root = getattr(dataset, "data_root", None)
    about = type(dataset).__name__ + (f" of {root}" if root else "")
    return (
        f"A process that loads the data of {name} ({about}) {_ending(how)}. With {name}.num_workers=0 "
        f"(now {getattr(loader, 'num_workers', 0)}) the data are loaded in the main process, where the cause shows."
    )


def _ending(how: str) -> str:
    if "Killed" in how:
        return "was killed, as the system does when memory runs out: take fewer num_workers or a smaller batch_size"
    if "Bus error" in how:
        return "had no shared memory left: make /dev/shm larger, or take fewer num_workers or a smaller batch_size"
    if (code := EXIT_CODE.search(how)) is not None:
        return f"ended itself with exit code {code[1]}"
    signal = how.partition("signal: ")[2].strip()
    return f"was ended by the signal '{signal}'" if signal else "ended itself"
