"""Sparse labels as files: S-COD and P-COD PNGs and our annotation JSON, read into class maps.

A JSON file holds one annotation, a list or a dict of them: points, clicks, scribbles, boxes. All of them together say
what is known of an image. Where they contradict each other the finer one stands: points and clicks over
scribbles, scribbles over what lies outside the boxes. Among annotations of one kind the earlier keeps its pixels.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.annotation import (
    AnnotationError,
    Boxes,
    Clicks,
    PointLabels,
    Scribbles,
    Tracks,
    checks,
    load_annotations,
    read_label_png,
)
from sparsevision.annotation.raster import pixel_of
from sparsevision.annotation.types import Annotation

FINE_TO_COARSE = (PointLabels | Clicks, Scribbles)
BACKGROUND = 0
CheckSize = Callable[[tuple[int, int]], None]


@dataclass(frozen=True)
class SparseMaps:
    """What a file says, as class maps int64 (H, W).

    Attributes:
        labels: the class where it is known, else the ignore index.
        boxes: the class inside each box (small boxes on top), 0 outside; without a box the ignore index everywhere.
    """

    labels: np.ndarray
    boxes: np.ndarray


def within_memory(size: tuple[int, int]) -> None:
    """Refuse a map of too many pixels before it is made."""
    checks.within_memory(size, field="size")


def read_sparse_labels(path: str | os.PathLike, *, ignore_index: int, **options) -> np.ndarray:
    """The `labels` of `read_sparse_maps`, which has the options and the errors."""
    return read_sparse_maps(path, ignore_index=ignore_index, **options).labels


def read_sparse_maps(
    path: str | os.PathLike,
    *,
    ignore_index: int,
    boxes_complete: bool = True,
    point_side: int = 1,
    check_size: CheckSize = within_memory,
) -> SparseMaps:
    """Class maps from a label PNG or an annotation JSON.

    Clicks carry the class of their object in `meta["label"]`: positive ones get it, negative ones are background (0).
    Tracks name no class and are passed over.

    Args:
        path: the file; PNG holds the codes 0 unlabelled, 1 foreground, 2 background.
        ignore_index: value of what is not known.
        boxes_complete: every object has its box, so that outside all boxes is background. Inside a box nothing is
            known. Files without a box say nothing of the kind.
        point_side: points and clicks become squares of this many pixels a side (odd; P-COD draws 11).
        check_size: called with the (height, width) that a file claims before anything is drawn; raises if it is wrong.

    Raises:
        AnnotationError: the file is unreadable, a PNG holds other codes, or a JSON holds no labels of one image, images
            of several sizes, clicks without a class or boxes around background; names the file and the entry.
    """
    if Path(path).suffix.lower() != ".json":
        labels = read_label_png(path, ignore_index=ignore_index)
        check_size(labels.shape)
        return SparseMaps(labels, _no_boxes(labels.shape, ignore_index))
    loaded = load_annotations(path)
    try:
        items = list(_items_of_one_image(loaded))
        check_size(items[0].size)
        return draw_maps(items, ignore_index=ignore_index, boxes_complete=boxes_complete, point_side=point_side)
    except AnnotationError as error:
        raise AnnotationError(f"{path}: {error}") from error


def draw_maps(
    items: list[Annotation], *, ignore_index: int, boxes_complete: bool = True, point_side: int = 1
) -> SparseMaps:
    """The class maps of annotations of one size; see `read_sparse_maps`, which checks them first."""
    size = items[0].size
    boxes = _box_map([item for item in items if isinstance(item, Boxes)], size, ignore_index)
    labels = np.full(size, ignore_index, dtype=np.int64)
    for kind in FINE_TO_COARSE:
        for item in items:
            if isinstance(item, kind):
                _fill_unknown(labels, _drawn(item, ignore_index, point_side), ignore_index)
    if boxes_complete:
        labels[(labels == ignore_index) & (boxes == BACKGROUND)] = BACKGROUND
    return SparseMaps(labels, boxes)


def _items_of_one_image(loaded: Annotation | list | dict) -> Iterator[Annotation]:
    """The annotations that say something about the classes of an image, each checked."""
    named = [("", loaded)] if isinstance(loaded, Annotation) else _named(loaded)
    size = None
    for name, item in named:
        if isinstance(item, Tracks):
            continue
        if len(item.size) != 2:
            raise AnnotationError(f"{name}labels of a cloud (size {item.size}); expected the labels of one image.")
        size = item.size if size is None else size
        if item.size != size:
            raise AnnotationError(
                f"{name}size is {item.size}, that of the annotations before it {size} (height, width); one file holds "
                "the annotations of one image."
            )
        _check_class(name, item)
        yield item
    if size is None:
        raise AnnotationError(
            "holds nothing that labels an image; expected points, clicks, scribbles or boxes. Annotate the image, or "
            "delete the file and the image is left out."
        )


def _named(loaded: list | dict) -> list[tuple[str, Annotation]]:
    pairs = loaded.items() if isinstance(loaded, dict) else enumerate(loaded)
    return [(f"items[{key!r:.60}]: ", item) for key, item in pairs]


def _check_class(name: str, item: Annotation) -> None:
    if isinstance(item, Clicks):
        label = item.meta.get("label")
        if type(label) is not int or label < 0:
            raise AnnotationError(
                f"{name}meta.label: expected the class id of the clicked object, a whole number from 0 (background) "
                f"on, got {'nothing' if label is None else repr(label)[:60]}. Clicks say only 'on the object' and 'not "
                "on it'; save them with meta={'label': 1}."
            )
    if isinstance(item, Boxes) and (item.labels == BACKGROUND).any():
        entry = int(np.flatnonzero(item.labels == BACKGROUND)[0])
        raise AnnotationError(
            f"{name}Boxes.labels: entry {entry} is 0, background; a box goes around an object. Give it the object's "
            "class, or take it away."
        )


def _box_map(boxes: list[Boxes], size: tuple[int, int], ignore_index: int) -> np.ndarray:
    if not sum(map(len, boxes)):
        return _no_boxes(size, ignore_index)
    together = Boxes(
        xyxy=np.concatenate([item.xyxy for item in boxes]),
        labels=np.concatenate([item.labels for item in boxes]),
        size=size,
    )
    together.densify(ignore_index)  # refuses an ignore index that is also a class
    return together.densify(BACKGROUND)


def _no_boxes(size: tuple[int, int], ignore_index: int) -> np.ndarray:
    """A map of nothing but the ignore index, read-only, that takes no memory."""
    return np.broadcast_to(np.int64(ignore_index), size)


def _drawn(item: PointLabels | Clicks | Scribbles, ignore_index: int, point_side: int) -> np.ndarray:
    if isinstance(item, Clicks):
        item = _as_points(item)
    return item.densify(ignore_index, side=point_side) if isinstance(item, PointLabels) else item.densify(ignore_index)


def _as_points(clicks: Clicks) -> PointLabels:
    """The class at each clicked pixel; of several clicks on one pixel the last stands, as in `Clicks.densify`."""
    rows, columns = pixel_of(clicks.xy, clicks.size)
    labels = np.where(clicks.positive, clicks.meta["label"], BACKGROUND)
    by_pixel = dict(zip(zip(columns.tolist(), rows.tolist(), strict=True), labels.tolist(), strict=True))
    return PointLabels(xy=list(by_pixel), labels=list(by_pixel.values()), size=clicks.size)


def _fill_unknown(labels: np.ndarray, coarser: np.ndarray, ignore_index: int) -> None:
    """Write into `labels` (in place) what only the coarser map knows."""
    np.copyto(labels, coarser, where=labels == ignore_index)
