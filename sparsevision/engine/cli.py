"""How every tool ends: errors of the user in one sentence, errors of ours with their traceback."""

import os
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from sparsevision.engine.misfits import misfit
from sparsevision.utils import UserError, tool_command, tools_dir
from sparsevision.utils.command_line import INTERRUPTED, USER_ERROR, sentence_for_the_user
from sparsevision.utils.processes import end_with_parent


class Interrupted(KeyboardInterrupt):
    """Ctrl-C with a sentence on how to go on."""


def run_tool(main: Callable[[], object]) -> None:
    """Call a tool's `main` and end the process where it fails in a known way.

    A `UserError`, an optional package that is missing, options of a config that do not fit, and a disk that is full or
    refuses are printed to stderr as one sentence, exit code 2; Ctrl-C exits with 130. Everything else keeps its
    traceback.
    """
    try:
        main()
    except Interrupted as stop:
        say(str(stop), style="yellow")
        sys.exit(INTERRUPTED)
    except (Exception, KeyboardInterrupt) as error:
        if was_interrupted(error):
            say("Interrupted.", style="yellow")
            sys.exit(INTERRUPTED)
        sentence = sentence_for_the_user(error) or misfit(error)
        if sentence is None:
            raise
        say(f"Error: {plain_sentence(sentence)}", style="red")
        sys.exit(USER_ERROR)


def was_interrupted(error: BaseException | None) -> bool:
    """Ctrl-C is behind it, also where a library caught that and raised something else."""
    return isinstance(error, KeyboardInterrupt) or (error is not None and was_interrupted(error.__context__))


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Print each UserWarning inside to stderr as a sentence, without the line of code that warns."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        say(f"Warning: {message}", style="yellow")

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def call_tool(script: str, *arguments: object) -> str:
    """Run `tools/<script>` in a Python of its own with its output shown; returns the command line as one would type it.

    Raises:
        UserError: the tool ended with an error (its own message stands above).
    """
    words = [str(argument) for argument in arguments]
    shown = shlex.join([*tool_command(script).split(), *words])
    print(f"$ {shown}", flush=True)
    command = [sys.executable, str(tools_dir() / script), *words]
    finished = subprocess.run(command, check=False, preexec_fn=end_with_parent)
    if finished.returncode:
        raise UserError(
            f"`{shown}` ended with exit code {finished.returncode}; its own message stands above. Mend that and repeat "
            "the command: what is done is kept"
        )
    return shown


def say(sentence: str, *, style: str = "") -> None:
    """Print a sentence to stderr, coloured on a terminal, named by rank in a distributed run."""
    rank = os.environ.get("RANK", "0")
    prefix = f"[rank {rank}] " if rank != "0" else ""
    Console(stderr=True).print(Text(prefix + sentence, style=style), soft_wrap=True)


def plain_sentence(message: str) -> str:
    """The user's sentence without what registries and loader processes wrap around it."""
    if "Original Traceback" in message:
        message = re.split(r"\n(?:(?:\w+\.)+[A-Z]\w*|[A-Z]\w*Error): ", message)[-1]
    message = re.sub(r"^(class `\w+` in \S+: )+", "", message.strip())
    return message.replace("\n", " ")
