"""What one page works on: the images, the folder its files go to, the classes, and which images are done."""

import functools
import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sparsevision.annotation import (
    Annotation,
    AnnotationError,
    Tracks,
    annotations_from_json,
    annotations_to_json,
    load_annotations,
    save_annotations,
)
from sparsevision.annotation.files import read_bytes, write_bytes
from sparsevision.annotation.json_text import parse_json
from sparsevision.annotator.gallery import Gallery
from sparsevision.annotator.groups import MAX_CLASS, check_seconds, is_page_document, page_groups
from sparsevision.annotator.masks import UNKNOWN, class_map_of, masks_of, read_page_mask
from sparsevision.annotator.shelf import Shelf, Stamp, Written, check_inside
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.report_folder import CLASSES_FILE
from sparsevision.utils import UserError, check_out_folder

DONE_FILE = "lists/done.txt"
MAX_LIST_BYTES = 16 * 2**20
MAX_NAME = 60


class Project:
    """A gallery and the files that belong to it.

    `<out>/<stem>.json` holds the annotations of an image, `<out>/masks/<stem>.png` its accepted masks,
    `<out>/tracks/<folder>.json` the tracks over all images, `<out>/lists/classes.txt` the class names (line = id) and
    `<out>/lists/done.txt` the stems of the images marked as done.

    Args:
        gallery: the images.
        out: folder of the files; made at the first save.
        classes: class names, index = id; None for those of `lists/classes.txt`, or background and object.

    Raises:
        UserError: bad class names, or fewer than there already has.
    """

    def __init__(self, *, gallery: Gallery, out: str | os.PathLike, classes: list[str] | None = None) -> None:
        self.gallery = gallery
        self.out = Path(os.path.abspath(out))
        check_out_folder(out, "--out")
        self._lock = threading.Lock()
        self._shelves: dict[tuple[str, int], Shelf] = {}
        self.classes = self._first_classes(classes)
        self.done = set(self._lines(DONE_FILE))

    @property
    def key(self) -> str:
        """Names this folder in the browser's storage."""
        return hashlib.sha256(f"{self.gallery.folder}\0{self.out}".encode()).hexdigest()[:12]

    def state(self, index: int) -> str:
        """ "done", "some" when files are there, else "nothing"."""
        if self.gallery.pictures[index].stem in self.done:
            return "done"
        files = (self._path("annotations", index), self._path("mask", index))
        return "some" if any(path.exists() for path in files) else "nothing"

    def read(self, kind: str, index: int) -> tuple[dict, str]:
        """(document for the page, revision) of the "annotations" or "mask" of an image, or of the "tracks".

        Raises:
            UserError: the file, or the image, cannot be read.
        """
        load = functools.partial(self._loader(kind), size=self._size(kind, index))
        content, revision = self._shelf(kind, index).read(load)
        if kind == "mask":
            return {"masks": [] if content is None else masks_of(content)}, revision
        return json.loads(annotations_to_json(content or {})), revision

    def write(self, kind: str, index: int, *, body: bytes, stamp: Stamp) -> Written:
        """Save what the page sends, after every check. See `read` for `kind` and `Shelf.write` for `stamp`.

        Raises:
            UserError: something is wrong with the body; nothing was changed.
        """
        size = self._size(kind, index)
        shelf = self._shelf(kind, index)
        if kind == "mask":
            class_map = class_map_of(parse_json(body, max_values=2048), size=size)
            unknown = bool((class_map == UNKNOWN).all())
            return shelf.write(stamp, None if unknown else functools.partial(_write_mask, class_map=class_map))
        groups = _checked_groups(body, size=size, video=kind == "tracks", frames=len(self.gallery))
        return shelf.write(stamp, functools.partial(save_annotations, annotations=groups) if groups else None)

    def set_done(self, index: int, done: bool) -> None:
        """Mark an image as done or not, in `done.txt`."""
        stem = self.gallery.pictures[index].stem
        with self._lock:
            stems = [line for line in self._lines(DONE_FILE) if line != stem] + [stem] * done
            self._write_lines(DONE_FILE, stems)
            self.done = set(stems)

    def set_classes(self, classes: object, *, base: object) -> None:
        """Rename or add classes; none can go, for files hold their ids. base: what the page knew.

        Raises:
            UserError: bad names, fewer classes than before, or `base` is not what they are now.
        """
        with self._lock:
            if base != self.classes:
                raise UserError("the classes were changed in another tab; reload the page.")
            names = _checked_classes(classes)
            if len(names) < len(self.classes):
                raise UserError(
                    f"there are {len(self.classes)} classes, and files hold their ids: none can be removed."
                )
            self._write_lines(CLASSES_FILE, names)
            self.classes = names

    def _first_classes(self, classes: list[str] | None) -> list[str]:
        stored = self._lines(CLASSES_FILE)
        if classes is None:
            return _checked_classes(stored or ["background", "object"])
        names = _checked_classes(classes)
        if len(names) < 2 and not stored:
            raise UserError(
                f"--classes {names[0]}: the first name is class 0, the background; name it too: background,{names[0]}."
            )
        if len(names) < len(stored):
            raise UserError(
                f"--classes gives {len(names)} names, but {self.out / CLASSES_FILE} has {len(stored)} "
                f"({', '.join(stored)}), and the files beside it may hold any of these ids. Name them all."
            )
        if names != stored:
            self._write_lines(CLASSES_FILE, names)
        return names

    def _size(self, kind: str, index: int) -> tuple[int, int]:
        if kind == "tracks":
            if self.gallery.video_size is None:
                raise UserError("tracks need a folder of two or more images that all have the same size.")
            return self.gallery.video_size
        picture = self.gallery.pictures[index]
        if picture.size is None:
            raise UserError(picture.error)
        return picture.size

    def _path(self, kind: str, index: int) -> Path:
        if kind == "tracks":
            return self.out / "tracks" / f"{self.gallery.folder.name or 'video'}.json"
        stem = self.gallery.pictures[index].stem
        return self.out / "masks" / f"{stem}.png" if kind == "mask" else self.out / f"{stem}.json"

    def _shelf(self, kind: str, index: int) -> Shelf:
        with self._lock:
            if (kind, index) not in self._shelves:
                check = functools.partial(self._loader(kind), size=self._size(kind, index))
                self._shelves[kind, index] = Shelf(self._path(kind, index), root=self.out, check=check)
            return self._shelves[kind, index]

    def _loader(self, kind: str) -> Callable:
        return {"mask": self._load_mask, "annotations": self._load_groups, "tracks": self._load_tracks}[kind]

    def _load_tracks(self, path: Path, *, size: tuple[int, int]) -> dict[str, Annotation]:
        """Tracks over these images, or over the first of them."""
        groups = self._load_groups(path, size=size)
        names = [picture.path.name for picture in self.gallery.pictures]
        for group in groups.values():
            frames = group.meta.get("images", names[: group.num_frames]) if isinstance(group, Tracks) else None
            if frames is None or group.num_frames > len(names) or frames != names[: group.num_frames]:
                raise AnnotationError(
                    f"{path.name} cannot be used: it does not hold tracks over the {len(names)} images of this folder. "
                    "It is not overwritten; move it away, then reload."
                )
        return groups

    def _load_groups(self, path: Path, *, size: tuple[int, int]) -> dict[str, Annotation]:
        try:
            return page_groups(load_annotations(path), size=size)
        except AnnotationError as error:
            reason = str(error).removeprefix(f"{path}: ")
            raise AnnotationError(
                f"{path.name} cannot be used: {reason} It is not overwritten; mend it or move it away, then reload."
            ) from error

    def _load_mask(self, path: Path, *, size: tuple[int, int]) -> np.ndarray:
        try:
            return read_page_mask(path, size=size)
        except UserError as error:
            raise UserError(
                f"masks/{path.name} cannot be used: {str(error).removeprefix(f'{path}: ')} It is not overwritten; mend "
                "it or move it away, then reload."
            ) from error

    def _lines(self, name: str) -> list[str]:
        path = self.out / name
        check_inside(path, self.out)
        if not path.is_file() or path.stat().st_size == 0:
            return []
        try:
            text = read_bytes(path, max_bytes=MAX_LIST_BYTES).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: cannot be read as text ({error}).") from error
        return [line.strip() for line in text.splitlines() if line.strip()]

    def _write_lines(self, name: str, lines: list[str]) -> None:
        check_inside(self.out / name, self.out)
        write_bytes(self.out / name, "".join(f"{line}\n" for line in lines).encode())


