"""What a budget of annotations bought: how many pixels and objects it reached, how much is right, what it cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsevision.annotation import checks, raster, regions
from sparsevision.annotation.budget import CostModel, modelled_seconds, seconds_per_item
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.types import Annotation, Boxes, Clicks, PointLabels, Scribbles, Tracks

BACKGROUND = 0
NO_CLASS = -1


@dataclass(frozen=True, kw_only=True)
class ItemTable:
    """All points, clicks, strokes, boxes and tracks of one image, one row an item, in the order they were made.

    Attributes:
        kind: (N,) the type's name, such as "point_labels".
        label: (N,) class id; of clicks the object's, of tracks `NO_CLASS`.
        turn: (N,) place in its own annotation, from 0.
        pixels: (N,) pixels (points of a cloud) that the item labels and no earlier one did; tracks label none.
        known: (N,) how many of these have a truth.
        right: (N,) how many agree with it. Of a box: how many of its pixels show its class.
        touched: (N,) objects that the item is the first of its type to label rightly; objects are connected components.
        touched_any: (N,) the same, first of all types.
        modelled: (N,) seconds by the cost model.
        measured: (N,) measured seconds, NaN where there are none.
        objects: class id -> number of objects in the truth; empty without truth.
        size: pixels of the image, or points of the cloud; 0 with nothing but tracks.
    """

    kind: np.ndarray
    label: np.ndarray
    turn: np.ndarray
    pixels: np.ndarray
    known: np.ndarray
    right: np.ndarray
    touched: np.ndarray
    touched_any: np.ndarray
    modelled: np.ndarray
    measured: np.ndarray
    objects: dict[int, int]
    size: int


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """One line of the report: everything of a type and a class. Counts without truth are 0, shares None.

    Attributes:
        kind: type of annotation, or "all".
        label: class id; None for all classes and for tracks.
        count: items.
        images: images with such an item.
        images_with_class: images whose truth shows the class.
        pixels: labelled pixels.
        pixel_share: of all pixels of the images of the report.
        right_share: of the labelled pixels with truth.
        objects_touched: objects with a right label.
        objects: objects in the truth.
        modelled_seconds, measured_seconds: cost; measured is None when nothing was measured.
        measured_items: items with a measured time.
    """

    kind: str
    label: int | None
    count: int
    images: int
    images_with_class: int
    pixels: int
    pixel_share: float
    right_share: float | None
    objects_touched: int
    objects: int
    modelled_seconds: float
    measured_seconds: float | None
    measured_items: int


@dataclass(frozen=True, kw_only=True)
class BudgetStep:
    """What the first `turns` items of every annotation bought: seconds and shares in [0, 1], None without truth."""

    turns: int
    seconds: float
    pixel_share: float
    object_share: float | None
    right_share: float | None


def item_table(
    annotations: Annotation | Iterable[Annotation] | Mapping[str, Annotation],
    *,
    model: CostModel | None = None,
    truth: Any = None,
    ignore_index: int | None = None,
) -> ItemTable:
    """Take the annotations of one image apart.

    Args:
        annotations: one, a list, or a dict by name. Clicks with `meta["label"]` are clicks on an object of that class,
            others on class 1.
        model: cost of an item.
        truth: class map (height, width) of the image, or (count,) of the cloud; None if unknown.
        ignore_index: value of places without truth.

    Raises:
        AnnotationError: truth of another size, or broken measured times; names the annotation.
    """
    model = CostModel() if model is None else model
    if isinstance(annotations, Annotation):
        named = {annotations.kind: annotations}
    else:
        named = dict(annotations) if isinstance(annotations, Mapping) else dict(enumerate(annotations))
    classes = None if truth is None else regions.class_map(truth, ignore_index, dims=(1, 2), name="truth")
    objects = _object_map(classes, ignore_index) if classes is not None and classes.ndim == 2 else None
    parts = []
    for name, annotation in named.items():
        try:
            parts.append(_columns(annotation, model, classes, ignore_index))
        except AnnotationError as error:
            raise AnnotationError(f"{name}: {error}") from error
    columns = {key: np.concatenate([part[key] for part in [_empty_columns(), *parts]]) for key in _empty_columns()}
    hits = _hits(parts, objects)
    every = np.zeros(len(columns["kind"]), dtype=np.int64)
    return ItemTable(
        **columns,
        touched=_first_touches(*hits, turn=columns["turn"], group=np.unique(columns["kind"], return_inverse=True)[1]),
        touched_any=_first_touches(*hits, turn=columns["turn"], group=every),
        objects={} if objects is None else objects[1],
        size=max((int(np.prod(each.size)) for each in named.values() if not isinstance(each, Tracks)), default=0),
    )


def report_rows(tables: Mapping[str, ItemTable]) -> list[ReportRow]:
    """A row for every type and class, and one for everything at the end. `tables` by image."""
    found = {(str(k), int(c)) for table in tables.values() for k, c in zip(table.kind, table.label, strict=True)}
    rows = [_row(tables, kind, label) for kind, label in sorted(found)]
    return [*rows, _row(tables, None, None)]


def budget_steps(tables: Mapping[str, ItemTable], *, kind: str | None = None, most: int = 40) -> list[BudgetStep]:
    """How much the first 1, 2, 3, ... items of every annotation of a type (None: of all) bought, `most` steps at most.

    Objects are those of the truth that are not background.
    """
    chosen = {name: _taken(table, kind, None) for name, table in tables.items()}
    turns = _column(tables, "turn", chosen)
    largest = int(turns.max()) + 1 if len(turns) else 0
    ends = np.unique(np.rint(np.geomspace(1, largest, most)).astype(int)) if largest else []
    touches = "touched" if kind else "touched_any"
    return [_step(tables, chosen, turns < end, int(end), touches) for end in ends]


def object_count(tables: Mapping[str, ItemTable], label: int | None = None) -> int:
    """Objects in the truth of all images: of one class, or of all but the background."""
    return sum(
        count
        for table in tables.values()
        for own, count in table.objects.items()
        if (own == label if label is not None else own != BACKGROUND)
    )


def _step(tables: Mapping[str, ItemTable], chosen: dict, within: np.ndarray, turns: int, touches: str) -> BudgetStep:
    total = {name: _column(tables, name, chosen)[within] for name in ("modelled", "pixels", "known", "right")}
    foreground = within & (_column(tables, "label", chosen) != BACKGROUND)
    objects = object_count(tables)
    return BudgetStep(
        turns=turns,
        seconds=float(total["modelled"].sum()),
        pixel_share=_share(total["pixels"].sum(), sum(table.size for table in tables.values())) or 0.0,
        object_share=_share(_column(tables, touches, chosen)[foreground].sum(), objects),
        right_share=_share(total["right"].sum(), total["known"].sum()),
    )


def _row(tables: Mapping[str, ItemTable], kind: str | None, label: int | None) -> ReportRow:
    chosen = {name: _taken(table, kind, label) for name, table in tables.items()}
    column = {
        name: _column(tables, name, chosen)
        for name in ("pixels", "known", "right", "touched", "touched_any", "modelled", "measured", "label")
    }
    touched = column["touched" if kind else "touched_any"]
    touched = touched if label is not None else touched[column["label"] != BACKGROUND]
    measured = np.isfinite(column["measured"])
    return ReportRow(
        kind=kind or "all",
        label=None if label == NO_CLASS else label,
        count=len(measured),
        images=sum(bool(own.any()) for own in chosen.values()),
        images_with_class=sum(bool(table.objects.get(label) if kind else table.objects) for table in tables.values()),
        pixels=int(column["pixels"].sum()),
        pixel_share=_share(column["pixels"].sum(), sum(table.size for table in tables.values())) or 0.0,
        right_share=_share(column["right"].sum(), column["known"].sum()),
        objects_touched=int(touched.sum()),
        objects=object_count(tables, label),
        modelled_seconds=float(column["modelled"].sum()),
        measured_seconds=float(column["measured"][measured].sum()) if measured.any() else None,
        measured_items=int(measured.sum()),
    )


def _taken(table: ItemTable, kind: str | None, label: int | None) -> np.ndarray:
    own = np.ones(len(table.kind), dtype=bool) if kind is None else table.kind == kind
    return own if label is None else own & (table.label == label)


def _column(tables: Mapping[str, ItemTable], name: str, chosen: Mapping[str, np.ndarray]) -> np.ndarray:
    parts = [getattr(table, name)[chosen[image]] for image, table in tables.items()]
    return np.concatenate(parts) if parts else np.zeros(0)


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _empty_columns() -> dict[str, np.ndarray]:
    whole = {name: np.zeros(0, dtype=np.int64) for name in ("label", "turn", "pixels", "known", "right")}
    return {"kind": np.zeros(0, dtype=np.str_)} | whole | {"modelled": np.zeros(0), "measured": np.zeros(0)}


def _columns(
    annotation: Annotation, model: CostModel, truth: np.ndarray | None, ignore_index: int | None
) -> dict[str, np.ndarray]:
    """The columns of one annotation, and "hit_place", "hit_owner": where it is right, and which item is there."""
    count = len(annotation)
    none = np.zeros(count, dtype=np.int64)
    columns = {"kind": np.full(count, annotation.kind), "label": _labels(annotation), "turn": np.arange(count)}
    columns |= {"modelled": modelled_seconds(annotation, model=model), "measured": seconds_per_item(annotation)}
    columns |= {"known": none, "right": none, "hit_place": none[:0], "hit_owner": none[:0]}
    if isinstance(annotation, Tracks):
        return columns | {"pixels": none}
    place, owner = _owned(annotation)
    columns["pixels"] = np.bincount(owner, minlength=count)
    if truth is None:
        return columns
    if truth.shape != tuple(annotation.size):
        raise AnnotationError(f"made on {annotation.size}, but the truth has shape {truth.shape}; is it of this image?")
    known = np.ones(len(place), dtype=bool) if ignore_index is None else truth.ravel()[place] != ignore_index
    positive = annotation.positive[owner] if isinstance(annotation, Clicks) else np.ones(len(place), dtype=bool)
    right = known & ((truth.ravel()[place] == columns["label"][owner]) == positive)
    hit = right & positive
    columns |= {
        "known": np.bincount(owner[known], minlength=count),
        "right": np.bincount(owner[right], minlength=count),
    }
    return columns | {"hit_place": place[hit], "hit_owner": owner[hit]}


def _hits(
    parts: list[dict[str, np.ndarray]], objects: tuple[np.ndarray, dict[int, int]] | None
) -> tuple[np.ndarray, np.ndarray]:
    """(row of the table, number of the object) of every object that an item labels rightly."""
    codes, start = [np.zeros(0, dtype=np.int64)], 0
    total = 1 if objects is None else 1 + int(objects[0].max())
    for part in parts if objects is not None else ():
        codes.append((part["hit_owner"] + start) * total + objects[0].ravel()[part["hit_place"]])
        start += len(part["kind"])
    return np.divmod(np.unique(np.concatenate(codes)), total)


def _first_touches(row: np.ndarray, number: np.ndarray, *, turn: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(N,) how many objects each row is the first of its group to touch, in the order of the turns."""
    order = np.lexsort([row, turn[row]])
    pairs = np.stack([group[row], number], axis=1)[order]
    first = np.unique(pairs, axis=0, return_index=True)[1]
    return np.bincount(row[order][first], minlength=len(turn))


