"""Boxes made from dense truth: tight ones, or as inexact as people draw them."""

from collections.abc import Collection
from typing import Any

import numpy as np

from sparsevision.annotation import checks, regions
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.random_keys import draw_root, keys, unit_numbers
from sparsevision.annotation.types import Boxes

MAX_JITTER = 0.4


def simulate_boxes(
    mask: Any,
    *,
    rng: np.random.Generator,
    per_class: int | None = None,
    instances: Any = None,
    ignore_index: int | None = None,
    background: Collection[int] = (0,),
    jitter: float = 0.0,
    min_pixels: int = 1,
) -> Boxes:
    """Put a box around the objects of a class map.

    An object is a connected component (8 neighbours) of a class, or, with `instances`, all pixels of a class that bear
    one instance id. Boxes come in rounds: the largest object of every class (ids ascending), then the second largest of
    every class, and so on. `per_class=k` is thus the beginning of `per_class=n`, k <= n, for a generator in the same
    state. One number is drawn from `rng`, whatever the budget.

    Args:
        mask: dense truth, class ids (height, width); bool is 0 and 1.
        rng: `numpy.random.default_rng(seed)`.
        per_class: boxes per class; None for every object.
        instances: instance ids (height, width), whole numbers from 0 on; two touching objects of a class get two boxes.
        ignore_index: the value of pixels without truth; None if every value is a class.
        background: class ids that get no box.
        jitter: j in [0, 0.4]; each edge moves by a uniform share from -j to j of the box's width (left, right) or
            height (top, bottom) and stays in the image. 0 gives tight boxes; a box is never empty.
        min_pixels: objects of fewer pixels get no box.

    Raises:
        AnnotationError: a mask that is not a class map, instances of another shape, or an option out of range.
    """
    classes = regions.class_map(mask, ignore_index)
    if per_class is not None:
        checks.whole_number(per_class, field="per_class", low=0)
    checks.whole_number(min_pixels, field="min_pixels", low=0)
    if not 0 <= jitter <= MAX_JITTER:
        raise AnnotationError(f"jitter: expected a share from 0 (tight) to {MAX_JITTER}, got {jitter}.")
    identities = None if instances is None else _instance_map(instances, classes.shape)
    root = draw_root(rng)
    found = []
    for label, indices in regions.classes_of(classes, ignore_index):
        if label not in background:
            objects = _objects(indices, classes.shape, identities)
            kept = [pixels for pixels in objects if len(pixels) >= min_pixels][:per_class]
            found += [(turn, label, _tight_box(pixels, classes.shape)) for turn, pixels in enumerate(kept)]
    found.sort(key=lambda box: box[:2])
    meta = {"simulator": "simulate_boxes", "root": root, "per_class": per_class, "ignore_index": ignore_index}
    return Boxes(
        xyxy=[_jittered(edges, root, label, turn, jitter, classes.shape) for turn, label, edges in found],
        labels=[label for _, label, _ in found],
        size=classes.shape,
        meta=meta | {"background": sorted(background), "jitter": jitter, "min_pixels": min_pixels},
    )


def _instance_map(instances: Any, shape: tuple[int, ...]) -> np.ndarray:
    identities = regions.class_map(instances, None, name="instances")
    if identities.shape != shape:
        raise AnnotationError(f"instances: has shape {identities.shape}, the mask has {shape}; they must agree.")
    return identities


def _objects(indices: np.ndarray, shape: tuple[int, int], identities: np.ndarray | None) -> list[np.ndarray]:
    """The objects of one class as flat indices, largest first, then in scan order."""
    if identities is None:
        return regions.components(indices, shape)
    own = identities.ravel()[indices]
    order = np.argsort(own, kind="stable")
    starts = np.unique(own[order], return_index=True)[1]
    return sorted(np.split(indices[order], starts[1:]), key=lambda pixels: (-len(pixels), int(pixels[0])))


def _tight_box(pixels: np.ndarray, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Edges (x0, y0, x1, y1) of the smallest box with all of these flat indices."""
    rows, columns = np.unravel_index(pixels, shape)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def _jittered(
    edges: tuple[int, int, int, int], root: int, label: int, turn: int, jitter: float, shape: tuple[int, int]
) -> np.ndarray:
    """The box with moved edges; they cannot meet, because each moves by at most 0.4 of the side between them."""
    x0, y0, x1, y1 = edges
    reach = jitter * np.array([x1 - x0, y1 - y0, x1 - x0, y1 - y0], dtype=np.float64)
    moved = np.array(edges) + (2 * unit_numbers(keys(root, label, turn, count=4)) - 1) * reach
    height, width = shape
    return np.clip(moved, 0, [width, height, width, height])
