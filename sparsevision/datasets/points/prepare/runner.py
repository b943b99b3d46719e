"""One function for each scene, over all scenes, in one process or in several, with the same results."""

import shutil
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children, get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TypeVar

from sparsevision.datasets.points.prepare.raw_set import Note, RawSet
from sparsevision.datasets.points.prepare.stamp import Stamp, is_up_to_date, read_stamp
from sparsevision.datasets.points.scene import read_scene, write_scene
from sparsevision.utils import UserError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome:
    """What became of a scene.

    Args:
        key: of the scene.
        points: of the prepared scene.
        written: whether it was written now; it was there already if not.
        problems: why it could not be prepared, or what --verify found.
        notes: what was noted of its raw files.
    """

    key: str
    points: int = 0
    written: bool = False
    problems: Sequence[str] = ()
    notes: Sequence[Note] = ()


def prepare_scene(key: str, *, raw: RawSet, root: Path, overwrite: bool) -> Outcome:
    """Read and write one scene, unless it is there and up to date. A bad raw file becomes a problem of the outcome."""
    folder = root / key
    try:
        sources = raw.sources(key)
        stamp = None if overwrite else read_stamp(folder)
        if stamp and is_up_to_date(stamp, folder, settings=raw.settings, sources=sources):
            return Outcome(key, stamp.points, notes=stamp.notes)
        reading = raw.read(key)
        write_scene(folder, reading.scene)
        stamp = Stamp.of(reading.scene, reading.notes, settings=raw.settings, sources=sources)
        stamp.write(folder)
    except UserError as error:
        return Outcome(key, problems=[str(error)])
    except OSError as error:
        return Outcome(key, problems=[f"{error.filename or folder}: {error.strerror or error}"])
    return Outcome(key, stamp.points, written=True, notes=stamp.notes)


def verify_scene(key: str, *, raw: RawSet, root: Path) -> Outcome:
    """Read the raw files of one scene again and compare. Writes nothing."""
    try:
        if read_stamp(root / key) is None:
            return Outcome(key, problems=["is not prepared, or not wholly"])
        prepared = read_scene(root / key)
        verdict = raw.verify(key, prepared)
    except UserError as error:
        return Outcome(key, problems=[str(error)])
    except OSError as error:
        return Outcome(key, problems=[f"{error.filename or key}: {error.strerror or error}"])
    return Outcome(key, len(prepared), problems=verdict.problems, notes=verdict.notes)


def over_scenes(
    function: Callable[..., Result], keys: Sequence[str], *, workers: int = 1, done: Callable[[], None] = lambda: None
) -> list[Result]:
    """The results of function(key), in the order of the keys, whichever worker ends first.

    Args:
        function: can be sent to another process; raises nothing that is to be expected.
        keys: of the scenes.
        workers: processes; with 1 all is done in this one.
        done: called after each scene.

    Raises:
        KeyboardInterrupt: after Ctrl-C; workers are stopped where they are, what `sweep` removes may be left.
    """
    results = {}
    for key, result in _results(function, keys, workers=min(workers, len(keys))):
        results[key] = result
        done()
    return [results[key] for key in keys]


def _results(function: Callable[..., Result], keys: Sequence[str], *, workers: int) -> Iterator[tuple[str, Result]]:
    if workers <= 1:
        yield from ((key, function(key)) for key in keys)
        return
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=_context(), initializer=_leave_ctrl_c_to_the_parent)
    done = False
    try:
        with _ignored_ctrl_c():  # processes start at the first submissions, and keep what is ignored then
            futures = {pool.submit(function, key): key for key in keys}
        yield from ((futures[future], future.result()) for future in as_completed(futures))
        done = True
    finally:
        for process in () if done else set(active_children()) - others:
            process.terminate()
        pool.shutdown(cancel_futures=True)


def _context() -> BaseContext:
    """Processes that share nothing with this one; where the system can, one of them imports the package for all."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
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


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def sweep(root: Path, keys: Iterable[str]) -> None:
    """Remove what a killed run left: temporary folders of these scenes."""
    names: dict[Path, set[str]] = {}
    for key in keys:
        names.setdefault((root / key).parent, set()).add(Path(key).name)
    for parent, scenes in names.items():
        for path in parent.glob(".*"):
            if path.is_dir() and path.stem.removeprefix(".") in scenes:
                shutil.rmtree(path)


def preparation(raw: RawSet, root: Path, *, overwrite: bool = False) -> Callable[[str], Outcome]:
    """`prepare_scene` with all but the key given."""
    return partial(prepare_scene, raw=raw, root=root, overwrite=overwrite)


def verification(raw: RawSet, root: Path) -> Callable[[str], Outcome]:
    """`verify_scene` with all but the key given."""
    return partial(verify_scene, raw=raw, root=root)
