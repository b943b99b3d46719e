"""What the three writers do alike: class lists, file names, and the mark by which a file of ours is known again."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import values
from sparsevision.annotation.formats.data_set import AnnotationSet, ByImage, by_image_of, images_of
from sparsevision.annotation.formats.items import ImageItems, take_apart
from sparsevision.annotation.formats.names import class_list, file_name_of, find_image, key_of

VERSION = 1


def classes_for(annotations: AnnotationSet | ByImage, classes: Sequence[str] | None) -> tuple[str, ...]:
    """The class list to write: the caller's, that of the set, or that of the annotations' meta["classes"].

    Raises:
        AnnotationError: not a list of names, or the annotations disagree.
    """
    if classes is not None:
        return class_list(classes)
    if isinstance(annotations, AnnotationSet) and annotations.classes:
        return class_list(annotations.classes)
    return classes_in_meta(annotations)


def classes_in_meta(annotations: AnnotationSet | ByImage) -> tuple[str, ...]:
    """The class list that the annotations carry in meta["classes"]; empty if none does."""
    found: tuple[str, ...] = ()
    for image, by_name in by_image_of(annotations).items():
        for name, annotation in by_name.items():
            classes = annotation.meta.get("classes")
            if classes is None:
                continue
            with values.blame(f"{image}, {name}: meta"):
                classes = class_list(classes)
            if found and found != classes:
                raise AnnotationError(
                    f"{image}, {name}: its classes {list(classes)!r:.80} differ from {list(found)!r:.80} before; give "
                    "the list that holds for all."
                )
            found = classes
    return found


def images_to_write(
    annotations: AnnotationSet | ByImage, classes: Sequence[str], images: str | os.PathLike | None
) -> Iterator[tuple[str, str, ImageItems]]:
    """Name, file name and items of each image."""
    seen: dict[str, str] = {}
    for key, by_name, size in images_of(annotations, images=images):
        file_name = file_name_of(key)
        if images is not None:
            file_name = key[: -len(key.rsplit("/", 1)[-1])] + find_image(images, key).name
        other = seen.setdefault(key_of(file_name), key)
        if other != key:
            raise AnnotationError(f"{key}: would get the same file name as {other}; rename one of them.")
        with values.blame(key):
            yield key, file_name, take_apart(by_name, size, classes)


def saved_classes(mark: Any, *, field: str) -> tuple[str, ...]:
    """The class list in the mark {"version": 1, "classes": [...]} of a file that this package wrote."""
    mark = values.an_object(mark, field=field)
    values.whole(mark.get("version"), field=f"{field}.version", low=1, high=VERSION)
    with values.blame(field):
        return class_list(mark.get("classes"))


def same_classes(before: tuple[str, ...] | None, now: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The class list of several files together; files of others (None) have no say."""
    if before is not None and now is not None and before != now:
        raise AnnotationError(
            f"its classes {list(now)!r:.80} differ from those of the files before ({list(before)!r:.80})."
        )
    return before if now is None else now
