"""Which pixels a drag moves: a box, a soft spot, or the object under its start."""

from typing import ClassVar, Protocol

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes

from sparsevision.layers.promptable import PromptableSegmenter
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

NEGLIGIBLE = np.exp(-4.5)  # three standard deviations


class Region(Protocol):
    """Weights of the pixels that move with a point.

    Attributes:
        later_wins: where two drags claim a pixel, the later one takes it; otherwise each counts by its nearness.
    """

    later_wins: bool

    def __call__(self, start: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """start (2,) as (x, y); size (height, width); returns (height, width) float32 in [0, 1], 0 = stays unknown."""


@MODELS.register_module()
class BoxRegion:
    """The published rule: rows y - half to y + half - 1 and as many columns, cut off at the image's border.

    Args:
        half: half the side in pixels, the "flow unit" of the published demo (64 there).
    """

    later_wins: ClassVar[bool] = True

    def __init__(self, half: int) -> None:
        if not isinstance(half, int | np.integer) or half < 1:
            raise UserError(f"unit: expected half the side of a box in whole pixels, 1 or more, got {half}.")
        self.half = int(half)

    def __call__(self, start: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """See `Region`."""
        column, row = int(start[0]), int(start[1])
        weights = np.zeros(size, dtype=np.float32)
        weights[max(row - self.half, 0) : row + self.half, max(column - self.half, 0) : column + self.half] = 1
        return weights


@MODELS.register_module()
class GaussianRegion:
    """The motion fades with the distance from the start: exp(-d^2 / (2 sigma^2)), and nothing is said beyond 3 sigma.

    Args:
        sigma: in pixels.
    """

    later_wins: ClassVar[bool] = False

    def __init__(self, sigma: float) -> None:
        if not sigma > 0:
            raise UserError(f"sigma: expected a width above 0 pixels, got {sigma}.")
        self.sigma = sigma

    def __call__(self, start: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """See `Region`."""
        weights = np.exp(-squared_distance(start, size) / (2 * self.sigma**2))
        return np.where(weights >= NEGLIGIBLE, weights, 0).astype(np.float32)


class ObjectRegion:
    """The object under the start, found by a promptable segmenter: the thing moves, not a square of it.

    Several drags on one object bend it: each pixel moves as the drags near it.

    Args:
        image: frame 0, (H, W, 3) uint8 RGB.
        segmenter: SAM, MobileSAM, GrabCut (no weights), ...
        negatives: (k, 2) places that belong to other things.
    """

    later_wins: ClassVar[bool] = False

    def __init__(
        self, image: np.ndarray, segmenter: PromptableSegmenter, *, negatives: np.ndarray | None = None
    ) -> None:
        self.size = image.shape[:2]
        self.segmenter = segmenter
        self.negatives = np.zeros((0, 2)) if negatives is None else np.asarray(negatives, dtype=np.float64)
        self.embedding = segmenter.set_image(image)

    def __call__(self, start: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """See `Region`.

        Raises:
            UserError: the drags are for an image of another size, or the segmenter sees nothing there.
        """
        if tuple(size) != tuple(self.size):
            raise UserError(f"region: its image is (height, width) = {self.size}, the drags are for {tuple(size)}.")
        points = np.concatenate([np.asarray(start)[None], self.negatives])
        labels = np.arange(len(points)) == 0
        answer = self.segmenter.predict(self.embedding, points=points, labels=labels.astype(int), multimask=None)
        mask = _piece_at((answer.upsample() > 0).cpu().numpy(), start)
        if not mask.any():
            raise UserError(
                f"region: the segmenter finds no object at (x, y) = {tuple(np.round(start, 1).tolist())}; start the "
                "drag nearer to the middle of the object, or use a box."
            )
        return mask.astype(np.float32)


def _piece_at(mask: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The connected piece of a mask that holds a place, holes filled; nothing if the place is off the mask."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    column, row = nearest_pixel(start, mask.shape)
    if not mask[row, column]:
        return np.zeros_like(mask)
    return binary_fill_holes(labels == labels[row, column])


def nearest_pixel(xy: np.ndarray, size: tuple[int, int]) -> tuple[int, int]:
    """(column, row) of the pixel that holds a place in the image."""
    height, width = size
    column, row = np.clip(np.floor(np.asarray(xy) + 0.5), 0, (width - 1, height - 1)).astype(int).tolist()
    return column, row


def squared_distance(xy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(height, width) float64: of every pixel's centre from a place, squared."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (columns - xy[0]) ** 2 + (rows - xy[1]) ** 2
