"""What goes wrong when people annotate: labels forgotten, wrong classes, clicks beside the spot.

Each function draws one number from `rng` and derives the fate of every item from it, by its place in the order. So the
fate of an item does not depend on how many follow: noise on a smaller budget is the beginning of noise on a larger one.
A share is thus the chance of each item, not an exact count. What was done is written to `meta["noise"]`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from sparsevision.annotation import checks
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.random_keys import draw_root, keys, unit_numbers
from sparsevision.annotation.types import Annotation, Clicks, PointLabels, Tracks

_MOST_DRAWS = 64
AnyAnnotation = TypeVar("AnyAnnotation", bound=Annotation)


def drop(annotation: AnyAnnotation, *, share: float, rng: np.random.Generator) -> AnyAnnotation:
    """Forget each point, click, stroke, box or track with the chance `share`; measured seconds go with them.

    Raises:
        AnnotationError: not an annotation, or a share outside [0, 1].
    """
    share = _checked_share(annotation, share)
    root = draw_root(rng)
    kept = np.flatnonzero(unit_numbers(keys(root, count=len(annotation))) >= share)
    return _recorded(_chosen(annotation, kept), kind="drop", share=share, root=root)


def mislabel(
    annotation: AnyAnnotation, *, share: float, rng: np.random.Generator, classes: Sequence[int] | None = None
) -> AnyAnnotation:
    """Give each item a wrong label with the chance `share`: one of the other classes, all equally likely.

    A click changes its sign. Points on one and the same place share their fate.

    Args:
        annotation: anything but `Tracks`, which have no labels.
        share: chance of each item, in [0, 1].
        rng: `numpy.random.default_rng(seed)`.
        classes: ids to choose from, at least two; clicks need none.

    Raises:
        AnnotationError: tracks, a share outside [0, 1], or fewer than two classes.
    """
    share = _checked_share(annotation, share)
    if isinstance(annotation, Tracks):
        raise AnnotationError("mislabel: tracks have no labels; they can be dropped.")
    root = draw_root(rng)
    fate = _first_of_place(annotation)
    wrong = unit_numbers(keys(root, 0, count=len(annotation)))[fate] < share
    if isinstance(annotation, Clicks):
        changed = dataclasses.replace(annotation, positive=annotation.positive ^ wrong)
        return _recorded(changed, kind="mislabel", share=share, root=root)
    options = np.unique(checks.class_ids(() if classes is None else list(classes), field="classes"))
    if len(options) < 2:
        raise AnnotationError(f"classes: expected the ids of at least two classes, got {options.tolist()}.")
    labels = _other_labels(annotation.labels, options, keys(root, 1, count=len(annotation))[fate])
    changed = dataclasses.replace(annotation, labels=np.where(wrong, labels, annotation.labels))
    return _recorded(changed, kind="mislabel", share=share, root=root, classes=options.tolist())


def shift(annotation: PointLabels | Clicks, *, pixels: float, rng: np.random.Generator) -> PointLabels | Clicks:
    """Move each point or click by up to `pixels` in x and in y, uniformly; it keeps its label, right or wrong.

    What would leave the image stays at its border. Points move by whole pixels; one whose place is taken by an earlier
    point of another label draws again, and is left out when that does not help.

    Raises:
        AnnotationError: another type, points of a cloud, or `pixels` out of range.
    """
    if not isinstance(annotation, PointLabels | Clicks) or len(annotation.size) != 2:
        kind = "points of a cloud" if isinstance(annotation, PointLabels) else type(annotation).__name__
        raise AnnotationError(f"shift: expected PointLabels of an image or Clicks, got {kind}.")
    if isinstance(pixels, bool) or not isinstance(pixels, int | float) or not 0 <= pixels <= checks.MAX_SIDE:
        raise AnnotationError(f"pixels: expected a number from 0 to {checks.MAX_SIDE}, got {pixels!r}.")
    root = draw_root(rng)
    if isinstance(annotation, Clicks):
        shares = unit_numbers(keys(root, count=2 * len(annotation))).reshape(-1, 2)
        shifted = dataclasses.replace(annotation, xy=_at_most_border(annotation, (2 * shares - 1) * pixels))
    else:
        shifted = _shifted_points(annotation, int(pixels), root)
    return _recorded(shifted, kind="shift", pixels=pixels, root=root)


def _checked_share(annotation: Any, share: float) -> float:
    if not isinstance(annotation, Annotation):
        raise AnnotationError(f"expected an annotation, got {type(annotation).__name__}; for a dict, do it one by one.")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise AnnotationError(f"share: expected a number from 0 to 1, got {share!r}.")
    return float(share)


def _chosen(annotation: AnyAnnotation, indices: np.ndarray) -> AnyAnnotation:
    """The items of these indices, with their measured seconds."""
    fields = {}
    for name in annotation.per_item:
        value = getattr(annotation, name)
        if value is not None:
            fields[name] = tuple(value[i] for i in indices) if isinstance(value, tuple) else value[indices]
    seconds = annotation.meta.get("seconds")
    if isinstance(seconds, list) and len(seconds) >= len(annotation):
        fields["meta"] = annotation.meta | {"seconds": [seconds[i] for i in indices]}
    return dataclasses.replace(annotation, **fields)


def _recorded(annotation: AnyAnnotation, **what: Any) -> AnyAnnotation:
    earlier = annotation.meta.get("noise", [])
    noise = [*(earlier if isinstance(earlier, list) else [earlier]), what]
    return dataclasses.replace(annotation, meta=annotation.meta | {"noise": noise})


def _first_of_place(annotation: Annotation) -> np.ndarray:
    """(N,) index of the first point on the same place, so that no place is given two labels; else the item's own."""
    if not isinstance(annotation, PointLabels) or not len(annotation):
        return np.arange(len(annotation))
    place = annotation.indices[:, None] if annotation.xy is None else annotation.xy
    _, first, inverse = np.unique(place, axis=0, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)]


def _other_labels(labels: np.ndarray, options: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """For each label one of the other options, chosen by its random uint64."""
    known = np.isin(labels, options)
    position = np.searchsorted(options, labels)
    others = len(options) - known
    choice = (numbers % others.astype(np.uint64)).astype(np.int64)
    return options[choice + (known & (choice >= position))]


def _at_most_border(annotation: Clicks | PointLabels, offset: np.ndarray) -> np.ndarray:
    height, width = annotation.size
    moved = annotation.xy + offset
    inside = np.clip(moved, 0, [width - 1, height - 1])
    return np.where(offset == 0, annotation.xy, inside)


def _shifted_points(points: PointLabels, reach: int, root: int) -> PointLabels:
    taken: dict[tuple[int, int], int] = {}
    kept, places = [], []
    draws = [_whole_offsets(points, reach, keys(root, attempt, count=2 * len(points))) for attempt in range(2)]
    for index, label in enumerate(points.labels.tolist()):
        for attempt in range(_MOST_DRAWS):
            if attempt == len(draws):
                draws.append(_whole_offsets(points, reach, keys(root, attempt, count=2 * len(points))))
            place = tuple(draws[attempt][index].tolist())
            if taken.setdefault(place, label) == label:
                kept.append(index)
                places.append(place)
                break
    return dataclasses.replace(_chosen(points, np.array(kept, dtype=np.int64)), xy=places)


def _whole_offsets(points: PointLabels, reach: int, numbers: np.ndarray) -> np.ndarray:
    """The points (N, 2), each moved by up to `reach` whole pixels."""
    offset = (numbers % np.uint64(2 * reach + 1)).astype(np.int64).reshape(-1, 2) - reach
    return _at_most_border(points, offset)
