"""Any annotation file of one image as the page wants it: at most one annotation of a type, one `Clicks` an object.

The names are "points", "scribbles", "boxes", "tracks" and "object_1", "object_2", ...
"""

import dataclasses
import re
from collections.abc import Iterable

import numpy as np

from sparsevision.annotation import Annotation, AnnotationError, Boxes, Clicks, PointLabels, Scribbles, Tracks

NAMES = {PointLabels: "points", Scribbles: "scribbles", Boxes: "boxes", Tracks: "tracks"}
OBJECT = re.compile(r"object_([1-9]\d{0,5})")
MAX_CLASS = 254  # 255 means unknown in a mask file


def page_groups(
    annotations: Annotation | list[Annotation] | dict[str, Annotation], *, size: tuple[int, int]
) -> dict[str, Annotation]:
    """The groups of the page from whatever a file holds; all of it is kept.

    `meta["seconds"]` of joined annotations gets None for those that were not timed, and `meta["joined"]` the names that
    they had.

    Args:
        annotations: what `load_annotations` returned.
        size: (height, width) of the image.

    Raises:
        AnnotationError: annotations of another size or of a cloud, two that contradict each other, or a class id that a
            mask file cannot hold.
    """
    named = _named(annotations)
    for name, annotation in named:
        _check(name, annotation, size)
    groups = {group: _joined(cls, [pair for pair in named if type(pair[1]) is cls]) for cls, group in NAMES.items()}
    groups |= _objects([(name, item) for name, item in named if isinstance(item, Clicks)])
    return {name: group for name, group in groups.items() if group is not None and len(group)}


def is_page_document(groups: object) -> bool:
    """True for a dict whose names and types are those of the page: what a page may save."""
    if not isinstance(groups, dict):
        return False
    names = {name: cls for cls, name in NAMES.items()}
    return all(
        type(item) is names.get(name, Clicks if OBJECT.fullmatch(name) else None) for name, item in groups.items()
    )


def _named(annotations: Annotation | list[Annotation] | dict[str, Annotation]) -> list[tuple[str, Annotation]]:
    if isinstance(annotations, Annotation):
        return [("", annotations)]
    if isinstance(annotations, dict):
        return list(annotations.items())
    return [(str(index), item) for index, item in enumerate(annotations)]


def _check(name: str, annotation: Annotation, size: tuple[int, int]) -> None:
    where = f"{name[:60]}: " if name else ""
    if len(annotation.size) != 2:
        raise AnnotationError(f"{where}labels points of a cloud; the page shows images.")
    if tuple(annotation.size) != tuple(size):
        raise AnnotationError(
            f"{where}made for an image of (height, width) = {tuple(annotation.size)}, but the image is {tuple(size)}."
        )
    labels = annotation.labels if hasattr(annotation, "labels") else np.zeros(0)
    labels = [*labels.tolist(), _label_of(annotation)] if isinstance(annotation, Clicks) else labels.tolist()
    if labels and max(labels) > MAX_CLASS:
        raise AnnotationError(f"{where}holds the class {max(labels)}; the page knows the classes 0 to {MAX_CLASS}.")


def _label_of(clicks: Clicks) -> int:
    label = clicks.meta.get("label", 1)
    if type(label) is not int or label < 0:
        raise AnnotationError(f"Clicks.meta.label: expected a class id, a whole number from 0 on, got {label!r:.60}.")
    return label


def _objects(clicks: list[tuple[str, Clicks]]) -> dict[str, Clicks]:
    """Each a group of its own; names that are not "object_<number>" get the next free number."""
    taken = {name for name, _ in clicks if OBJECT.fullmatch(name)}
    free = (name for number in range(1, 10**6) if (name := f"object_{number}") not in taken)
    objects = {}
    for name, item in clicks:
        meta = dict(item.meta) | {"label": _label_of(item), "seconds": _seconds(item)}
        if name not in taken and name:
            meta.setdefault("joined", [name])
        objects[name if name in taken else next(free)] = dataclasses.replace(item, meta=meta)
    return objects


def _joined(cls: type, named: list[tuple[str, Annotation]]) -> Annotation | None:
    if not named:
        return None
    items = [item for _, item in named]
    columns = {field: _concatenated([getattr(item, field) for item in items]) for field in cls.per_item}
    meta = {key: value for item in reversed(items) for key, value in item.meta.items()}
    meta["seconds"] = [seconds for item in items for seconds in _seconds(item)]
    foreign = [name for name, _ in named if name not in ("", NAMES[cls])]
    if foreign:
        meta.setdefault("joined", [name for name, _ in named])
    longest = {"num_frames": max(item.num_frames for item in items)} if cls is Tracks else {}
    return dataclasses.replace(items[0], **columns, **longest, meta=meta)


def _concatenated(columns: list) -> np.ndarray | list | None:
    if columns[0] is None:
        return None
    return np.concatenate(columns) if isinstance(columns[0], np.ndarray) else [x for part in columns for x in part]


def _seconds(annotation: Annotation) -> list[float | None]:
    """Seconds of each item; None where the file has none."""
    given = annotation.meta.get("seconds")
    fits = isinstance(given, list) and len(given) >= len(annotation)
    return [_as_seconds(value) for value in given[: len(annotation)]] if fits else [None] * len(annotation)


def _as_seconds(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < 1e9 else None


def check_seconds(groups: Iterable[Annotation]) -> None:
    """Every `meta["seconds"]` is a list with a number >= 0 or None for each item. Raises: AnnotationError."""
    for group in groups:
        given = group.meta.get("seconds")
        if given is None:
            continue
        if not isinstance(given, list) or len(given) != len(group):
            raise AnnotationError(f"{group.kind}.meta.seconds: expected a list of {len(group)} numbers or nulls.")
        for value in given:
            if value is not None and _as_seconds(value) is None:
                raise AnnotationError(f"{group.kind}.meta.seconds: expected seconds from 0 on, got {value!r:.60}.")
