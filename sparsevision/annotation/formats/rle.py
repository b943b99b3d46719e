"""Run lengths of COCO masks: the pixels in columns from top to bottom, lengths of background and mask in turn.

The compressed form writes each length as text: 5 bits a character, low bits first, in characters from "0" (48) on, with
32 for "more follows" and the sign in the highest bit of the last one; from the fourth length on, the difference to the
length two places before.
"""

from typing import Any

import numpy as np

from sparsevision.annotation import checks
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import values

MAX_COUNTS = 2**22


def checked_size(size: tuple[int, int], *, field: str) -> tuple[int, int]:
    """The size (height, width) if a dense map of it may be made."""
    if size[0] * size[1] > checks.MAX_PLACES:
        raise AnnotationError(
            f"{field}: {size[1]} x {size[0]} pixels, too many for a dense mask (at most {checks.MAX_PLACES})."
        )
    return size


def read_counts(counts: Any, *, field: str) -> np.ndarray:
    """Run lengths int64 (N,) from a list of whole numbers or from COCO's text.

    Raises:
        AnnotationError: neither, a negative length, or text that is cut off.
    """
    if isinstance(counts, str | list) and len(counts) > MAX_COUNTS:
        raise AnnotationError(f"{field}: {len(counts)} run lengths or characters; expected at most {MAX_COUNTS}.")
    if isinstance(counts, str):
        lengths = _uncompressed(counts, field)
    else:
        lengths = [values.whole(n, field=field) for n in values.a_list(counts, field=field)]
    array = np.array(lengths, dtype=np.int64)
    if array.size and int(array.min()) < 0:
        raise AnnotationError(f"{field}: a run of {int(array.min())} pixels; lengths are whole numbers from 0 on.")
    return array


def mask_of(counts: np.ndarray, size: tuple[int, int], *, field: str, by_rows: bool = False) -> np.ndarray:
    """The bool mask (height, width) of run lengths, in columns as in COCO, or in rows as in CVAT.

    Raises:
        AnnotationError: the lengths do not add up to the number of pixels, or too many of these.
    """
    height, width = checked_size(size, field=field)
    check_sum(counts, size, field=field)
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(height, width) if by_rows else flat.reshape(width, height).T


def check_sum(counts: np.ndarray, size: tuple[int, int], *, field: str) -> None:
    """Refuse run lengths that do not add up to the number of pixels."""
    total = float(counts.sum(dtype=np.float64))
    if total != size[0] * size[1]:
        raise AnnotationError(
            f"{field}: the run lengths add up to {total:.0f}, but the mask has {size[0]} x {size[1]} pixels; is the "
            "file cut off, or of another image?"
        )


def hull_of(counts: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Edges (x0, y0, x1, y1) of the smallest box around a COCO mask, without drawing it; all zeros if it is empty."""
    height = size[0]
    ends = np.cumsum(counts)[1::2]
    starts, ends = ends - counts[1::2], ends - 1
    starts, ends = starts[ends >= starts], ends[ends >= starts]
    if not len(starts):
        return np.zeros(4)
    left, right = starts // height, ends // height
    one_column = left == right
    top = np.where(one_column, starts % height, 0).min()
    bottom = np.where(one_column, ends % height, height - 1).max()
    return np.array([left.min(), top, right.max() + 1, bottom + 1], dtype=np.float64)


def _uncompressed(text: str, field: str) -> list[int]:
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 50:
            raise AnnotationError(f"{field}: {character!r} does not belong into COCO's compressed run lengths.")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        if not 0 <= lengths[-1] <= 2**53:
            raise AnnotationError(f"{field}: a run of {lengths[-1]} pixels; are these COCO's compressed run lengths?")
        value = shift = 0
    if shift:
        raise AnnotationError(f"{field}: the compressed run lengths are cut off.")
    return lengths
