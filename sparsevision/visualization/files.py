"""Write pictures so that a failure is heard: OpenCV's own writer returns False and goes on."""

from pathlib import Path

import cv2
from numpy.typing import NDArray

from sparsevision.utils import UserError, atomic_write

SUFFIXES = (".png", ".jpg", ".jpeg")


def write_image(path: str | Path, image: NDArray) -> Path:
    """Write a picture, making its folder; returns the path.

    Args:
        path: ends with .png (lossless: masks) or .jpg.
        image: uint8 (H,W) grey or (H,W,3) RGB.

    Raises:
        UserError: another suffix, not a uint8 picture, or the file cannot be written (disk full, no permission).
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: the name of a picture must end with one of {', '.join(SUFFIXES)}.")
    if image.dtype != "uint8" or image.ndim not in (2, 3) or image.size == 0:
        raise UserError(f"{path}: a picture must be uint8 (H,W) or (H,W,3), got {image.dtype} {image.shape}.")
    encoded = cv2.imencode(path.suffix, image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    try:
        with atomic_write(path) as stream:
            stream.write(encoded.tobytes())
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); free some space or choose another folder."
        ) from error
    return path
