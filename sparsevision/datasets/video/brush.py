"""The motion brush as a person paints it: what is not black may move, and all else is frozen."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.nn import functional as F

from sparsevision.datasets.image_io import read_image
from sparsevision.utils import UserError


def read_painting(path: str | Path) -> NDArray[np.bool_]:
    """(H, W) of a picture, turned upright: true where it is painted, in any colour but black.

    Raises:
        UserError: see `read_image`.
    """
    return read_image(path, upright=True).any(axis=2)


def brush_from_painting(painting: ArrayLike, *, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Freeze what is not painted: (H, W) bool, true = frozen; nothing is frozen when nothing is painted.

    Source: the rules of Motion-I2V's released demo.

    Args:
        painting: (h, w) in [0, 1], 1 = painted with the brush; resized bilinearly and cut at 0.5.
        size: (H, W) of the clip.

    Raises:
        UserError: not such a picture.
    """
    picture = np.asarray(painting, dtype=np.float32)
    if picture.ndim != 2 or not picture.size or picture.min() < 0 or picture.max() > 1:
        raise UserError(f"painting: expected (h, w) with values from 0 to 1, 1 = painted, got shape {picture.shape}.")
    scaled = F.interpolate(torch.from_numpy(picture)[None, None], size, mode="bilinear", align_corners=False)
    painted = scaled[0, 0].numpy() > 0.5
    return ~painted if painted.any() else np.zeros(size, dtype=bool)
