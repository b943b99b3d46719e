"""Folders with a file for each view: found by the names of the images, written as a whole."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import IMAGE_SUFFIXES, image_files
from sparsevision.utils import UserError, arrays


def list_images(folder: Path) -> list[Path]:
    """The image files of a folder in the order of their names; hidden files and other kinds are left out.

    Raises:
        UserError: there is no such folder, or no image in it; or two files differ in their suffix alone.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder of images.")
    found = image_files(folder)
    if not found:
        raise UserError(f"{folder}: holds no image ({', '.join(IMAGE_SUFFIXES)}).")
    names = [path.stem for path in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(f"{folder}: two images are called '{twice}'; labels and poses are paired by names. Remove one.")
    return found


def find_by_name(folder: Path, name: str, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> Path | None:
    """The file `<name><suffix>` of a folder with the first of these suffixes that is there; None without one."""
    candidates = (folder / f"{name}{suffix}" for own in suffixes for suffix in (own, own.upper()))
    return next((path for path in candidates if path.is_file()), None)


def load_npy(path: Path) -> np.ndarray:
    """An array of numbers from a .npy file; nothing that the file says is run.

    Raises:
        UserError: it is missing, cut off, or holds Python objects.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file.")
    try:
        return arrays.load_npy(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as an array ({error}). Copy or make it again.") from error


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `folder` when the block ends without an error.

    A reader finds the old files or all the new ones. Missing parents are made.

    Raises:
        UserError: `folder` is a file, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; a folder is to be written there.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
            new = Path(temporary, "new")
            new.mkdir()
            yield new
            _swap(new, folder, Path(temporary, "old"))
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error}).") from error


def _swap(new: Path, folder: Path, old: Path) -> None:
    """Put `new` at `folder`, whose files go to `old`, or come back when that fails."""
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