def _labels(annotation: Annotation) -> np.ndarray:
    if isinstance(annotation, Tracks):
        return np.full(len(annotation), NO_CLASS)
    if not isinstance(annotation, Clicks):
        return annotation.labels
    label = annotation.meta.get("label", 1)
    if isinstance(label, bool) or not isinstance(label, int) or label < 0:
        raise AnnotationError(f"Clicks.meta.label: expected a class id, got {label!r:.60}.")
    return np.full(len(annotation), label)


def _owned(annotation: Annotation) -> tuple[np.ndarray, np.ndarray]:
    """Labelled places (flat indices) and the item that labels each: the earliest; of boxes the smallest."""
    checks.within_memory(annotation.size, field=f"{type(annotation).__name__}.size")
    owner = np.full(annotation.size, -1, dtype=np.int64)
    for index in _painting_order(annotation):
        window, patch = _footprint(annotation, index)
        owner[window][patch] = index
    place = np.flatnonzero(owner.ravel() >= 0)
    return place, owner.ravel()[place]


def _painting_order(annotation: Annotation) -> Iterable[int]:
    if isinstance(annotation, Boxes):
        sides = annotation.xyxy[:, 2:] - annotation.xyxy[:, :2]
        return np.argsort(-sides[:, 0] * sides[:, 1], kind="stable").tolist()
    return range(len(annotation) - 1, -1, -1)


def _footprint(annotation: Annotation, index: int) -> tuple[Any, Any]:
    """Index of a window, and index in it of the places that an item labels."""
    if isinstance(annotation, Boxes):
        return raster.box_mask(annotation.xyxy[index], annotation.size), ...
    if isinstance(annotation, Scribbles):
        return raster.stroke_patch(annotation.polylines[index], annotation.widths[index], annotation.size)
    if isinstance(annotation, PointLabels) and annotation.xy is None:
        return ..., annotation.indices[index]
    rows, columns = raster.pixel_of(annotation.xy[index : index + 1], annotation.size)
    return ..., (int(rows[0]), int(columns[0]))


def _object_map(classes: np.ndarray, ignore_index: int | None) -> tuple[np.ndarray, dict[int, int]]:
    """Number of the object at every pixel (-1: none), and how many objects each class has."""
    numbers = np.full(classes.size, -1, dtype=np.int64)
    counts, start = {}, 0
    for label, indices in regions.classes_of(classes, ignore_index):
        parts = regions.components(indices, classes.shape)
        for number, part in enumerate(parts, start=start):
            numbers[part] = number
        counts[label] = len(parts)
        start += len(parts)
    return numbers.reshape(classes.shape), counts
