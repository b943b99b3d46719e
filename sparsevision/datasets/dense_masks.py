"""Folders of dense truth as class maps: binary masks cut at a threshold, or stored class ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import read_class_map, read_grey, read_mask
from sparsevision.datasets.layouts import index_by_stem
from sparsevision.utils import UserError

_LOOKED_AT = 8
_CLEAR_SHARE = 0.95
_BRIGHT = 240


@dataclass(frozen=True)
class MaskReader:
    """How a file of a folder becomes a class map (H, W).

    Attributes:
        threshold: grey levels above it are class 1, the others 0; None if the files hold class ids.
        ignore_index: value of pixels without truth in files of class ids; None if every value is a class.
    """

    threshold: int | None = None
    ignore_index: int | None = 255

    def __call__(self, path: str | Path) -> np.ndarray:
        """int64 (H, W). Raises UserError, which names the file."""
        if self.threshold is not None:
            return read_mask(path, threshold=self.threshold).astype(np.int64)
        return read_class_map(path)


def find_masks(folder: str | Path) -> dict[str, Path]:
    """{stem: path} of the images in a folder, sorted. Raises UserError if there are none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; expected one of dense masks, one image file each.")
    found, _ = index_by_stem(folder)
    if not found:
        raise UserError(f"{folder}: holds no image (.png, .jpg, .bmp); expected dense masks.")
    return found


def refuse_binary(paths: Iterable[Path]) -> None:
    """See by a few files that a folder holds class ids, and not black and white masks.

    Raises:
        UserError: each is all but black and white; says what to type.
    """
    paths = list(paths)
    looked_at = [read_grey(path) for path in paths[:: max(1, len(paths) // _LOOKED_AT)]]
    clear = [((grey == 0) | (grey >= _BRIGHT)).mean() >= _CLEAR_SHARE for grey in looked_at]
    if all(clear) and any((grey >= _BRIGHT).any() for grey in looked_at):
        raise UserError(
            f"{paths[0].parent}: the masks are black and white, not class ids. Add --threshold 128, and what is "
            "brighter is class 1; if 255 marks pixels without truth, say --ignore-index 255."
        )
