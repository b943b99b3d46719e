"""A COCO-format file of boxes, checked once and turned into arrays. Large files: instances_train2017 has 860,001 boxes.

Fields after https://cocodataset.org/#format-data. What is wrong with the file is an error that names the field; what
happens in good files and cannot be learned from is left out and told, see `read_box_file`.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import values
from sparsevision.datasets.detection.boxes import has_area
from sparsevision.utils import did_you_mean

SHOWN = 3  # how many ids a note lists
LOWEST, HIGHEST = -(2**53), 2**53


@dataclass(frozen=True)
class ImageBoxes:
    """One image of the file and its M boxes.

    Attributes:
        image_id: as the file says.
        file_name: relative to the folder of images.
        size: (height, width).
        boxes: (M,4) float32, clipped to the image, each with an area.
        labels: (M,) int64, places in `BoxFile.classes`.
        crowd: (M,) bool, of many objects at once.
        ids: (M,) int64 of the annotations.
    """

    image_id: int
    file_name: str
    size: tuple[int, int]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    ids: NDArray[np.int64]


@dataclass(frozen=True)
class BoxFile:
    """A file of boxes: class names, the category id of each, the images in the file's order, and what was left out."""

    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: list[ImageBoxes]
    notes: tuple[str, ...]


def read_box_file(path: str | os.PathLike, *, classes: Sequence[str] | None = None) -> BoxFile:
    """Read a COCO-format file.

    Labels are contiguous from 0: by rising category id, whatever gaps the ids have, or in the order of `classes`.
    Boxes of other classes are left out. Boxes are clipped to their image; those with no area, before or after that, are
    left out and counted in `notes`. Annotations without an id get their place in the file.

    Args:
        path: the file.
        classes: names of its categories to use; None for all.

    Raises:
        AnnotationError: the file cannot be read, or a field is missing, of a wrong kind, names what is not there, or an
            id comes twice; names the file and the field.
    """
    document = read_document(path)
    with values.blame(path):
        names = _category_names(document["categories"])
        chosen = _chosen_categories(names, classes)
        images = [_image(record, f"images[{place}]") for place, record in enumerate(document["images"])]
        places = _unique_places([image[0] for image in images], "images[{}].id")
        columns = _Columns.of(document["annotations"], places, names, chosen)
    return _assemble(images, columns, tuple(names[category] for category in chosen), tuple(chosen))


