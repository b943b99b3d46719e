"""One function over many keys, in one process or in several, with the same results."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children, get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from typing import TypeVar

from sparsevision.utils.errors import UserError

END_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
SYSTEM = ctypes.CDLL(None) if sys.platform == "linux" else None
Key = TypeVar("Key")
Result = TypeVar("Result")


def usable_processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def end_with_parent() -> None:
    """Have Linux end this process when the one that started it is gone, also by `kill -9`.

    Otherwise it would go on alone, beside what is started in its place. Also a `preexec_fn` of `subprocess`.
    """
    if SYSTEM is not None:
        SYSTEM.prctl(END_WITH_PARENT, signal.SIGTERM)


def map_in_processes(
    function: Callable[[Key], Result],
    keys: Sequence[Key],
    *,
    workers: int = 1,
    done: Callable[[], None] = lambda: None,
) -> list[Result]:
    """The results of function(key), in the order of the keys, whichever worker ends first.

    Args:
        function: can be sent to another process; raises nothing that is to be expected.
        keys: one for each call, all different; can be sent to another process.
        workers: processes; with 1 all is done in this one.
        done: called after each of them.

    Raises:
        KeyboardInterrupt: after Ctrl-C; workers are stopped where they are, their temporary files may be left.
        UserError: one of the workers was killed.
    """
    results = {}
    for key, result in _results(function, keys, workers=min(workers, len(keys))):
        results[key] = result
        done()
    return [results[key] for key in keys]


def _results(function: Callable[[Key], Result], keys: Sequence[Key], *, workers: int) -> Iterator[tuple[Key, Result]]:
    if workers <= 1:
        yield from ((key, function(key)) for key in keys)
        return
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=_context_for(function), initializer=_belong_to_the_parent)
    done = False
    try:
        with _ignored_ctrl_c():  # processes start at the first submissions, and keep what is ignored then
            futures = {pool.submit(function, key): key for key in keys}
        yield from ((futures[future], future.result()) for future in as_completed(futures))
        done = True
    except BrokenProcessPool as error:
        raise UserError(
            f"one of {workers} processes at work was killed, as the system does when memory runs out. Take fewer of "
            "them and repeat the command: what is written stays."
        ) from error
    finally:
        for process in () if done else set(active_children()) - others:
            process.terminate()
        pool.shutdown(cancel_futures=True)


def _context_for(function: Callable) -> BaseContext:
    """Processes that share nothing with this one; where the system can, one of them imports for all what they need."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    named = function.func if isinstance(function, partial) else function
    context.set_forkserver_preload([__name__, named.__module__])
    return context


@contextmanager
def _ignored_ctrl_c() -> Iterator[None]:
    """Signals can be set in the main thread only; elsewhere this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _belong_to_the_parent() -> None:
    """It alone hears Ctrl-C, and this process ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    """The process that asked for this one is not the one that Linux calls its parent: a server forked it."""
    if (parent := parent_process()) is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
