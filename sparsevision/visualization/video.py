"""Write pictures as a video that browsers and players show."""

import importlib.util
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.utils import UserError, require

SUFFIX = ".mp4"
LEAST_FPS, MOST_FPS = 0.01, 1000


def write_video(path: str | Path, frames: Iterable[NDArray[np.uint8]], *, fps: float) -> int:
    """Write an MP4, and give the number of frames; H.264 if PyAV is installed (the extra `event`), else MPEG-4.

    The file appears when it is complete. Odd widths and heights get one more white column or row.

    Args:
        path: ends with .mp4.
        frames: uint8 RGB (H, W, 3), all of one size.
        fps: frames a second, 0.01 to 1000.

    Raises:
        UserError: another suffix, fps outside of that, no frames, frames of several sizes, or the file cannot be
            written.
    """
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise UserError(f"{path}: the name of a video must end with {SUFFIX}.")
    if not LEAST_FPS <= fps <= MOST_FPS:
        raise UserError(f"{path}: fps={fps}; expected {LEAST_FPS} to {MOST_FPS} frames a second.")
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise UserError(f"{path}: there are no frames to write.")
    codec = _h264 if importlib.util.find_spec("av") else _mpeg4
    with _complete(path) as temporary, codec(temporary, size=_even(first).shape[:2], fps=fps) as write:
        write(_even(first))
        count = 1
        for frame in frames:
            if frame.shape != first.shape:
                raise UserError(f"{path}: frame {count} is {frame.shape}, the first one {first.shape}.")
            write(_even(frame))
            count += 1
    return count


def _even(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = frame.shape[:2]
    return np.pad(frame, ((0, rows % 2), (0, columns % 2), (0, 0)), constant_values=255)


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place when the block ends without an error."""
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(8)}{SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if not temporary.is_file() or temporary.stat().st_size == 0:
            raise UserError(f"{path}: the video could not be written; is the disk full?")
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another folder.") from error
    finally:
        with suppress(OSError):  # the folder may not be one
            temporary.unlink()


@contextmanager
def _mpeg4(path: Path, *, size: tuple[int, int], fps: float) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size[::-1])
    if not writer.isOpened():
        raise UserError(f"{path}: OpenCV cannot write MPEG-4 here; pip install av for H.264.")
    try:
        yield lambda frame: writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()


@contextmanager
def _h264(path: Path, *, size: tuple[int, int], fps: float) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    av = require("av", extra="event", why="H.264 videos")
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000), options={"crf": "20"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"

        def write(frame: NDArray[np.uint8]) -> None:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))

        yield write
        container.mux(stream.encode())
