"""Import modules in processes of their own: one that raises, hangs or takes Python down is an answer like any other."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("child.py")
NOT_DONE = "its import was not done"
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False"}


@dataclass(frozen=True)
class Imported:
    """What came of importing a module: the error in a line, "" if there was none, and what was found out on the way."""

    error: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def probe(groups: Sequence[Sequence[str]], *, timeout: float) -> dict[str, Imported]:
    """Import the modules of each group in order, the groups side by side.

    Args:
        groups: names of modules.
        timeout: seconds for one process; the module that it was at then has failed, and the rest gets another process.

    Returns:
        Module -> what came of it.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(groups))) as threads:
        answers = threads.map(lambda modules: _probe_all(modules, timeout), groups)
        return {module: imported for group in answers for module, imported in group.items()}


def _probe_all(modules: Sequence[str], timeout: float) -> dict[str, Imported]:
    found: dict[str, Imported] = {}
    while left := [module for module in modules if module not in found]:
        found |= _probe_once(left, timeout)
    return found


def _probe_once(modules: Sequence[str], timeout: float) -> dict[str, Imported]:
    """At least one of the modules."""
    lines, ending = _run_child(modules, timeout)
    begun, found = modules[0], {}
    for line in lines:
        if "begin" in line:
            begun = line["begin"]
        else:
            found[line["module"]] = Imported(line["error"], line["facts"])
    return found if begun in found else found | {begun: Imported(ending)}


def _run_child(modules: Sequence[str], timeout: float) -> tuple[list[dict[str, Any]], str]:
    """The lines that the child wrote, and how it ended, in words."""
    command, given = [sys.executable, str(CHILD)], json.dumps([sys.path, list(modules)])
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | QUIET,
    )
    try:
        output, _ = process.communicate(given, timeout=timeout)
        ending = _in_words(process.returncode)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        ending = f"{NOT_DONE} after {timeout:g} s"
    whole = [line for line in output.splitlines() if line.startswith("{") and line.endswith("}")]
    return [json.loads(line) for line in whole], ending


def _in_words(code: int) -> str:
    if code < 0:
        return f"its import ends Python ({signal.Signals(-code).name})"
    return f"its import ends Python (exit code {code})"
