"""What command lines share: their parser, and how a run that the same command continues ends."""

import argparse
import sys
from collections.abc import Callable

from sparsevision.utils.errors import UserError

USER_ERROR = 2  # exit code of a process that could not use its input
INTERRUPTED = 130  # exit code of a process that Ctrl-C ended


def tool_parser(
    description: str | None, examples: str | None = None, *, prog: str | None = None
) -> argparse.ArgumentParser:
    """A parser whose help shows the tool's docstring, its options and its examples with their line breaks.

    Args:
        description: what the tool does.
        examples: command lines.
        prog: how the tool is called, where that is not its file's name.
    """
    return argparse.ArgumentParser(
        prog=prog, description=description, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def is_for_the_user(error: Exception) -> bool:
    """Whether its message is all that one needs: a UserError, or an extra that `require` misses."""
    return isinstance(error, UserError) or (isinstance(error, ImportError) and "sparsevision[" in str(error))


def resumable(work: Callable[[], int]) -> int:
    """Exit code of `work`, or of what ended it: 2 for bad input or a missing extra, 130 for Ctrl-C; both are told."""
    try:
        return work()
    except (UserError, ImportError) as error:
        if not is_for_the_user(error):
            raise
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
