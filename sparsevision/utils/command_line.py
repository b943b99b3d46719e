"""What command lines share: their parser, and how a run that the same command continues ends."""

import argparse
import errno
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from sparsevision.utils.errors import UserError, did_you_mean

USER_ERROR = 2  # exit code of a process that could not use its input
INTERRUPTED = 130  # exit code of a process that Ctrl-C ended
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)


class ToolParser(argparse.ArgumentParser):
    """A parser that names the closest flag where one is misspelt."""

    def error(self, message: str) -> NoReturn:
        """Print usage and the message, exit with 2."""
        unknown = re.findall(r"(?<!\S)--[\w-]+", message.partition("unrecognized arguments:")[2])
        super().error(message + "".join(did_you_mean(word, self._flags()) for word in unknown))

    def _flags(self) -> set[str]:
        """Those of its commands too."""
        commands = [action for action in self._actions if isinstance(action.choices, dict)]
        parsers = [parser for action in commands for parser in action.choices.values()]
        return set(self._option_string_actions).union(*(parser._option_string_actions for parser in parsers))


def tool_parser(
    description: str | None, examples: str | None = None, *, prog: str | None = None
) -> argparse.ArgumentParser:
    """A parser whose help shows the tool's docstring, its options and its examples with their line breaks.

    Args:
        description: what the tool does.
        examples: command lines.
        prog: how the tool is called, where that is not its file's name.
    """
    return ToolParser(
        prog=prog, description=description, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def sentence_for_the_user(error: Exception) -> str | None:
    """All that one needs of a UserError, of an extra that `require` misses, of a disk that is full or refuses.

    None for any other error: it is ours, and its traceback is needed.
    """
    if isinstance(error, UserError) or (isinstance(error, ImportError) and "sparsevision[" in str(error)):
        return str(error)
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return f"{error.filename or 'a file'}: cannot be written ({error.strerror}); free some space."
    if isinstance(error, OSError) and error.errno in REFUSED and error.filename:
        return f"{error.filename}: cannot be used ({error.strerror}); see whose it is, or choose another place."
    return None


def resumable(work: Callable[[], int]) -> int:
    """Exit code of `work`, or of what ended it: 2 for what `sentence_for_the_user` tells, 130 for Ctrl-C."""
    try:
        return work()
    except (UserError, ImportError, OSError) as error:
        sentence = sentence_for_the_user(error)
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