def _write_mask(path: Path, *, class_map: np.ndarray) -> None:
    try:
        write_png(path, class_map)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); what was there before is unchanged.") from error


def _checked_groups(body: bytes, *, size: tuple[int, int], video: bool, frames: int) -> dict[str, Annotation]:
    groups = annotations_from_json(body)
    if not is_page_document(groups):
        raise AnnotationError(
            'expected a dict of "points", "scribbles", "boxes", "tracks", "object_1", "object_2", ...'
        )
    if video and (set(groups) - {"tracks"} or any(group.num_frames != frames for group in groups.values())):
        raise AnnotationError(f'expected "tracks" alone, over {frames} frames.')
    check_seconds(groups.values())
    return page_groups(groups, size=size)


def _checked_classes(names: object) -> list[str]:
    if not isinstance(names, list) or not 1 <= len(names) <= MAX_CLASS + 1:
        raise UserError(f"classes: expected 1 to {MAX_CLASS + 1} names.")
    for name in names:
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name.strip()) <= MAX_NAME:
            raise UserError(f"classes: expected printable names of 1 to {MAX_NAME} letters, got {name!r:.80}.")
    names = [name.strip() for name in names]
    if len(set(names)) < len(names):
        raise UserError(f"classes: {', '.join(names)}: every name can occur only once.")
    return names
