"""A tool in a process of its own that is killed at a chosen step of its work on the disk."""

import os
import resource
import runpy
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
from tool_runner import ROOT, run_tool

STEPS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.copyfile", "os.link", "os.symlink")
SECONDS = 300


def import_for(script: str) -> None:
    """Import in this process what a tool imports: a fork has it then, and does not spend its time on that."""
    path = ROOT / "tools" / script
    with mock.patch.object(sys, "path", [str(path.parent), *sys.path]):
        runpy.run_path(str(path), run_name="imported")


def run_killed(
    arguments: list, place: Path, *, step: int | None = None, most_bytes: int | None = None
) -> tuple[int, int]:
    """Run a tool in a fork; kill -9 before its `step`-th change below `place`, or let no file grow over `most_bytes`.

    Returns:
        (wait status, steps that it took): 0 when the tool ended by itself with exit code 0, 9 when it was killed.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(arguments, place, step, writing, most_bytes)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        steps = len(stream.read())
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), steps


def _work(arguments: list, place: Path, step: int | None, told: int, most_bytes: int | None) -> None:
    """The child: never returns."""
    code = 99
    try:
        signal.alarm(SECONDS)
        os.setsid()
        seen, me = 0, os.getpid()

        def count(event: str, args: tuple) -> None:
            nonlocal seen
            if event not in STEPS or os.getpid() != me or not _changes(event, args, str(place)):
                return
            seen += 1
            os.write(told, b".")
            if seen == step:
                os.killpg(0, signal.SIGKILL)

        sys.addaudithook(count)
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
        finished = run_tool(*arguments)
        code = finished.code
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if code:
            os.write(2, finished.err.encode())
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _changes(event: str, args: tuple, place: str) -> bool:
    """Whether this is a change of something below `place`; opening to read is none."""
    if event == "open" and (isinstance(args[0], int) or not args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
        return False
    return any(isinstance(arg, str | bytes | os.PathLike) and os.fsdecode(arg).startswith(place) for arg in args)


def tree(folder: Path) -> dict[str, bytes | str]:
    """Every file below a folder by its path, links by their target."""
    return {
        path.relative_to(folder).as_posix(): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def visible(files: dict) -> dict:
    """Without the temporary files of a killed run, whose names begin with a dot in some folder of their path."""
    return {path: content for path, content in files.items() if not any(part[0] == "." for part in path.split("/"))}


def check_kills(
    command: Callable[[Path], list],
    work: Path,
    *,
    kills: int = 2,
    begin: Callable[[Path], None] = lambda folder: None,
    whole: bool = False,
) -> None:
    """kill -9 before the first, the last and other steps of a tool: no half-written file, and a second run completes.

    Args:
        command: from a folder to the tool and its arguments, which write below it.
        work: an empty folder to work in.
        kills: how many steps beside the first and the last.
        begin: makes what is in the folder before the tool runs; a killed run may leave it.
        whole: all of it appears at once, so that a killed run leaves all or nothing.
    """
    done, cut = work / "whole", work / "cut"
    done.mkdir()
    begin(done)
    begun = tree(done)
    import_for(command(done)[0])
    code, steps = run_killed(command(done), done)
    assert code == 0
    assert steps > 1, "no step was seen"
    expected = visible(tree(done))
    moments = np.random.default_rng(steps).integers(1, steps + 1, kills).tolist()
    for step in sorted({1, steps, *moments}):
        cut.mkdir()
        begin(cut)
        assert run_killed(command(cut), cut, step=step)[0] == signal.SIGKILL, "it was killed"
        left = visible(tree(cut))
        if whole:
            assert left in ({}, begun, expected), f"after step {step} of {steps}"
        half_written = [path for path, data in left.items() if data not in (expected.get(path), begun.get(path))]
        assert not half_written, f"after step {step} of {steps}: {half_written}"
        assert run_killed(command(cut), cut)[0] == 0
        assert visible(tree(cut)) == expected, f"killed at step {step} of {steps}"
        shutil.rmtree(cut)
