"""Where the patches of the perceptual loss may lie: around the object's mask."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PatchRange:
    """Size of a patch and where its top left pixel may be, in pixels of the image that is `stride` times smaller.

    Attributes:
        height, width: of the patch.
        rows, columns: first and last (inclusive) place of the top left pixel.
    """

    height: int
    width: int
    rows: tuple[int, int]
    columns: tuple[int, int]


def patch_range(mask: np.ndarray, *, stride: int = 2, patch_factor: int = 8, inside: bool = False) -> PatchRange | None:
    """The patches of a view that touch its mask; None where the mask is empty.

    Args:
        mask: (H, W); every value but 0 counts.
        stride: every so many-th pixel is rendered.
        patch_factor: the rendered image is so many times larger than a patch.
        inside: move a range that begins too low or too far right up, so that the whole patch is in the image. The
            release does not, and cuts such a patch off.
    """
    height, width = mask.shape[0] // stride, mask.shape[1] // stride
    patch_height, patch_width = height // patch_factor, width // patch_factor
    rows, columns = (np.flatnonzero(mask.any(axis)) // stride for axis in (1, 0))
    if not len(rows):
        return None
    row_limit, column_limit = (height - patch_height, width - patch_width) if inside else (height, width)
    return PatchRange(
        patch_height,
        patch_width,
        _places(int(rows[0]), int(rows[-1]), patch_height, row_limit),
        _places(int(columns[0]), int(columns[-1]), patch_width, column_limit),
    )


def _places(first: int, last: int, size: int, limit: int) -> tuple[int, int]:
    return min(first, limit), min(max(last - size, first), limit)
