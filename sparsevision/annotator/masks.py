"""Masks on their way between the page and PNG files: runs of pixels, row by row.

`runs` is a flat list [start, length, start, length, ...] of pixel numbers row * width + column, ascending.
"""

from pathlib import Path

import numpy as np

from sparsevision.annotation import AnnotationError
from sparsevision.annotator.groups import MAX_CLASS
from sparsevision.datasets.image_io import read_class_map

UNKNOWN = 255


def runs_of(mask: np.ndarray) -> list[int]:
    """Runs of the true pixels of a bool mask (H, W)."""
    padded = np.concatenate([[False], mask.reshape(-1), [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2)
    edges[:, 1] -= edges[:, 0]
    return edges.reshape(-1).tolist()


def class_map_of(document: object, *, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W) of what the page sends: {"masks": [{"label": 1, "runs": [...]}, ...]}; the later mask lies on top.

    Raises:
        AnnotationError: anything else, e.g. runs that leave the image.
    """
    if not isinstance(document, dict) or set(document) != {"masks"} or not isinstance(document["masks"], list):
        raise AnnotationError('masks: expected an object with the one field "masks", a list.')
    if len(document["masks"]) > UNKNOWN:
        raise AnnotationError(f"masks: expected at most {UNKNOWN}, one for each class.")
    flat = np.full(size[0] * size[1], UNKNOWN, dtype=np.uint8)
    for index, mask in enumerate(document["masks"]):
        if not isinstance(mask, dict) or set(mask) != {"label", "runs"}:
            raise AnnotationError(f'masks[{index}]: expected an object with the fields "label" and "runs".')
        label = mask["label"]
        if type(label) is not int or not 0 <= label <= MAX_CLASS:
            raise AnnotationError(
                f"masks[{index}].label: expected a class id from 0 to {MAX_CLASS}, got {label!r:.60}."
            )
        for start, length in _checked_runs(mask["runs"], len(flat), field=f"masks[{index}].runs").tolist():
            flat[start : start + length] = label
    return flat.reshape(size)


def masks_of(class_map: np.ndarray) -> list[dict]:
    """The masks of a class map uint8 (H, W), one for each class in it."""
    labels = [label for label in np.unique(class_map).tolist() if label != UNKNOWN]
    return [{"label": label, "runs": runs_of(class_map == label)} for label in labels]


def read_page_mask(path: Path, *, size: tuple[int, int]) -> np.ndarray:
    """A mask file as uint8 (H, W). Raises: UserError when it holds no ids that the page knows, or has another size."""
    class_map = read_class_map(path)
    if class_map.shape != tuple(size) or class_map.max() > UNKNOWN:
        raise AnnotationError(
            f"{path.name}: expected class ids from 0 to {MAX_CLASS} ({UNKNOWN}: unknown) of (height, width) = "
            f"{tuple(size)}, got {class_map.shape} with ids up to {class_map.max()}."
        )
    return class_map.astype(np.uint8)


def _checked_runs(runs: object, count: int, *, field: str) -> np.ndarray:
    """(N, 2) starts and lengths, ascending and apart."""
    if not isinstance(runs, list) or len(runs) % 2 or any(type(value) is not int for value in runs):
        raise AnnotationError(f"{field}: expected an even number of whole numbers, start and length in turn.")
    if any(not 0 <= value <= count for value in runs):
        raise AnnotationError(f"{field}: expected numbers from 0 to {count}, the pixels of the image.")
    pairs = np.array(runs, dtype=np.int64).reshape(-1, 2)
    ends = pairs.sum(axis=1)
    if (pairs[:, 1] < 1).any() or (ends > count).any() or (pairs[1:, 0] < ends[:-1]).any():
        raise AnnotationError(f"{field}: expected ascending runs of one pixel or more inside the image.")
    return pairs
