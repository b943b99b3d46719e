"""Annotations as single items and back: what the three formats have in common.

An item is one point, click, stroke, box or track. Formats write it with an element of their own; what the element has
no word for goes into `extra`, which every format keeps in an object (or text) called "sparsevision":

    annotation  name of the annotation that the item belongs to
    type        its type, as in our JSON files
    order       place within it
    positive    of a click
    width       of a stroke, in pixels
    frames      of a track
    exact       coordinates in our frame, where adding and taking away a half would change the last bit

    line        coordinates of a stroke or track in COCO, which has no element for them

Beside the items of an image stands a list of headers, one an annotation: name, type, meta, count, of some types more.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparsevision.annotation import checks, raster
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import values
from sparsevision.annotation.formats.names import class_name, plain_text
from sparsevision.annotation.io import TYPES
from sparsevision.annotation.types import Annotation, Boxes, Clicks, PointLabels, Scribbles, Tracks

KEY = "sparsevision"
POINT, LINE, BOX, TRACK = "point", "line", "box", "track"
FORMS = {"point_labels": (POINT,), "clicks": (POINT,), "scribbles": (LINE, POINT), "boxes": (BOX,), "tracks": (TRACK,)}
NAMES = {
    POINT: ("points", "point_labels"),
    LINE: ("scribbles", "scribbles"),
    BOX: ("boxes", "boxes"),
    TRACK: ("tracks", "tracks"),
}
EXTRAS = frozenset({"annotation", "type", "order", "positive", "width", "frames", "exact", "line"})
MAX_ORDER = 2**40


@dataclass(frozen=True, kw_only=True)
class Item:
    """One point, click, stroke, box or track.

    Args:
        form: POINT, LINE, BOX or TRACK.
        xy: (K, 2) in our frame; of a box its two corners (x0, y0), (x1, y1), edges.
        label: class name; None where the class lies elsewhere.
        extra: see above.
        group: number of the object that a click belongs to, from 1 on.
        where: the field to blame.
    """

    form: str
    xy: np.ndarray
    label: str | None
    extra: dict[str, Any] = field(default_factory=dict)
    group: int | None = None
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class ImageItems:
    """What a file says of one image: its (height, width), headers and items."""

    size: tuple[int, int]
    headers: list[dict] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def take_apart(by_name: Mapping[str, Annotation], size: tuple[int, int], classes: Sequence[str]) -> ImageItems:
    """Headers and items of the annotations of an image."""
    image = ImageItems(size=size)
    objects = 0
    for name, annotation in by_name.items():
        plain_text(name, field="the name of an annotation")
        objects += isinstance(annotation, Clicks)
        image.headers.append(_header(name, annotation))
        for order, (form, xy, label, extra) in enumerate(PARTS[type(annotation)](annotation)):
            extra = {"annotation": name, "type": annotation.kind, "order": order} | extra
            label = None if label is None else class_name(int(label), classes)
            group = objects if isinstance(annotation, Clicks) else None
            image.items.append(
                Item(form=form, xy=np.asarray(xy, dtype=np.float64), label=label, extra=extra, group=group)
            )
    return image


def put_together(image: ImageItems, ids: Mapping[str, int], report: Counter) -> dict[str, Annotation]:
    """The annotations of an image, from its headers and items."""
    headers = _headers_by_name(image.headers)
    members: dict[str, list[Item]] = {name: [] for name in headers}
    for item in image.items:
        name, kind = _owner(item, headers)
        if name not in members:
            headers[name], members[name] = {"type": kind, "meta": {}}, []
        members[name].append(item)
    for items in members.values():
        items.sort(key=lambda item: item.extra.get("order", MAX_ORDER))
    return {name: _build(name, headers[name], items, ids, image.size, report) for name, items in members.items()}


def checked_extra(value: Any, *, field: str) -> dict:
    """The object "sparsevision" of an item, its types checked."""
    extra = values.an_object(value, field=field)
    for key in extra:
        if key not in EXTRAS:
            raise AnnotationError(f"{field}.{key[:60]}: unknown field; expected one of {', '.join(sorted(EXTRAS))}.")
    _type_of(extra, field)
    plain_text(extra.get("annotation"), field=f"{field}.annotation")
    values.whole(extra.get("order"), field=f"{field}.order", high=MAX_ORDER)
    return extra


def with_exact(item: Item, read_back: np.ndarray) -> dict:
    """The extras of an item, with its exact coordinates if what a file keeps reads back differently."""
    if np.array_equal(item.xy, read_back):
        return item.extra
    return item.extra | {"exact": item.xy.ravel().tolist()}


def exact_or_read(xy: np.ndarray, extra: dict, *, field: str) -> np.ndarray:
    """The exact coordinates, unless those in the file were edited since."""
    if "exact" not in extra:
        return xy
    exact = values.numbers(extra["exact"], field=f"{field}.exact")
    if exact.size != xy.size or np.abs(exact - xy.ravel()).max(initial=0.0) > 1e-6:
        return xy
    return exact.reshape(xy.shape)


def _points_apart(points: PointLabels) -> list[tuple]:
    xy = points.xy if points.indices is None else np.stack([points.indices, np.zeros_like(points.indices)], axis=1)
    return [(POINT, place[None], label, {}) for place, label in zip(xy, points.labels, strict=True)]


def _clicks_apart(clicks: Clicks) -> list[tuple]:
    label = clicks.meta.get("label")
    label = label if type(label) is int and 0 <= label < 10**6 else None
    pairs = zip(clicks.xy, clicks.positive, strict=True)
    return [(POINT, place[None], label, {"positive": bool(positive)}) for place, positive in pairs]


def _scribbles_apart(strokes: Scribbles) -> list[tuple]:
    parts = zip(strokes.polylines, strokes.labels, strokes.widths, strict=True)
    return [(LINE, line, label, {"width": float(width)}) for line, label, width in parts]


def _boxes_apart(boxes: Boxes) -> list[tuple]:
    return [(BOX, box.reshape(2, 2), label, {}) for box, label in zip(boxes.xyxy, boxes.labels, strict=True)]


def _tracks_apart(tracks: Tracks) -> list[tuple]:
    pairs = zip(tracks.paths, tracks.frames, strict=True)
    return [(TRACK, path, None, {"frames": frames.tolist()}) for path, frames in pairs]


PARTS: dict[type, Callable[[Any], list[tuple]]] = {
    PointLabels: _points_apart,
    Clicks: _clicks_apart,
    Scribbles: _scribbles_apart,
    Boxes: _boxes_apart,
    Tracks: _tracks_apart,
}


def _header(name: str, annotation: Annotation) -> dict:
    header = {"name": name, "type": annotation.kind, "count": len(annotation), "meta": annotation.meta}
    if isinstance(annotation, PointLabels) and annotation.indices is not None:
        header["cloud"] = True
    if isinstance(annotation, Tracks):
        header["num_frames"] = annotation.num_frames
    return header


def _headers_by_name(headers: list[dict]) -> dict[str, dict]:
    found = {}
    for index, header in enumerate(headers):
        where = f"{KEY}.annotations[{index}]"
        header = values.an_object(header, field=where)
        name = plain_text(header.get("name"), field=f"{where}.name")
        _type_of(header, where)
        if name in found:
            raise AnnotationError(f"{where}.name: {name!r:.60} is given twice.")
        found[name] = header
    return found


def _type_of(record: dict, where: str) -> str:
    kind = record.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise AnnotationError(f"{where}.type: {kind!r:.60} is not a type of annotation ({', '.join(TYPES)}).")
    return kind


def _owner(item: Item, headers: Mapping[str, dict]) -> tuple[str, str]:
    """Name and type of the annotation that an item belongs to; one drawn in another program joins those of its form."""
    if "annotation" not in item.extra:
        name, kind = NAMES[item.form]
        while name in headers and headers[name]["type"] != kind:
            name += "_drawn"
        return name, kind
    name, kind = item.extra["annotation"], item.extra["type"]
    if item.form not in FORMS[kind] or (name in headers and headers[name]["type"] != kind):
        raise AnnotationError(f"{item.where}: a {item.form} cannot belong to {name!r:.60} of the type {kind}.")
    return name, kind


def _build(
    name: str, header: dict, items: list[Item], ids: Mapping[str, int], size: tuple[int, int], report: Counter
) -> Annotation:
    where = f"annotation {name!r:.60}"
    meta = values.an_object(header.get("meta", {}), field=f"{where}.meta")
    if header.get("count", len(items)) != len(items) and meta.pop("seconds", None) is not None:
        report["annotations edited elsewhere: their measured seconds are dropped"] += 1
    kind = TYPES[header["type"]]
    labels = [] if kind in (Clicks, Tracks) else [ids[item.label] for item in items]
    with values.blame(where):
        if kind is PointLabels:
            return _points(header, items, labels, size, meta)
        if kind is Clicks:
            positive = [values.truth(i.extra.get("positive", True), field=f"{i.where}: positive") for i in items]
            return Clicks(xy=_stacked(items), positive=positive, size=size, meta=meta)
        if kind is Scribbles:
            widths = [values.number(i.extra.get("width", 1.0), field=f"{i.where}: width") for i in items]
            return Scribbles(polylines=[i.xy for i in items], labels=labels, widths=widths, size=size, meta=meta)
        if kind is Boxes:
            return Boxes(xyxy=_stacked(items).reshape(-1, 4), labels=labels, size=size, meta=meta)
        return _tracks(header, items, size, meta)


def _points(header: dict, items: list[Item], labels: list[int], size: tuple[int, int], meta: dict) -> PointLabels:
    rows, columns = raster.pixel_of(_stacked(items), size)
    if header.get("cloud") is True:
        if size[0] != 1:
            raise AnnotationError(f"cloud: its image has one row, not {size[0]}.")
        return PointLabels(indices=columns, labels=labels, size=size[1:], meta=meta)
    return PointLabels(xy=np.stack([columns, rows], axis=1), labels=labels, size=size, meta=meta)


def _tracks(header: dict, items: list[Item], size: tuple[int, int], meta: dict) -> Tracks:
    frames = [
        np.array([values.whole(frame, field=f"{i.where}: frames", high=checks.MAX_SIDE) for frame in i.extra["frames"]])
        if isinstance(i.extra.get("frames"), list)
        else values.a_list(i.extra.get("frames"), field=f"{i.where}: frames")
        for i in items
    ]
    latest = max((int(f.max(initial=0)) for f in frames), default=0)
    count = header.get("num_frames", latest + 1)
    return Tracks(paths=[i.xy for i in items], frames=frames, num_frames=count, size=size, meta=meta)


def _stacked(items: list[Item]) -> np.ndarray:
    return np.concatenate([item.xy for item in items]) if items else np.zeros((0, 2))
