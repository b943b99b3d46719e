"""Typed values out of JSON objects and XML attributes. Every function blames `field` in an `AnnotationError`."""

import contextlib
import math
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from sparsevision.annotation.errors import AnnotationError

MAX_WHOLE = 2**53
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


@contextlib.contextmanager
def blame(where: str | os.PathLike) -> Iterator[None]:
    """Put a file or field in front of the errors raised inside."""
    try:
        yield
    except AnnotationError as error:
        raise AnnotationError(f"{where}: {error}") from error


def an_object(value: Any, *, field: str) -> dict:
    """A JSON object."""
    return _of_kind(value, dict, field, "an object")


def a_list(value: Any, *, field: str) -> list:
    """A JSON list."""
    return _of_kind(value, list, field, "a list")


def text(value: Any, *, field: str) -> str:
    """A JSON string."""
    return _of_kind(value, str, field, "a text")


def truth(value: Any, *, field: str) -> bool:
    """true or false."""
    return _of_kind(value, bool, field, "true or false")


def number(value: Any, *, field: str) -> float:
    """A finite number of at most 2**53, not true or false."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AnnotationError(f"{field}: expected a number, got {_short(value)}.")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise AnnotationError(f"{field}: {_short(value)} is not a finite number.")
    if abs(found) > MAX_WHOLE:
        raise AnnotationError(f"{field}: {_short(value)} is far too large.")
    return found


def whole(value: Any, *, field: str, low: int = 0, high: int = MAX_WHOLE) -> int:
    """A whole number in [low, high]; 640.0 counts as one."""
    found = value
    if isinstance(value, float) and value.is_integer():
        found = int(value)
    if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
        raise AnnotationError(f"{field}: expected a whole number from {low} to {high}, got {_short(value)}.")
    return found


def numbers(value: Any, *, field: str, count: int | None = None) -> np.ndarray:
    """A flat list of finite numbers (of a certain length) as float64 (N,)."""
    value = a_list(value, field=field)
    if count is not None and len(value) != count:
        raise AnnotationError(f"{field}: expected {count} numbers, got {len(value)}.")
    if {int, float}.issuperset(map(type, value)):
        with contextlib.suppress(OverflowError):
            array = np.array(value, dtype=np.float64)
            if (np.abs(array) <= MAX_WHOLE).all():
                return array
    return np.array([number(item, field=field) for item in value], dtype=np.float64)


def locations(value: Any, *, field: str) -> np.ndarray:
    """A list of [x, y] as float64 (N, 2)."""
    pairs = [numbers(item, field=field, count=2) for item in a_list(value, field=field)]
    return np.stack(pairs) if pairs else np.zeros((0, 2))


def number_in_text(value: str, *, field: str) -> float:
    """A finite decimal number written as text."""
    stripped = value.strip()
    if len(stripped) > 400 or not _NUMBER.fullmatch(stripped):
        raise AnnotationError(f"{field}: expected a number, got {_short(value)}.")
    return number(float(stripped), field=field)


def whole_in_text(value: str, *, field: str, low: int = 0, high: int = MAX_WHOLE) -> int:
    """A whole number written as text."""
    return whole(number_in_text(value, field=field), field=field, low=low, high=high)


def _of_kind(value: Any, kind: type, field: str, words: str) -> Any:
    if not isinstance(value, kind):
        raise AnnotationError(f"{field}: expected {words}, got {_short(value)}.")
    return value


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple):
        return {dict: "an object", list: "a list"}.get(type(value), "a tuple")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**30:
        return "a number of over 30 digits"
    written = ascii(value[:60] if isinstance(value, str) else value)
    return written if len(written) <= 80 else written[:77] + "..."
