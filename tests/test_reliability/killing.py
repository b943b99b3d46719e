"""A tool in a process of its own that is killed at a chosen step of its work on the disk."""

import os
import resource
import signal
import sys
import traceback
from pathlib import Path

from tool_runner import run_tool

STEPS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.copyfile", "os.link", "os.symlink")
SECONDS = 300


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
