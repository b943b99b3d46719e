"""Clouds in text: a line a point, columns apart by blanks, tabs, commas or semicolons."""

from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.utils import UserError

SEPARATORS = ",;\t"
COMMENTS = ("#", "//")
LOOKED_AT = 20  # first lines that may be comments, names or a count


def read_text_cloud(path: Path) -> tuple[NDArray[np.float64], tuple[str, ...] | None]:
    """The numbers (n,k) of a text file, and the names of its columns where a line above them, or a comment, has them.

    Lines that begin with # or // are comments. A first line with a single number is the count of a .pts file.

    Raises:
        UserError: no numbers, lines of different lengths, or words among the numbers; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = [line.strip() for line in islice(file, LOOKED_AT)]
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no text in UTF-8; is the suffix right?") from None
    skipped, names = _before_the_numbers(first)
    if skipped == len(first):
        raise UserError(f"{path}: no line with numbers among the first {len(first)}; expected x y z [red green blue].")
    separator = next((sign for sign in SEPARATORS if sign in first[skipped]), None)
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = file if separator in (None, "\t") else (line.rstrip().rstrip(separator) for line in file)
            table = np.loadtxt(lines, delimiter=separator, comments=COMMENTS, skiprows=skipped, ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        hint = " Write decimals with a point." if separator == "," or "," in str(error) else ""
        raise UserError(
            f"{path}: the numbers cannot be read ({error}), counted from line {skipped + 1}.{hint}"
        ) from error
    if table.shape[1] < 3:
        raise UserError(f"{path}: a line holds {table.shape[1]} numbers; expected x y z [red green blue].")
    return table, names if names is not None and len(names) == table.shape[1] else None


def _before_the_numbers(lines: list[str]) -> tuple[int, tuple[str, ...] | None]:
    """How many lines come before the first point, and the column names found in them."""
    names = None
    for number, line in enumerate(lines):
        comment = line.startswith(COMMENTS)
        words = line.lstrip("#/ ").lower().replace(",", " ").replace(";", " ").split()
        numbers = [_is_number(word) for word in words]
        if not comment and len(words) > 1 and any(numbers):
            return number, names
        if {"x", "y", "z"} <= {word.strip('"') for word in words}:
            names = tuple(word.strip('"') for word in words)
    return len(lines), names


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
