"""Turn what a caller or a file gives into the arrays of an annotation, or say why not.

Every function takes `field`, the name to blame in the error, and raises `AnnotationError`.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sparsevision.annotation.errors import AnnotationError

MAX_SIDE = 2**20
MAX_CELLS = 2**32
MAX_META_DEPTH = 16
NO_LIMIT = 2**62  # larger numbers are refused because arithmetic with them leaves 64 bits
MAX_PLACES = 2**26  # pixels or points of a dense map


def real_array(value: Any, *, field: str, columns: int | None = None) -> np.ndarray:
    """Finite numbers as a read-only float64 array (N,) or (N, columns)."""
    array = _array(value, field=field, kinds="iuf", columns=columns, expected="numbers").astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), columns or 1)).all(axis=1))
    if bad.size:
        raise AnnotationError(f"{field}: entry {bad[0]} is {array[bad[0]].tolist()}; every number must be finite.")
    return _read_only(array)


def whole_array(value: Any, *, field: str, columns: int | None = None) -> np.ndarray:
    """Whole numbers as a read-only int64 array (N,) or (N, columns)."""
    array = _array(value, field=field, kinds="iu", columns=columns, expected="whole numbers")
    if array.dtype == np.uint64 and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise AnnotationError(f"{field}: {int(array.max())} does not fit into 64 bits; expected smaller whole numbers.")
    return _read_only(array.astype(np.int64))


def class_ids(value: Any, *, field: str) -> np.ndarray:
    """Class ids, whole numbers from 0 on, as a read-only int64 array (N,)."""
    array = whole_array(value, field=field)
    bad = np.flatnonzero(array < 0)
    if bad.size:
        raise AnnotationError(f"{field}: entry {bad[0]} is {array[bad[0]]}; class ids are whole numbers from 0 on.")
    return array


def flag_array(value: Any, *, field: str) -> np.ndarray:
    """Truth values (or 0 and 1) as a read-only bool array (N,)."""
    array = _array(value, field=field, kinds="biu", columns=None, expected="true/false values")
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise AnnotationError(f"{field}: expected true/false or 1/0 for each entry, got {_short(array.tolist())}.")
    return _read_only(array.astype(bool))


def frame_size(value: Any, *, field: str, sides: Sequence[int] = (2,)) -> tuple[int, ...]:
    """(height, width) of an image, or (count,) of a cloud, as Python ints within sane limits."""
    names = " or ".join({1: "(count,)", 2: "(height, width)"}[n] for n in sides)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) not in sides:
        raise AnnotationError(f"{field}: expected {names} as whole numbers, got {_short(value)}.")
    return tuple(
        whole_number(side, field=field, low=1, high=MAX_SIDE if len(value) == 2 else MAX_CELLS) for side in value
    )


def within_memory(size: tuple[int, ...], *, field: str) -> None:
    """Refuse a dense map of more than `MAX_PLACES` places before it is made: a small file can claim any size."""
    if math.prod(size) > MAX_PLACES:
        shown = " x ".join(map(str, size[::-1]))
        raise AnnotationError(f"{field}: {shown} pixels or points, too many for a dense map (at most {MAX_PLACES}).")


def whole_number(value: Any, *, field: str, low: int, high: int = NO_LIMIT) -> int:
    """One whole number in [low, high]; with `NO_LIMIT` the message names none."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)
    if not whole or not low <= value <= high:
        if whole and value > high == NO_LIMIT:
            raise AnnotationError(f"{field}: {_short(value)} is too large a number.")
        span = f"of {low} or more" if high == NO_LIMIT else f"from {low} to {high}"
        raise AnnotationError(f"{field}: expected a whole number {span}, got {_short(value)}.")
    return int(value)


def ragged(value: Any, *, field: str) -> list:
    """A list or tuple (of sequences of different lengths), as a list."""
    if isinstance(value, np.ndarray) and value.ndim:
        value = list(value)
    if not isinstance(value, list | tuple):
        raise AnnotationError(f"{field}: expected a list of sequences, got {_short(value)}.")
    return list(value)


def same_length(**lengths: int) -> None:
    """All of the named fields have one entry per annotation."""
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name.replace('__', '.')} has {count}" for name, count in lengths.items())
        raise AnnotationError(f"Fields disagree about the number of annotations: {counts}.")


def inside_image(xy: np.ndarray, size: tuple[int, ...], *, field: str) -> None:
    """Every (x, y) belongs to a pixel: -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5."""
    height, width = size
    outside = np.flatnonzero(((xy < -0.5) | (xy >= np.array([width, height]) - 0.5)).any(axis=1))
    if outside.size:
        where = tuple(xy[outside[0]].tolist())
        raise AnnotationError(
            f"{field}: entry {outside[0]} lies at (x, y) = {where}, outside the image {width} wide, {height} high."
        )


def plain_json(value: Any, *, field: str, depth: int = 0) -> Any:
    """A deep copy of `value` made of dict, list, str, int, finite float, bool and None only."""
    if depth > MAX_META_DEPTH:
        raise AnnotationError(f"{field}: nested more than {MAX_META_DEPTH} levels deep.")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float) and np.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [plain_json(item, field=field, depth=depth + 1) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain_json(item, field=f"{field}.{key[:40]}", depth=depth + 1) for key, item in value.items()}
    raise AnnotationError(
        f"{field}: expected plain JSON values (dict, list, str, finite number, bool, None), got {_short(value)}."
    )


def _array(value: Any, *, field: str, kinds: str, columns: int | None, expected: str) -> np.ndarray:
    shape = "(N,)" if columns is None else f"(N, {columns})"
    try:
        array = np.array(value)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise AnnotationError(f"{field}: expected {expected} of shape {shape}, got {_short(value)}.") from error
    if array.size == 0 and array.ndim <= 2:
        return np.zeros((0,) if columns is None else (0, columns), dtype=np.int64 if "f" not in kinds else np.float64)
    if array.dtype.kind not in kinds:
        raise AnnotationError(f"{field}: expected {expected} of shape {shape}, got {_short(value)}.")
    if array.ndim != (1 if columns is None else 2) or (columns is not None and array.shape[1] != columns):
        raise AnnotationError(f"{field}: expected {expected} of shape {shape}, got shape {array.shape}.")
    return array


def _read_only(array: np.ndarray) -> np.ndarray:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


def _short(value: Any) -> str:
    value = np.atleast_1d(value) if isinstance(value, np.ndarray) else value
    text = repr(value[:4] if isinstance(value, list | tuple | str | np.ndarray) else value)
    return text if len(text) <= 80 else text[:77] + "..."
