"""Write pictures as a GIF that runs again and again."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparsevision.utils import UserError, atomic_write

SUFFIX = ".gif"
COLOURS = 255


def write_gif(path: str | Path, frames: Iterable[NDArray[np.uint8]], *, fps: float) -> int:
    """Write a GIF in the best 255 colours of all frames together, and give the number of frames.

    The file appears when it is complete. A GIF counts time in hundredths of a second.

    Args:
        path: ends with .gif.
        frames: uint8 RGB (H,W,3), all of one size.
        fps: frames a second, 0.1 to 50.

    Raises:
        UserError: another suffix, fps outside of that, no frames, frames of several sizes, or the file cannot be
            written.
    """
    path, pictures = Path(path), list(frames)
    if path.suffix.lower() != SUFFIX:
        raise UserError(f"{path}: the name of a GIF must end with {SUFFIX}.")
    if not 0.1 <= fps <= 50:
        raise UserError(f"{path}: fps={fps}; expected 0.1 to 50 frames a second.")
    if not pictures or len({picture.shape for picture in pictures}) > 1:
        raise UserError(f"{path}: expected one frame or more, all of one size; got {len(pictures)}.")
    together = Image.fromarray(np.concatenate(pictures)).quantize(COLOURS, dither=Image.Dither.NONE)
    shown = [Image.fromarray(picture).quantize(palette=together) for picture in pictures]
    try:
        with atomic_write(path) as stream:
            shown[0].save(
                stream, format="GIF", save_all=True, append_images=shown[1:], loop=0, duration=round(1000 / fps)
            )
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another folder.") from error
    return len(shown)
