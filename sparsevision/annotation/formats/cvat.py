"""CVAT XML 1.1: "CVAT for images" for what lies on an image, "CVAT for video" for tracks.

Elements after https://docs.cvat.ai/docs/manual/advanced/xml_format/; coordinates from the top left corner of the image.
Our extras stand in a text attribute "sparsevision" of each shape, which CVAT keeps if the task has the labels of the
file, and in an element of that name in <meta>.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from sparsevision.annotation import files
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import cvat_xml, values
from sparsevision.annotation.formats.collector import Collector, Reading
from sparsevision.annotation.formats.cvat_read import read_document
from sparsevision.annotation.formats.data_set import AnnotationSet, ByImage
from sparsevision.annotation.formats.items import TRACK, ImageItems
from sparsevision.annotation.formats.writing import classes_for, images_to_write, same_classes
from sparsevision.annotation.formats.xml_tree import parse_xml

IMAGES_FILE = "annotations.xml"
TRACKS_SUFFIX = ".tracks.xml"


def write_cvat(
    path: str | os.PathLike,
    annotations: AnnotationSet | ByImage,
    *,
    classes: Sequence[str] | None = None,
    images: str | os.PathLike | None = None,
) -> None:
    """Write CVAT XML: a file, or a folder with annotations.xml for all images and <name>.tracks.xml for each video.

    Args:
        path: a name that ends in .xml for one file (images without tracks, or the tracks of one video), else a folder.
        annotations: {image: {name: annotation}} or what a reader returned.
        classes: class names, index = id; None: those of the set or in the annotations' meta. Ids beyond are class_<id>.
        images: folder to look the file names up in; None: names without the suffix of an image get .jpg.

    Raises:
        AnnotationError: names or sizes that the format cannot hold, an image that the folder lacks, or no room.
    """
    path, given = Path(path), classes_for(annotations, classes)
    stills, videos = [], []
    for key, file_name, content in images_to_write(annotations, given, images):
        still, video = _apart(content)
        stills += [] if still is None else [(key, file_name, still)]
        videos += [] if video is None else [(key, file_name, video)]
    if path.suffix.lower() != ".xml":
        if stills or not videos:
            files.write_bytes(path / IMAGES_FILE, cvat_xml.images_document(stills, given))
        for key, file_name, video in videos:
            files.write_bytes(path / f"{key}{TRACKS_SUFFIX}", cvat_xml.video_document(key, file_name, video, given))
    elif not videos:
        files.write_bytes(path, cvat_xml.images_document(stills, given))
    elif len(videos) == 1 and not stills:
        files.write_bytes(path, cvat_xml.video_document(*videos[0], given))
    else:
        raise AnnotationError(f"{path}: CVAT keeps each video in a file of its own; name a folder instead of a file.")


def read_cvat(
    path: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    background: str | None = "background",
    clip: bool = False,
    flatten: bool = False,
    images: str | os.PathLike | None = None,
    max_bytes: int = files.MAX_BYTES,
) -> AnnotationSet:
    """Read a CVAT XML file (for images or for video), or all of a folder and its subfolders.

    Boxes become `Boxes`, points `PointLabels`, polylines `Scribbles` of width 1, tracks of points `Tracks`; polygons,
    ellipses, masks and turned boxes the boxes around them and regions for `class_map_of`. Other shapes in tracks go to
    their frames, <video>/frame_000012. A video is named by its source, or by the XML file. For the options see
    `Reading`; `max_bytes` refuses larger files. Documents with a DTD are refused.

    Raises:
        AnnotationError: anything wrong with a file, in one sentence with its name and the field.
    """
    collector = Collector(Reading(classes=classes, background=background, clip=clip, flatten=flatten, images=images))
    saved, names = None, []
    for file in _xml_files(Path(path)):
        data = files.read_bytes(file, max_bytes=max_bytes)
        with values.blame(file):
            listed, mark = read_document(parse_xml(data, max_elements=max_bytes // 64), file.stem, collector)
            saved = same_classes(saved, mark)
            names += listed
    with values.blame(path):
        return collector.finish(names=names, saved=saved)


def _apart(content: ImageItems) -> tuple[ImageItems | None, ImageItems | None]:
    """What lies on an image, and its tracks; None for nothing."""
    tracks = ImageItems(
        size=content.size,
        headers=[header for header in content.headers if header["type"] == "tracks"],
        items=[item for item in content.items if item.form == TRACK],
    )
    others = ImageItems(
        size=content.size,
        headers=[header for header in content.headers if header["type"] != "tracks"],
        items=[item for item in content.items if item.form != TRACK],
    )
    return (others if others.headers or not tracks.headers else None), (tracks if tracks.headers else None)


def _xml_files(path: Path) -> Iterator[Path]:
    """Images first, since the tracks of an image join it."""
    found = list(path.rglob("*.xml")) if path.is_dir() else [path]
    if not found:
        raise AnnotationError(f"{path}: no .xml file in this folder; an export of CVAT is a .zip to be unpacked first.")
    yield from sorted(found, key=lambda file: (file.name.endswith(TRACKS_SUFFIX), file))
