"""Our own folders of JSON files, one an image, as sets of annotations; and which format a file or a folder has."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sparsevision.annotation import files
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import values
from sparsevision.annotation.formats.collector import Reading
from sparsevision.annotation.formats.data_set import AnnotationSet, ByImage, images_of
from sparsevision.annotation.formats.items import NAMES
from sparsevision.annotation.formats.labelme import json_files
from sparsevision.annotation.formats.names import checked_name, find_image
from sparsevision.annotation.formats.writing import classes_for, classes_in_meta
from sparsevision.annotation.io import FORMAT, Annotations, load_annotations, save_annotations
from sparsevision.annotation.json_text import parse_json
from sparsevision.annotation.types import Annotation

_NAME_OF_TYPE = {kind: name for name, kind in NAMES.values()} | {"clicks": "object_1"}


def read_folder(
    path: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    images: str | os.PathLike | None = None,
    max_bytes: int = files.MAX_BYTES,
) -> AnnotationSet:
    """Read a JSON file that `save_annotations` wrote, or all of a folder and its subfolders.

    Args:
        classes: class names, index = id; None: those in the annotations' meta["classes"].
        images: folder in which every image must exist.

    Raises:
        AnnotationError: anything wrong with a file.
    """
    reading = Reading(classes=classes, images=images)
    found = {}
    for file, key in json_files(path):
        key = checked_name(key, field=f"{file}: the file name")
        found[key] = _by_name(load_annotations(file, max_bytes=max_bytes))
        if images is not None:
            find_image(images, key)
    with values.blame(path):
        names = reading.classes if reading.classes is not None else classes_in_meta(found)
    return AnnotationSet(annotations=found, classes=tuple(names))


def write_folder(
    path: str | os.PathLike,
    annotations: AnnotationSet | ByImage,
    *,
    classes: Sequence[str] | None = None,
    images: str | os.PathLike | None = None,
) -> None:
    """Write `<path>/<image>.json` for every image, the class list in the meta of each annotation.

    Raises:
        AnnotationError: names that no file can have, or no room.
    """
    if Path(path).suffix.lower() == ".json" or Path(path).is_file():
        raise AnnotationError(f"{path}: there is one file an image; name a folder.")
    given = list(classes_for(annotations, classes))
    for key, by_name, _ in list(images_of(annotations, images=images)):
        named = {name: _with_classes(annotation, given) for name, annotation in by_name.items()}
        save_annotations(Path(path) / f"{key}.json", named)


def guess_format(path: str | os.PathLike, *, max_bytes: int = files.MAX_BYTES) -> str:
    """The name of the format of a file, or of the first file of a folder: coco, labelme, cvat or sparsevision.

    Raises:
        AnnotationError: none of these.
    """
    file = _first_file(Path(path))
    data = files.read_bytes(file, max_bytes=max_bytes)
    if data.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1] == b"<":
        return "cvat"
    with values.blame(file):
        document = parse_json(data, max_values=max_bytes // 16)
        if isinstance(document, dict):
            if document.get("format") == FORMAT:
                return "sparsevision"
            for name, keys in {"labelme": {"shapes"}, "coco": {"images", "annotations"}}.items():
                if keys <= document.keys():
                    return name
        raise AnnotationError("is none of COCO, LabelMe, CVAT and sparsevision files; name the format (--from).")


def _first_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted([*path.rglob("*.json"), *path.rglob("*.xml")])
    if not found:
        raise AnnotationError(f"{path}: no .json or .xml file in this folder.")
    return found[0]


def _by_name(loaded: Annotations) -> dict[str, Annotation]:
    if isinstance(loaded, dict):
        return loaded
    if isinstance(loaded, Annotation):
        return {_NAME_OF_TYPE[loaded.kind]: loaded}
    return {f"{one.kind}_{index}": one for index, one in enumerate(loaded, start=1)}


def _with_classes(annotation: Annotation, classes: list[str]) -> Annotation:
    if not classes or annotation.meta.get("classes") == classes:
        return annotation
    return replace(annotation, meta=annotation.meta | {"classes": classes})
