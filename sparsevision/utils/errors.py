"""Errors that a person reads: one sentence with what is wrong, where, and what to do."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input from outside (a file, an option, a path). The tools print it without a traceback and exit with 2."""


def closest(word: str, candidates: Iterable[str], n: int = 3) -> list[str]:
    """The at most `n` candidates that look most like `word`, best first."""
    return difflib.get_close_matches(word, list(candidates), n=n, cutoff=0.5)


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """A sentence " Did you mean 'a' or 'b'?" (with a leading blank), or "" when nothing is close."""
    names = [f"'{name}'" for name in closest(word, candidates)]
    return f" Did you mean {' or '.join(names)}?" if names else ""
