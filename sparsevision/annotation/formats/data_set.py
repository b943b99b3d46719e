"""What a reader returns and a writer takes: the annotations of a set of images, and what they cannot express."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from sparsevision.annotation import checks, files
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats.names import checked_name, find_image
from sparsevision.annotation.types import Annotation

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ByImage = Mapping[str, Mapping[str, Annotation]]


@dataclass(frozen=True, kw_only=True)
class Region:
    """A dense mask of a file, kept beside the box that stands for it.

    Args:
        label: class id.
        box: hull (4,) by its edges (x0, y0, x1, y1).
        paint: takes a size (height, width), returns (top, left, mask), a bool array to be laid at that row and column.
    """

    label: int
    box: np.ndarray
    paint: Callable[[tuple[int, int]], tuple[int, int, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class AnnotationSet:
    """The annotations of a set of images.

    Args:
        annotations: {image: {name: annotation}}; the image by its file name without suffix (or by the name it was
            written under), the folder of the file included.
        classes: class names, index = id; empty when the file names none.
        sizes: (height, width) of every image, those without annotations included.
        regions: polygons and masks by image, in the order of the file: `class_map_of` draws them.
        report: how often something had to be changed or left out, by a sentence about it.
    """

    annotations: dict[str, dict[str, Annotation]]
    classes: tuple[str, ...] = ()
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    regions: dict[str, tuple[Region, ...]] = field(default_factory=dict)
    report: Counter = field(default_factory=Counter)


def images_of(
    annotations: AnnotationSet | ByImage, *, images: str | os.PathLike | None = None
) -> Iterator[tuple[str, dict[str, Annotation], tuple[int, int]]]:
    """Name, annotations and (height, width) of each image; a cloud of n points is an image of one row.

    An image of unknown size is looked up in the folder `images`.

    Raises:
        AnnotationError: not such a set, names that no file can have, several sizes of one image, or none known.
    """
    sizes = annotations.sizes if isinstance(annotations, AnnotationSet) else {}
    for image, by_name in by_image_of(annotations).items():
        known = sizes.get(image)
        if known is None and not by_name and images is not None:
            known = image_size(find_image(images, image))
        yield image, by_name, _size_of(image, by_name, known)


def by_image_of(annotations: AnnotationSet | ByImage) -> dict[str, dict[str, Annotation]]:
    """{image: {name: annotation}} of what a writer was given, its types and the names of images checked."""
    by_image = annotations.annotations if isinstance(annotations, AnnotationSet) else annotations
    if not isinstance(by_image, Mapping):
        raise AnnotationError(f"Can write {{image: {{name: annotation}}}}, not {type(by_image).__name__}.")
    for image, by_name in by_image.items():
        checked_name(image, field="the name of an image")
        if not isinstance(by_name, Mapping):
            raise AnnotationError(f"{image}: expected {{name: annotation}}, got {type(by_name).__name__}.")
        for name, annotation in by_name.items():
            if not isinstance(annotation, Annotation):
                words = type(annotation).__name__
                raise AnnotationError(f"{image}, {name!r:.60}: expected an annotation, got {words}.")
    return {image: dict(by_name) for image, by_name in by_image.items()}


def image_size(path: str | os.PathLike) -> tuple[int, int]:
    """(height, width) of an image file, as its pixels are stored."""
    data = files.read_bytes(path)
    if data[:8] == PNG_SIGNATURE and data[12:16] == b"IHDR" and len(data) >= 24:  # nothing is unpacked: it may be huge
        width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
        return checks.frame_size((height, width), field=str(path))
    try:
        flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise AnnotationError(f"{path}: not an image that can be read, or cut off.")
    return image.shape


def _size_of(image: str, by_name: Mapping[str, Annotation], known: tuple[int, int] | None) -> tuple[int, int]:
    found = {} if known is None else {checks.frame_size(known, field=f"{image}: size"): "the image"}
    for name, annotation in by_name.items():
        size = annotation.size if len(annotation.size) == 2 else (1, annotation.size[0])
        found.setdefault(size, name)
    if len(found) > 1:
        words = ", ".join(f"{name} {size[1]} x {size[0]}" for size, name in found.items())
        raise AnnotationError(
            f"{image}: its annotations lie on frames of different sizes ({words}); give each frame a name of its own."
        )
    if not found:
        raise AnnotationError(
            f"{image}: has no annotations, so its size is unknown; name the folder of images (images=) or leave it out."
        )
    return next(iter(found))
