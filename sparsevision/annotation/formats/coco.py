"""COCO JSON: one file for a set of images, boxes in "bbox", points in "keypoints", the rest beside them.

Fields after https://cocodataset.org/#format-data; coordinates are measured from the top left corner of the image.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sparsevision.annotation import checks, files
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import rle, shapes, values
from sparsevision.annotation.formats.class_map import rle_region
from sparsevision.annotation.formats.collector import Collector, ImageReader, Reading
from sparsevision.annotation.formats.data_set import AnnotationSet, ByImage
from sparsevision.annotation.formats.frame import from_corners, to_corners
from sparsevision.annotation.formats.items import BOX, KEY, POINT, ImageItems, Item, checked_extra, with_exact
from sparsevision.annotation.formats.names import checked_name, key_of, plain_text
from sparsevision.annotation.formats.writing import VERSION, classes_for, images_to_write, saved_classes
from sparsevision.annotation.json_text import dump_json, parse_json

KEYPOINTS = "keypoints left out; joints of a person are not labels of places"
MAX_ID = 2**63 - 1


def write_coco(
    path: str | os.PathLike,
    annotations: AnnotationSet | ByImage,
    *,
    classes: Sequence[str] | None = None,
    images: str | os.PathLike | None = None,
) -> None:
    """Write the annotations of a set of images as one COCO JSON file.

    Args:
        annotations: {image: {name: annotation}} or what a reader returned.
        classes: class names, index = id; None: those of the set or in the annotations' meta. Ids beyond are class_<id>.
        images: folder to look the file names up in; None: names without the suffix of an image get .jpg.

    Raises:
        AnnotationError: names or sizes that the format cannot hold, an image that the folder lacks, or no room.
    """
    given = classes_for(annotations, classes)
    writer = _Writer(given)
    for key, file_name, content in images_to_write(annotations, given, images):
        writer.add(key, file_name, content)
    files.write_bytes(path, dump_json(writer.document()))


def read_coco(
    path: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    background: str | None = "background",
    clip: bool = False,
    flatten: bool = False,
    images: str | os.PathLike | None = None,
    max_bytes: int = files.MAX_BYTES,
) -> AnnotationSet:
    """Read a COCO JSON file, of this package or of another program.

    Boxes become `Boxes`; polygons and run lengths their boxes and regions for `class_map_of`; keypoints of people are
    counted in the report. For the options see `Reading`; `max_bytes` refuses larger files.

    Raises:
        AnnotationError: anything wrong with the file, in one sentence with its name and the field.
    """
    reading = Reading(classes=classes, background=background, clip=clip, flatten=flatten, images=images)
    data = files.read_bytes(path, max_bytes=max_bytes)
    with values.blame(path):
        return _read(parse_json(data, max_values=max_bytes // 16), Collector(reading))


class _Writer:
    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = classes
        self.categories = {name: index for index, name in enumerate(classes)}
        self.images: list[dict] = []
        self.annotations: list[dict] = []
        self.unnamed: list[dict] = []

    def add(self, key: str, file_name: str, content: ImageItems) -> None:
        """One image and its items."""
        height, width = content.size
        image = {"id": len(self.images) + 1, "file_name": file_name, "height": height, "width": width}
        self.images.append(image | {KEY: {"name": key, "annotations": content.headers}})
        for item in content.items:
            record = {"id": len(self.annotations) + 1, "image_id": image["id"], "category_id": 0}
            if item.label is None:
                self.unnamed.append(record)
            else:
                record["category_id"] = self._category(item.label)
            record |= _shape(item, content.size)
            self.annotations.append(record)

    def document(self) -> dict:
        """The whole file."""
        if self.unnamed:
            unnamed_id = max(self.categories.values(), default=0) + 1
            self.categories[shapes.unnamed(self.categories)] = unnamed_id
            for record in self.unnamed:
                record["category_id"] = unnamed_id
        joints = {"keypoints": ["point"], "skeleton": []} if any("keypoints" in a for a in self.annotations) else {}
        return {
            "info": {"description": "sparse annotations", KEY: {"version": VERSION, "classes": list(self.classes)}},
            "licenses": [],
            "images": self.images,
            "annotations": self.annotations,
            "categories": [
                {"id": index, "name": name, "supercategory": ""} | joints for name, index in self.categories.items()
            ],
        }

    def _category(self, name: str) -> int:
        if name not in self.categories:
            self.categories[name] = int(name.removeprefix("class_"))
        return self.categories[name]


def _shape(item: Item, size: tuple[int, int]) -> dict:
    """What COCO can say of an item: box, area, polygons, a keypoint; and the rest."""
    if item.form == BOX:
        (x0, y0), (x1, y1) = item.xy.tolist()
        box, extra = [x0, y0, x1 - x0, y1 - y0], with_exact(item, _box_of([x0, y0, x1 - x0, y1 - y0]))
        polygons, more = [shapes.rectangle(x0, y0, x1, y1)], {}
    else:
        corners = to_corners(item.xy)
        extra = with_exact(item, from_corners(corners, size))
        polygons = shapes.painted(item, size)
        low, high = shapes.hull(polygons)
        box = [*low.tolist(), *(high - low).tolist()]
        if item.form == POINT:
            more = {"keypoints": [*corners[0].tolist(), 2], "num_keypoints": 1}
        else:
            more, extra = {}, extra | {"line": corners.ravel().tolist()}
    area = sum(shapes.area(polygon) for polygon in polygons)
    flat = [polygon.ravel().tolist() for polygon in polygons]
    return {"bbox": box, "area": area, "iscrowd": 0, "segmentation": flat} | more | {KEY: extra}


def _box_of(xywh: Sequence[float]) -> np.ndarray:
    x, y, width, height = xywh
    return np.array([[x, y], [x + width, y + height]], dtype=np.float64)


def _read(document: Any, collector: Collector) -> AnnotationSet:
    document = values.an_object(document, field="the top level")
    for key in ("images", "annotations", "categories"):
        values.a_list(document.get(key), field=key)
    info = document.get("info")
    mark = info.get(KEY) if isinstance(info, dict) else None
    saved = None if mark is None else saved_classes(mark, field=f"info.{KEY}")
    names = _categories(document["categories"])
    readers = _images(document["images"], collector, ours=mark is not None)
    seen: set[int] = set()
    for index, record in enumerate(document["annotations"]):
        where = f"annotations[{index}]"
        record = values.an_object(record, field=where)
        if "id" in record:
            _new_id(record["id"], seen, field=f"{where}.id")
        image = _lookup(record.get("image_id"), readers, field=f"{where}.image_id", kind="image")
        label = _lookup(record.get("category_id"), names, field=f"{where}.category_id", kind="category")
        if mark is not None and KEY in record:
            _own(record, image, label, where)
        else:
            _foreign(record, image, label, where)
    return collector.finish(names=tuple(names.values()), saved=saved)


def _categories(records: list) -> dict[int, str]:
    found: dict[int, str] = {}
    for index, record in enumerate(records):
        where = f"categories[{index}]"
        record = values.an_object(record, field=where)
        name = plain_text(record.get("name"), field=f"{where}.name")
        found[_new_id(record.get("id"), found, field=f"{where}.id")] = name
    if len(set(found.values())) != len(found):
        raise AnnotationError("categories: two of them have the same name; give them different ones.")
    return found


def _images(records: list, collector: Collector, *, ours: bool) -> dict[int, ImageReader]:
    readers: dict[int, ImageReader] = {}
    for index, record in enumerate(records):
        where = f"images[{index}]"
        record = values.an_object(record, field=where)
        identity = _new_id(record.get("id"), readers, field=f"{where}.id")
        key = key_of(
            checked_name(record.get("file_name"), field=f"{where}.file_name", flatten=collector.reading.flatten)
        )
        headers: list = []
        if ours and KEY in record:
            mark = values.an_object(record[KEY], field=f"{where}.{KEY}")
            key = checked_name(mark.get("name"), field=f"{where}.{KEY}.name")
            headers = values.a_list(mark.get("annotations"), field=f"{where}.{KEY}.annotations")
        limit = (
            checks.MAX_CELLS
            if any(isinstance(h, dict) and h.get("cloud") is True for h in headers)
            else checks.MAX_SIDE
        )
        height = values.whole(record.get("height"), field=f"{where}.height", low=1, high=checks.MAX_SIDE)
        width = values.whole(record.get("width"), field=f"{where}.width", low=1, high=limit)
        readers[identity] = collector.image(key, (height, width), headers=headers, where=f"{where}.file_name")
    return readers


def _own(record: dict, image: ImageReader, label: str, where: str) -> None:
    extra = checked_extra(record[KEY], field=f"{where}.{KEY}")
    if extra["type"] == "boxes":
        image.box(_bbox(record.get("bbox"), f"{where}.bbox"), label, extra, where=f"{where}.bbox")
    elif extra["type"] in ("point_labels", "clicks"):
        joint = values.numbers(record.get("keypoints"), field=f"{where}.keypoints", count=3)
        image.point(joint[None, :2], label, extra, where=f"{where}.keypoints")
    else:
        field = f"{where}.{KEY}.line"
        flat = values.numbers(extra.get("line"), field=field)
        points = _pairs(flat, field)
        if extra["type"] == "tracks":
            image.track(points, extra, where=field)
        else:
            image.line(points, label, extra, where=field)


def _foreign(record: dict, image: ImageReader, label: str, where: str) -> None:
    joints = record.get("keypoints")
    if joints is not None and values.a_list(joints, field=f"{where}.keypoints"):
        image.report[KEYPOINTS] += 1
    segmentation = record.get("segmentation")
    if isinstance(segmentation, list) and segmentation:
        field = f"{where}.segmentation"
        parts = [_pairs(values.numbers(part, field=field), field) for part in segmentation]
        image.polygons(parts, label, box=_bbox_or_none(record, where), where=field)
    elif isinstance(segmentation, dict):
        _run_lengths(segmentation, _bbox_or_none(record, where), image, label, where)
    elif segmentation not in (None, []):
        raise AnnotationError(f"{where}.segmentation: expected polygons or run lengths.")
    elif record.get("bbox") is not None:
        image.box(_bbox(record["bbox"], f"{where}.bbox"), label, {}, where=f"{where}.bbox")
    else:
        raise AnnotationError(f"{where}: has neither a bbox nor a segmentation.")


def _run_lengths(record: Mapping, box: np.ndarray | None, image: ImageReader, label: str, where: str) -> None:
    field = f"{where}.segmentation"
    size = values.numbers(record.get("size"), field=f"{field}.size", count=2)
    if tuple(size.tolist()) != image.border.size:
        height, width = image.border.size
        raise AnnotationError(f"{field}.size: {size.tolist()}, but the image has [{height}, {width}].")
    counts = rle.read_counts(record.get("counts"), field=f"{field}.counts")
    rle.check_sum(counts, image.border.size, field=f"{field}.counts")
    hull = rle.hull_of(counts, image.border.size) if box is None else box.ravel()
    image.region(rle_region(counts, hull, 0, field=f"{field}.counts"), label, where=field)


def _bbox_or_none(record: dict, where: str) -> np.ndarray | None:
    return None if record.get("bbox") is None else _bbox(record["bbox"], f"{where}.bbox")


def _bbox(value: Any, field: str) -> np.ndarray:
    x, y, width, height = values.numbers(value, field=field, count=4).tolist()
    if width < 0 or height < 0:
        raise AnnotationError(f"{field}: [x, y, width, height] of negative size, {width} x {height}.")
    return _box_of([x, y, width, height])


def _pairs(flat: np.ndarray, field: str) -> np.ndarray:
    if len(flat) % 2:
        raise AnnotationError(f"{field}: expected x and y in turn, got {len(flat)} numbers.")
    return flat.reshape(-1, 2)


def _new_id(value: Any, known: Mapping | set, *, field: str) -> int:
    identity = values.whole(value, field=field, low=-MAX_ID, high=MAX_ID)
    if identity in known:
        raise AnnotationError(f"{field}: {identity} is given twice.")
    if isinstance(known, set):
        known.add(identity)
    return identity


def _lookup(value: Any, known: Mapping[int, Any], *, field: str, kind: str) -> Any:
    identity = values.whole(value, field=field, low=-MAX_ID, high=MAX_ID)
    if identity not in known:
        raise AnnotationError(f"{field}: {identity} is the id of no {kind} of the file.")
    return known[identity]
