"""Names in foreign files: of images, which must stay inside their folder, and of classes, which become ids."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from sparsevision.annotation.errors import AnnotationError
from sparsevision.utils import did_you_mean

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
MAX_NAME = 1024
MAX_CLASSES = 100_000
_NUMBERED = re.compile(r"class_(0|[1-9][0-9]{0,17})")


def checked_name(value: Any, *, field: str, flatten: bool = False) -> str:
    """A relative file name that stays inside its folder, with forward slashes.

    Args:
        flatten: keep the last part alone, whatever folders stand before it.

    Raises:
        AnnotationError: absolute, "..", backslashes, a drive, control characters, empty, or too long.
    """
    if not isinstance(value, str) or not value or len(value) > MAX_NAME:
        raise AnnotationError(f"{field}: expected a file name, got {_short(value)}.")
    name = value.replace("\\", "/").rsplit("/", 1)[-1] if flatten else value
    parts = name.split("/")
    climbs = any(part in ("", ".", "..") or len(part.encode("utf-8", "replace")) > 250 for part in parts)
    if climbs or "\\" in name or not name.isprintable() or re.match(r"[A-Za-z]:", name):
        raise AnnotationError(
            f"{field}: {_short(value)} is not the name of a file inside a folder; expected a relative path without "
            "'..', backslashes and control characters (flatten=True keeps the last part alone)."
        )
    return name


def plain_text(value: Any, *, field: str) -> str:
    """A name that every format can carry: some printable characters."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > MAX_NAME:
        raise AnnotationError(f"{field}: expected a name of printable characters, got {_short(value)}.")
    return value


def key_of(file_name: str) -> str:
    """The file name without the suffix of an image."""
    path = PurePosixPath(file_name)
    return str(path.with_suffix("")) if path.suffix.lower() in IMAGE_SUFFIXES else file_name


def file_name_of(key: str) -> str:
    """The file name of an image by its key; one without the suffix of an image gets .jpg."""
    return key if PurePosixPath(key).suffix.lower() in IMAGE_SUFFIXES else f"{key}.jpg"


def find_image(folder: str | os.PathLike, key: str) -> Path:
    """The image of that name (with or without suffix) in a folder.

    Raises:
        AnnotationError: none, or several.
    """
    exact = Path(folder) / key
    if exact.is_file():
        return exact
    found = [
        path for path in exact.parent.glob("*") if path.stem == exact.name and path.suffix.lower() in IMAGE_SUFFIXES
    ]
    if len(found) != 1:
        words = "no image" if not found else f"{len(found)} images"
        raise AnnotationError(f"{folder}: {words} named {key!r:.80}; check the folder of images.")
    return found[0]


def class_list(classes: Any) -> tuple[str, ...]:
    """Class names as a tuple of different names."""
    if isinstance(classes, str) or not isinstance(classes, Sequence) or len(classes) > MAX_CLASSES:
        raise AnnotationError(f"classes: expected a list of names (index = id), got {_short(classes)}.")
    names = tuple(plain_text(name, field=f"classes[{index}]") for index, name in enumerate(classes))
    if len(set(names)) != len(names):
        raise AnnotationError(f"classes: the name {_first_twice(names)!r:.60} is given twice.")
    return names


def class_name(label: int, classes: Sequence[str]) -> str:
    """The name of a class id; beyond the list it is class_<id>."""
    if label < len(classes):
        return classes[label]
    name = f"class_{label}"
    if label >= 10**18 or name in classes:
        raise AnnotationError(f"the class id {label} has no name; give a list of classes that is long enough.")
    return name


def class_ids_of(
    names: Iterable[str], *, given: Sequence[str] | None, saved: Sequence[str] | None, background: str | None
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Ids of the class names of a file, and the class list that goes with them.

    Args:
        names: in order of appearance.
        given: the caller's list, which decides when there is one; then every name must be in it.
        saved: the list in a file that this package wrote; None for foreign files. Further names follow it.
        background: the name of class 0 where neither list decides; None: ids from 0 in order of appearance.

    Raises:
        AnnotationError: a name that the given list lacks, or too many classes.
    """
    names = tuple(dict.fromkeys(names))
    if given is not None:
        ids = {name: index for index, name in enumerate(given)}
        for name in names:
            if name not in ids:
                hint = did_you_mean(name[:60], given)
                raise AnnotationError(f"the class {name!r:.60} is not among the given ones ({_short(given)}).{hint}")
        return ids, tuple(given)
    classes = list(saved if saved is not None else [] if background is None else [background])
    numbered = {} if saved is None else _numbered(set(names) - set(classes), len(classes))
    others = [name for name in names if name not in numbered and name not in set(classes)]
    if others and numbered:
        _pad(classes, max(numbered.values()) + 1)
    classes += others
    if len(classes) > MAX_CLASSES:
        raise AnnotationError(f"{len(classes)} classes; expected at most {MAX_CLASSES}.")
    return numbered | {name: index for index, name in enumerate(classes)}, tuple(classes)


def _numbered(names: Iterable[str], start: int) -> dict[str, int]:
    """Ids of the names class_<id> that `class_name` made."""
    found = {name: int(match[1]) for name in names if (match := _NUMBERED.fullmatch(name))}
    return {name: label for name, label in found.items() if label >= start}


def _pad(classes: list[str], length: int) -> None:
    if length > MAX_CLASSES:
        raise AnnotationError(f"class_{length - 1} and names beside it; pass the list of classes to tell their ids.")
    classes += [f"class_{label}" for label in range(len(classes), length)]


def _first_twice(names: Sequence[str]) -> str:
    seen = set()
    return next(name for name in names if name in seen or seen.add(name))


def _short(value: Any) -> str:
    text = ascii(value[:80] if isinstance(value, str) else value[:4] if isinstance(value, list | tuple) else value)
    return text if len(text) <= 100 else text[:97] + "..."