def read_document(path: str | os.PathLike) -> dict:
    """The JSON object of a COCO-format file, with its three lists; files of test images may lack annotations.

    Raises:
        AnnotationError: it cannot be read, or has no such lists of objects; names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise AnnotationError(f"{path}: there is no such annotation file.")
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise AnnotationError(f"{path}: is no JSON file that can be read ({str(error)[:80]}).") from error
    with values.blame(path):
        document = {"annotations": []} | values.an_object(document, field="the top level")
        for key in ("images", "annotations", "categories"):
            if key not in document:
                raise AnnotationError(f"{key}: is missing; expected a COCO file with images, annotations, categories.")
            for place, record in enumerate(values.a_list(document[key], field=key)):
                if not isinstance(record, dict):
                    values.an_object(record, field=f"{key}[{place}]")
    return document


def _category_names(records: list[dict]) -> dict[int, str]:
    """Names by rising category id."""
    found: dict[int, str] = {}
    for place, record in enumerate(records):
        field = f"categories[{place}]"
        category = _whole(record, "id", field)
        if category in found:
            raise AnnotationError(f"{field}.id: {category} is given twice.")
        found[category] = values.text(record.get("name"), field=f"{field}.name")
    if not found:
        raise AnnotationError("categories: is empty; a detector needs one class or more.")
    if len(set(found.values())) < len(found):
        twice = next(name for name in found.values() if list(found.values()).count(name) > 1)
        raise AnnotationError(f"categories: two of them are called {twice!r:.60}; give them different names.")
    return dict(sorted(found.items()))


def _chosen_categories(names: Mapping[int, str], classes: Sequence[str] | None) -> list[int]:
    """Category ids in the order of the labels."""
    if classes is None:
        return list(names)
    if isinstance(classes, str):
        raise AnnotationError(
            f"classes={classes!r:.60}: is one text; expected several names, such as ({classes!r:.60},)."
        )
    by_name = {name: category for category, name in names.items()}
    for name in classes:
        if name not in by_name:
            known = ", ".join(list(by_name)[:10]) + (", ..." if len(by_name) > 10 else "")
            raise AnnotationError(
                f"categories: none is called {name!r:.60}, one of the {len(classes)} classes asked for; the file has "
                f"{len(by_name)}: {known}.{did_you_mean(name, by_name)}"
            )
    if len(set(classes)) < len(classes):
        raise AnnotationError(f"classes={list(classes)}: a name comes twice.")
    return [by_name[name] for name in classes]


def _image(record: dict, field: str) -> tuple[int, str, tuple[int, int]]:
    """Id, file name and (height, width) of an image."""
    name = record.get("file_name")
    if name is None and isinstance(record.get("coco_url"), str):  # LVIS
        name = "/".join(record["coco_url"].split("/")[-2:])
    if not values.text(name, field=f"{field}.file_name"):
        raise AnnotationError(f"{field}.file_name: is empty.")
    size = tuple(values.whole(record.get(side), field=f"{field}.{side}", low=1) for side in ("height", "width"))
    return _whole(record, "id", field), name, size


def _whole(record: dict, key: str, field: str) -> int:
    return values.whole(record.get(key), field=f"{field}.{key}", low=LOWEST, high=HIGHEST)


def _unique_places(ids: Sequence[int], field: str) -> dict[int, int]:
    """Place of each id. Raises AnnotationError for one that comes twice."""
    places = {identity: place for place, identity in enumerate(ids)}
    if len(places) < len(ids):
        seen: set[int] = set()
        place = next(place for place, identity in enumerate(ids) if identity in seen or seen.add(identity))
        raise AnnotationError(f"{field.format(place)}: {ids[place]} is given twice.")
    return places


@dataclass(frozen=True)
class _Columns:
    """All A annotations of the chosen classes: image (A,) place, boxes (A,4) as written, label, crowd and id (A,)."""

    image: NDArray
    boxes: NDArray
    label: NDArray
    crowd: NDArray
    ids: NDArray

    @classmethod
    def of(cls, records: list[dict], images: Mapping[int, int], names: Mapping, chosen: Sequence[int]) -> "_Columns":
        labels = dict.fromkeys(names, -1) | {category: label for label, category in enumerate(chosen)}
        columns = cls(
            image=_looked_up(records, "image_id", images, "image"),
            boxes=_box_column(records),
            label=_looked_up(records, "category_id", labels, "category"),
            crowd=_column(records, lambda record: bool(record.get("iscrowd", 0)), np.bool_),
            ids=_id_column(records),
        )
        return columns[columns.label >= 0]

    def __getitem__(self, rows: NDArray | slice) -> "_Columns":
        return _Columns(self.image[rows], self.boxes[rows], self.label[rows], self.crowd[rows], self.ids[rows])


def _column(records: list[dict], read: Callable[[dict], Any], kind: type) -> NDArray:
    return np.fromiter((read(record) for record in records), dtype=kind, count=len(records))


def _looked_up(records: list[dict], key: str, known: Mapping[int, int], kind: str) -> NDArray:
    try:
        return _column(records, lambda record: known[record[key]], np.int64)
    except (KeyError, TypeError):
        for place, record in enumerate(records):
            field = f"annotations[{place}]"
            identity = _whole(record, key, field)
            if identity not in known:
                raise AnnotationError(f"{field}.{key}: {identity} is the id of no {kind} of the file.") from None
        return _column(records, lambda record: known[int(record[key])], np.int64)


def _box_column(records: list[dict]) -> NDArray:
    """(A,4) float64 as [x, y, width, height]."""
    try:
        boxes = np.array([record["bbox"] for record in records])
        sound = boxes.dtype.kind in "iuf" and boxes.shape == (len(records), 4) and np.isfinite(boxes).all()
    except (KeyError, ValueError):
        sound = False
    if sound:
        return boxes.astype(np.float64)
    checked = [
        values.numbers(record.get("bbox"), field=f"annotations[{place}].bbox", count=4)
        for place, record in enumerate(records)
    ]
    return np.array(checked).reshape(-1, 4)


def _id_column(records: list[dict]) -> NDArray:
    if not any("id" in record for record in records):
        return np.arange(1, len(records) + 1)
    found = [_whole(record, "id", f"annotations[{place}]") for place, record in enumerate(records)]
    _unique_places(found, "annotations[{}].id")
    return np.array(found, dtype=np.int64)


def _assemble(images: list, columns: _Columns, classes: tuple[str, ...], category_ids: tuple[int, ...]) -> BoxFile:
    x0, y0, width, height = columns.boxes.T
    corners = np.stack([x0, y0, x0 + width, y0 + height], axis=1)
    sizes = np.array([size for _, _, size in images]).reshape(-1, 2)[columns.image]
    clipped = np.clip(corners, 0, np.tile(sizes[:, ::-1], 2))
    given, kept = has_area(corners), has_area(clipped)
    notes = (
        *_note(columns.ids[~given], "without area"),
        *_note(columns.ids[given & ~kept], "outside of their image"),
    )
    rows = np.flatnonzero(kept)[np.argsort(columns.image[kept], kind="stable")]
    columns, clipped = columns[rows], clipped[rows].astype(np.float32)
    borders = np.searchsorted(columns.image, np.arange(len(images) + 1))
    found = []
    for (identity, name, size), start, stop in zip(images, borders[:-1], borders[1:], strict=True):
        own = columns[start:stop]
        found.append(ImageBoxes(identity, name, size, clipped[start:stop], own.label, own.crowd, own.ids))
    return BoxFile(classes, category_ids, found, notes)


def _note(ids: NDArray, kind: str) -> tuple[str, ...]:
    if not len(ids):
        return ()
    listed = ", ".join(map(str, ids[:SHOWN])) + (", ..." if len(ids) > SHOWN else "")
    return (f"{len(ids)} boxes {kind} (annotation ids {listed})",)
