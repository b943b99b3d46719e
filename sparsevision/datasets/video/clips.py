"""Clips from files: a video (PyAV) or a folder of images in the order of their names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.image_io import IMAGE_SUFFIXES, image_files, image_size, read_image
from sparsevision.utils import UserError, require

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".gif")


class BrokenClip(UserError):
    """A clip that cannot be read, or ends too early."""


@dataclass(frozen=True)
class ClipInfo:
    """What a clip says of itself: frames, size in pixels, frames a second (None for a folder of images)."""

    frames: int
    height: int
    width: int
    fps: float | None


def probe_clip(path: str | Path) -> ClipInfo:
    """What a clip holds, by its header and its packets; only the first frame is decoded.

    Raises:
        BrokenClip: not there, no video, no frames, or the first frame cannot be decoded.
        ImportError: PyAV is not installed, and the clip is no folder.
    """
    path = Path(path)
    if path.is_dir():
        images = _images(path)
        return ClipInfo(len(images), *_size_of(images[0]), None)
    with _opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        frames = stream.frames or sum(packet.size > 0 for packet in _packets_from_start(container, stream))
        if first is None or not frames:
            raise BrokenClip(f"{path}: holds no frame that can be decoded.")
        rate = stream.average_rate
        return ClipInfo(frames, first.height, first.width, None if rate is None else float(rate))


def read_frames(path: str | Path, indices: Sequence[int]) -> NDArray[np.uint8]:
    """Frames of a clip by their numbers, uint8 RGB (n,H,W,3); they may repeat, and need no order.

    Raises:
        BrokenClip: a frame is not there or damaged, or frames differ in size; says which.
        ImportError: PyAV is not installed, and the clip is no folder.
    """
    path, indices = Path(path), [int(index) for index in indices]
    if not indices or min(indices) < 0:
        raise UserError(f"{path}: expected numbers of frames from 0, got {indices}.")
    found = dict(_from_folder(path, indices) if path.is_dir() else _from_video(path, indices))
    missing = [index for index in indices if index not in found]
    if missing:
        raise BrokenClip(f"{path}: frame {missing[0]} is not there; it ends early, or the file is cut off.")
    if len({frame.shape for frame in found.values()}) > 1:
        raise BrokenClip(f"{path}: its frames are of several sizes.")
    return np.stack([found[index] for index in indices])


def frame_indices(length: int, *, frames: int, stride: int, start: float = 0.0) -> NDArray[np.int64]:
    """Numbers of `frames` frames, `stride` apart, or closer where the clip is too short; Motion-I2V's rule.

    Args:
        length: frames of the clip.
        start: 0...1, of the first frame among those that leave room for the others.

    Raises:
        UserError: fewer than one frame or stride, or an empty clip.
    """
    if length < 1 or frames < 1 or stride < 1 or not 0 <= start <= 1:
        raise UserError(
            f"expected length, frames and stride of 1 or more and start in [0, 1], got {length}, {frames}, {stride}, "
            f"{start}."
        )
    span = min(length, (frames - 1) * stride + 1)
    first = min(int(start * (length - span + 1)), length - span)
    return np.linspace(first, first + span - 1, frames).astype(np.int64)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first video stream; errors of PyAV become `BrokenClip`."""
    av = require("av", extra="video", why="Reading videos")
    if not path.is_file():
        raise BrokenClip(f"{path}: there is no such file.")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BrokenClip(f"{path}: holds no video.")
            yield container, container.streams.video[0]
    except (av.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise BrokenClip(f"{path}: cannot be read as a video ({_reason(error)}).") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).splitlines()[0]


def _packets_from_start(container: Any, stream: Any) -> Iterator[Any]:
    container.seek(0)
    return container.demux(stream)


def _from_video(path: Path, indices: Sequence[int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    wanted, last = set(indices), max(indices)
    with _opened(path) as (container, stream):
        for number, frame in enumerate(container.decode(stream)):
            if number in wanted:
                yield number, frame.to_ndarray(format="rgb24")
            if number == last:
                return


def _from_folder(path: Path, indices: Sequence[int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    images = _images(path)
    for number in sorted(set(indices)):
        if number < len(images):
            try:
                yield number, read_image(images[number])
            except UserError as error:
                raise BrokenClip(str(error)) from error


def _images(folder: Path) -> list[Path]:
    images = image_files(folder)
    if not images:
        raise BrokenClip(f"{folder}: holds no image ({', '.join(IMAGE_SUFFIXES)}).")
    return images


def _size_of(image: Path) -> tuple[int, int]:
    try:
        return image_size(image)
    except UserError as error:
        raise BrokenClip(str(error)) from error
