"""What every drawing function stands on: an RGB copy to draw on, sizes that follow the image, colours for classes."""

import colorsys

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError

Colour = tuple[int, int, int]
FOREGROUND: Colour = (40, 200, 60)
BACKGROUND: Colour = (230, 50, 40)
MASK: Colour = (0, 212, 255)
BOX: Colour = (255, 210, 0)
GOLDEN_RATIO = 0.618034


def as_rgb(image: ArrayLike) -> NDArray:
    """A contiguous uint8 RGB copy (H,W,3) of a grey (H,W), (H,W,1), RGB or RGBA image; alpha is dropped.

    Raises:
        UserError: not uint8, another number of channels, or no pixels.
    """
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3, 4) or image.size == 0:
        raise UserError(f"an image to draw on must be uint8 (H,W), (H,W,1|3|4), got {image.dtype} {image.shape}.")
    if image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    return image[..., :3].copy()


def stroke_width(image: NDArray) -> int:
    """Width in pixels of a line that is visible on image (H,W,...): 1 up to 300 pixels, 3 at 1000."""
    return max(1, round(min(image.shape[:2]) / 300))


def point_radius(image: NDArray) -> int:
    """Radius in pixels of a visible dot on image (H,W,...): 1 up to 80 pixels, 12 at 1000."""
    return max(1, round(min(image.shape[:2]) * 0.012))


def class_colours(count: int) -> NDArray:
    """`count` colours that are easy to tell apart, (count,3) uint8 RGB; the same for every call."""
    hues = (np.arange(count) * GOLDEN_RATIO) % 1
    values = np.where(np.arange(count) % 2, 0.75, 1.0)
    colours = [colorsys.hsv_to_rgb(hue, 0.8, value) for hue, value in zip(hues, values, strict=True)]
    return np.round(np.array(colours, dtype=float).reshape(count, 3) * 255).astype(np.uint8)
