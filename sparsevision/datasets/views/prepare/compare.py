"""Whether a prepared scene still holds what its raw files give."""

from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import IMAGE_SUFFIXES, read_image
from sparsevision.datasets.views.files import load_npy
from sparsevision.utils import UserError

TOLERANCE = 1e-9


def folder_differences(made: Path, there: Path) -> list[str]:
    """What is missing in `there` or differs from `made`, a sentence each; other files of `there` are left alone.

    Pictures are compared by their pixels, arrays by their numbers (to 1e-9), other files byte by byte.
    """
    files = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    return [problem for file in files if (problem := _difference(made / file, there / file)) is not None]


def _difference(made: Path, there: Path) -> str | None:
    if not there.is_file():
        return f"{there}: is missing"
    if made.read_bytes() == there.read_bytes():
        return None
    try:
        same = _same(made, there)
    except UserError as error:
        return str(error)
    return None if same else f"{there}: is not what the raw files give"


def _same(made: Path, there: Path) -> bool:
    if made.suffix.lower() in IMAGE_SUFFIXES:
        return np.array_equal(read_image(made), read_image(there))
    if made.suffix == ".npy":
        expected, found = load_npy(made), load_npy(there)
        return expected.shape == found.shape and np.allclose(expected, found, rtol=0, atol=TOLERANCE, equal_nan=True)
    return False
