"""Run a tool in this process, as the command line would: quick, because torch is imported once."""

import contextlib
import importlib.util
import io
import runpy
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Finished:
    """What a tool left: exit code and both outputs."""

    code: int
    out: str
    err: str


def hear_ctrl_c() -> None:
    """For `preexec_fn`: a process started in the background inherits deaf ears for SIGINT, and tests with it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _exit_code(reason: SystemExit, err: io.StringIO) -> int:
    if isinstance(reason.code, str):
        err.write(reason.code + "\n")
        return 1
    return int(reason.code or 0)


def load_tool(script: str) -> ModuleType:
    """A tool as a module, for its functions: `load_tool("misc/licences.py").render`."""
    path = ROOT / "tools" / script
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_tool(script: str, *arguments: object) -> Finished:
    """Run e.g. `run_tool("misc/print_config.py", "config.py")`; exceptions other than SystemExit come through."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    path = ROOT / "tools" / script
    argv = [str(path), *map(str, arguments)]
    folder = str(path.parent)
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(sys, "path", [folder, *sys.path]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as reason:
            code = _exit_code(reason, err)
    return Finished(code, out.getvalue(), err.getvalue())
