"""Inpainters without weights: OpenCV's, a harmonic fill for disparities, and PatchMatch."""

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from sparsevision.methods.spin_nerf.inpaint.base import Inpainter
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, require

ALGORITHMS = {"telea": cv2.INPAINT_TELEA, "navier_stokes": cv2.INPAINT_NS}
NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0))
LEVELS = 255


@MODELS.register_module()
class OpenCVInpainter(Inpainter):
    """OpenCV's inpainting for colours, `harmonic_fill` for disparities. Deterministic.

    Args:
        algorithm: "telea" (Telea 2004) or "navier_stokes" (Bertalmio et al. 2001).
        radius: in pixels, of the neighbourhood that each pixel is filled from.
        dilation: see `Inpainter`.
    """

    def __init__(self, *, algorithm: str = "telea", radius: float = 3.0, dilation: int = 0) -> None:
        super().__init__(dilation=dilation)
        if algorithm not in ALGORITHMS:
            raise UserError(f"OpenCVInpainter: no algorithm '{algorithm}'; one of {', '.join(ALGORITHMS)}.")
        self.algorithm = ALGORITHMS[algorithm]
        self.radius = radius

    def fill_colours(self, image: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        return cv2.inpaint(image, mask.astype(np.uint8), self.radius, self.algorithm)

    def fill_disparities(self, disparity: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        return harmonic_fill(disparity, mask)


@MODELS.register_module()
class PatchMatchInpainter(Inpainter):
    """PatchMatch (Barnes et al., SIGGRAPH 2009) by the package pypatchmatch: copies patches of the same picture.

    Each call starts from the seed, so that equal inputs give equal results. Disparities are copied as 8-bit levels
    between their smallest and largest known value, steps of 1/255 of that range.

    Args:
        patch_radius: of the compared patches, which are 2 radius + 1 pixels wide.
        seed: of the randomised search.
        dilation: see `Inpainter`.

    Raises:
        ImportError: pypatchmatch is not installed.
    """

    def __init__(self, *, patch_radius: int = 3, seed: int = 0, dilation: int = 0) -> None:
        super().__init__(dilation=dilation)
        self.patch_radius = patch_radius
        self.seed = seed
        self.patchmatch = require("patchmatch", extra="nerf", why="PatchMatch inpainting")

    def fill_colours(self, image: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        self.patchmatch.set_random_seed(self.seed)
        return self.patchmatch.inpaint(image, mask, patch_size=self.patch_radius)

    def fill_disparities(self, disparity: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        low, high = disparity[~mask].min(), disparity[~mask].max()
        if low == high:
            return np.full_like(disparity, low)
        known = np.where(mask, low, disparity)
        levels = np.rint((known - low) / (high - low) * LEVELS).astype(np.uint8)
        filled = self.fill_colours(np.repeat(levels[..., None], 3, axis=2), mask, name)[..., 0]
        return (low + filled.astype(np.float32) / LEVELS * (high - low)).astype(np.float32)


def harmonic_fill(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill a hole with the smoothest surface through its rim: each filled pixel is the mean of its four neighbours.

    At the border of the image a pixel has fewer neighbours (no flow across it).

    Args:
        values: (H, W) float; what it holds under the mask is not looked at.
        mask: (H, W) bool, true = to be filled, not everywhere.
    """
    index = np.full(mask.shape, -1)
    index[mask] = np.arange(mask.sum())
    rows, columns = np.nonzero(mask)
    own = index[mask]
    degree, known = np.zeros(len(own)), np.zeros(len(own))
    pairs = []
    for row_step, column_step in NEIGHBOURS:
        row, column = rows + row_step, columns + column_step
        inside = (row >= 0) & (row < mask.shape[0]) & (column >= 0) & (column < mask.shape[1])
        degree += inside
        row, column, unknown = row[inside], column[inside], own[inside]
        hidden = mask[row, column]
        known[unknown[~hidden]] += values[row[~hidden], column[~hidden]]
        pairs.append((unknown[hidden], index[row[hidden], column[hidden]]))
    left, right = (np.concatenate(side) for side in zip(*pairs, strict=True))
    entries = np.concatenate([degree, -np.ones(len(left))])
    places = np.concatenate([own, left]), np.concatenate([own, right])
    filled = values.astype(np.float64)
    filled[mask] = spsolve(coo_matrix((entries, places)).tocsc(), known)
    return filled.astype(values.dtype)
