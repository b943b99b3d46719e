"""Dense truth taken apart: class maps checked, regions of a class, how deep inside its region a pixel lies."""

from typing import Any

import numpy as np
from scipy import ndimage

from sparsevision.annotation.errors import AnnotationError

_EIGHT = np.ones((3, 3), dtype=bool)


def class_map(mask: Any, ignore_index: int | None, *, dims: tuple[int, ...] = (2,), name: str = "mask") -> np.ndarray:
    """Dense truth as int64; bool becomes 0 and 1. Raises `AnnotationError` on another shape, floats, unknown ids."""
    array = np.asarray(mask)
    if array.ndim not in dims or array.size == 0 or array.dtype.kind not in "biu":
        shapes = " or ".join({1: "(count,)", 2: "(height, width)"}[n] for n in dims)
        raise AnnotationError(
            f"{name}: expected class ids of shape {shapes}, got {array.dtype} of shape {array.shape}."
        )
    array = array.astype(np.int64)
    negative = array < 0 if ignore_index is None else (array < 0) & (array != ignore_index)
    if negative.any():
        raise AnnotationError(
            f"{name}: holds {int(array[negative][0])}; class ids start at 0 and ignore_index is {ignore_index}."
        )
    return array


def binary_map(mask: Any, ignore_index: int | None, *, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(object, counts) as bool (height, width): where the mask is 1, and where it is not `ignore_index`."""
    array = class_map(mask, ignore_index, name=name)
    counts = np.ones(array.shape, dtype=bool) if ignore_index is None else array != ignore_index
    strange = np.setdiff1d(array[counts], (0, 1))
    if strange.size:
        raise AnnotationError(f"{name}: expected one object, true/false or 0/1, but it holds {strange[:5].tolist()}.")
    return (array == 1) & counts, counts


def classes_of(classes: np.ndarray, ignore_index: int | None) -> list[tuple[int, np.ndarray]]:
    """(class id, flat indices in scan order) of every class that occurs, ids ascending."""
    flat = classes.ravel()
    order = np.argsort(flat, kind="stable")
    ids, starts = np.unique(flat[order], return_index=True)
    groups = zip(ids.tolist(), np.split(order, starts[1:]), strict=True)
    return [(label, indices) for label, indices in groups if label != ignore_index]


def components(indices: np.ndarray, shape: tuple[int, int]) -> list[np.ndarray]:
    """The connected parts (8 neighbours) of a set of pixels given by flat indices: largest first, then scan order."""
    region, corner = crop(indices, shape)
    labels, count = ndimage.label(region, structure=_EIGHT)
    rows, columns = np.unravel_index(indices, shape)
    part = labels[rows - corner[0], columns - corner[1]]
    order = np.argsort(part, kind="stable")
    parts = np.split(indices[order], np.searchsorted(part[order], np.arange(2, count + 1)))
    return sorted(parts, key=lambda pixels: (-len(pixels), int(pixels[0])))


def crop(indices: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """The bounding box of a set of pixels as a bool array, and its top left corner (row, column)."""
    rows, columns = np.unravel_index(indices, shape)
    top, left = int(rows.min()), int(columns.min())
    region = np.zeros((int(rows.max()) - top + 1, int(columns.max()) - left + 1), dtype=bool)
    region[rows - top, columns - left] = True
    return region, (top, left)


def depth_squared(region: np.ndarray) -> np.ndarray:
    """Squared distance (whole numbers, hence exact) from each pixel to the nearest one outside; 0 outside.

    Beyond the array counts as outside, so the centre of a region at the image's border is its own centre.
    """
    distance = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    return np.rint(distance * distance).astype(np.int64)
