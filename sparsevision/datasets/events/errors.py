"""What goes wrong with files of events."""

import os

from sparsevision.utils import UserError

RECOVER = "Pass recover=True (--recover on the command line) to read the events before that place."


class EventFileError(UserError):
    """A file of events that is truncated, corrupt or not what it says; the message names the file and the place."""


def broken_file(path: str | os.PathLike, problem: str, *, offset: int, recoverable: bool = True) -> EventFileError:
    """The error of a file that breaks at a byte.

    Args:
        path: the file.
        problem: what is wrong, without a full stop.
        offset: first byte that cannot be used.
        recoverable: whether recover=True reads what stands before it.
    """
    remedy = RECOVER if recoverable else "Nothing before that place can be read either; get the file again."
    return EventFileError(f"{path}: {problem}, at byte {offset}. {remedy}")


def reason_of(path: str | os.PathLike, error: EventFileError) -> str:
    """What is wrong, without the file's name and the remedy, for the warning that something is left out."""
    return str(error).removeprefix(f"{path}: ").split(". ")[0]


def backwards(
    path: str | os.PathLike, *, index: int, before: int, after: int, offset: int | None = None
) -> EventFileError:
    """The error of events whose times fall: event `index` at `after` us follows one at `before` us."""
    place = "" if offset is None else f", at byte {offset}"
    return EventFileError(
        f"{path}: timestamps go backwards: event {index} at {after} us follows one at {before} us{place}. {RECOVER}"
    )
