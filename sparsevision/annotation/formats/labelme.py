"""LabelMe JSON: one file an image, shapes with a label; our extras are fields that LabelMe keeps when it saves.

Fields as LabelMe 5 writes them (https://github.com/wkentaro/labelme); (0, 0) is the top left corner of the image.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sparsevision.annotation import checks, files
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import shapes, values
from sparsevision.annotation.formats.class_map import png_region
from sparsevision.annotation.formats.collector import Collector, ImageReader, Reading
from sparsevision.annotation.formats.data_set import AnnotationSet, ByImage, image_size
from sparsevision.annotation.formats.frame import from_corners, to_corners
from sparsevision.annotation.formats.items import BOX, KEY, ImageItems, Item, checked_extra, with_exact
from sparsevision.annotation.formats.names import checked_name, find_image, plain_text
from sparsevision.annotation.formats.writing import VERSION, classes_for, images_to_write, same_classes, saved_classes
from sparsevision.annotation.json_text import dump_json, parse_json

LABELME_VERSION = "5.5.0"


def write_labelme(
    path: str | os.PathLike,
    annotations: AnnotationSet | ByImage,
    *,
    classes: Sequence[str] | None = None,
    images: str | os.PathLike | None = None,
) -> None:
    """Write a folder of LabelMe files, `<path>/<image>.json`; LabelMe opens them when they lie beside the images.

    Args:
        annotations: {image: {name: annotation}} or what a reader returned.
        classes: class names, index = id; None: those of the set or in the annotations' meta. Ids beyond are class_<id>.
        images: folder to look the file names up in; None: names without the suffix of an image get .jpg.

    Raises:
        AnnotationError: names or sizes that the format cannot hold, an image that the folder lacks, or no room.
    """
    if Path(path).suffix.lower() == ".json" or Path(path).is_file():
        raise AnnotationError(f"{path}: LabelMe has one file an image; name a folder.")
    given = classes_for(annotations, classes)
    written = [
        (key, _document(file_name, content, given))
        for key, file_name, content in images_to_write(annotations, given, images)
    ]
    for key, document in written:
        files.write_bytes(Path(path) / f"{key}.json", dump_json(document))


def read_labelme(
    path: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    background: str | None = "background",
    clip: bool = False,
    flatten: bool = False,
    images: str | os.PathLike | None = None,
    max_bytes: int = files.MAX_BYTES,
) -> AnnotationSet:
    """Read a LabelMe file, or all of a folder and its subfolders, of this package or of LabelMe.

    Rectangles become `Boxes`, points `PointLabels`, lines `Scribbles` of width 1; polygons, circles and masks the boxes
    around them and regions for `class_map_of`. The images are named by the JSON files. For the options see `Reading`;
    `max_bytes` refuses larger files.

    Raises:
        AnnotationError: anything wrong with a file, in one sentence with its name and the field.
    """
    collector = Collector(Reading(classes=classes, background=background, clip=clip, flatten=flatten, images=images))
    saved = None
    for file, key in json_files(path):
        data = files.read_bytes(file, max_bytes=max_bytes)
        with values.blame(file):
            document = values.an_object(parse_json(data, max_values=max_bytes // 16), field="the top level")
            saved = same_classes(saved, _read(document, checked_name(key, field="the file name"), collector))
    with values.blame(path):
        return collector.finish(saved=saved)


def json_files(path: str | os.PathLike) -> Iterator[tuple[Path, str]]:
    """A JSON file, or those of a folder and its subfolders; and the names of their images.

    Raises:
        AnnotationError: nothing there.
    """
    path = Path(path)
    if not path.is_dir():
        yield path, path.stem
        return
    found = sorted(path.rglob("*.json"))
    if not found:
        raise AnnotationError(f"{path}: no .json file in this folder.")
    for file in found:
        yield file, file.relative_to(path).as_posix().removesuffix(".json")


def _document(file_name: str, content: ImageItems, classes: Sequence[str]) -> dict:
    unnamed = shapes.unnamed(classes)
    return {
        "version": LABELME_VERSION,
        "flags": {},
        "shapes": [_shape(item, content.size, unnamed) for item in content.items],
        "imagePath": file_name.rsplit("/", 1)[-1],
        "imageData": None,
        "imageHeight": content.size[0],
        "imageWidth": content.size[1],
        KEY: {"version": VERSION, "classes": list(classes), "annotations": content.headers},
    }


def _shape(item: Item, size: tuple[int, int], unnamed: str) -> dict:
    points = item.xy if item.form == BOX else to_corners(item.xy)
    back = points if item.form == BOX else from_corners(points, size)
    extra = dict(with_exact(item, back))
    flags = {"positive": extra.pop("positive")} if "positive" in extra else {}
    kind = "rectangle" if item.form == BOX else "point" if len(points) == 1 else "linestrip"
    return {
        "label": unnamed if item.label is None else item.label,
        "points": points.tolist(),
        "group_id": item.group,
        "description": "",
        "shape_type": kind,
        "flags": flags,
        "mask": None,
        KEY: extra,
    }


def _read(document: dict, key: str, collector: Collector) -> tuple[str, ...] | None:
    """Add the image to the collector; returns the class list of a file of ours."""
    mark = document.get(KEY)
    saved = None if mark is None else saved_classes(mark, field=KEY)
    headers = [] if mark is None else values.a_list(mark.get("annotations"), field=f"{KEY}.annotations")
    checked_name(document.get("imagePath"), field="imagePath", flatten=collector.reading.flatten)
    image = collector.image(key, _size(document, key, headers, collector), headers=headers, where="the file name")
    for index, record in enumerate(values.a_list(document.get("shapes"), field="shapes")):
        where = f"shapes[{index}]"
        record = values.an_object(record, field=where)
        label = plain_text(record.get("label"), field=f"{where}.label")
        points = values.locations(record.get("points"), field=f"{where}.points")
        if saved is not None and KEY in record:
            extra = dict(checked_extra(record[KEY], field=f"{where}.{KEY}"))
            if extra["type"] == "clicks":
                flags = values.an_object(record.get("flags"), field=f"{where}.flags")
                extra["positive"] = values.truth(flags.get("positive"), field=f"{where}.flags.positive")
            image.own(points, label, extra, where=f"{where}.points")
        else:
            _foreign(record, points, image, label, where)
    return saved


def _size(document: dict, key: str, headers: list, collector: Collector) -> tuple[int, int]:
    folder = collector.reading.images
    if document.get("imageHeight") is None and document.get("imageWidth") is None and folder is not None:
        return image_size(find_image(folder, key))
    cloud = any(isinstance(header, dict) and header.get("cloud") is True for header in headers)
    height = values.whole(document.get("imageHeight"), field="imageHeight", low=1, high=checks.MAX_SIDE)
    limit = checks.MAX_CELLS if cloud else checks.MAX_SIDE
    return height, values.whole(document.get("imageWidth"), field="imageWidth", low=1, high=limit)


def _foreign(record: dict, points: np.ndarray, image: ImageReader, label: str, where: str) -> None:
    kind = record.get("shape_type")
    kind = "polygon" if kind is None else values.text(kind, field=f"{where}.shape_type")
    read = SHAPES.get(kind)
    if read is None:
        image.report[f"shapes of the type {kind[:40]!a} left out"] += 1
        return
    read(record, points, image, label, f"{where}.points")


def _rectangle(record: dict, points: np.ndarray, image: ImageReader, label: str, where: str) -> None:
    image.box(_at_least(points, 2, where), label, {}, where=where)


def _points(record: dict, points: np.ndarray, image: ImageReader, label: str, where: str) -> None:
    for point in _at_least(points, 1, where):
        image.point(point[None], label, {}, where=where)


def _line(record: dict, points: np.ndarray, image: ImageReader, label: str, where: str) -> None:
    image.line(points, label, {}, where=where)


def _polygon(record: dict, points: np.ndarray, image: ImageReader, label: str, where: str) -> None:
    image.polygons([points], label, where=where)


def _circle(record: dict, points: np.ndarray, image: ImageReader, label: str, where: str) -> None:
    centre, rim = _exactly(points, 2, where)
    radius = math.hypot(*(rim - centre).tolist())
    image.ellipse(centre, (radius, radius), label, where=where)


def _mask(record: dict, points: np.ndarray, image: ImageReader, label: str, where: str) -> None:
    first, last = _exactly(points, 2, where)
    box = np.concatenate([first, last + 1])
    if (box != np.round(box)).any() or (last < first).any():
        raise AnnotationError(f"{where}: the first and the last pixel of a mask are whole, got {points.tolist()}.")
    field = where.replace(".points", ".mask")
    image.region(png_region(values.text(record.get("mask"), field=field), box, 0, field=field), label, where=where)


SHAPES: dict[str, Callable[[dict, np.ndarray, ImageReader, str, str], Any]] = {
    "rectangle": _rectangle,
    "point": _points,
    "points": _points,
    "line": _line,
    "linestrip": _line,
    "polygon": _polygon,
    "circle": _circle,
    "mask": _mask,
}


def _at_least(points: np.ndarray, count: int, where: str) -> np.ndarray:
    if len(points) < count:
        raise AnnotationError(f"{where}: expected at least {count} locations, got {len(points)}.")
    return points


def _exactly(points: np.ndarray, count: int, where: str) -> np.ndarray:
    if len(points) != count:
        raise AnnotationError(f"{where}: expected {count} locations, got {len(points)}.")
    return points
