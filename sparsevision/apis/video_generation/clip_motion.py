"""The motion of a clip, for video-to-video: its first frame is drawn anew, and stage 2 moves it as the clip moves."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.video.clips import BrokenClip, frame_indices, probe_clip, read_frames
from sparsevision.layers.optical_flow import Extractor
from sparsevision.utils import UserError

LONGEST_SIDE = 512  # of frames whose flow is looked for


def clip_motion(
    path: str | Path, *, fields: int, extractor: Extractor, stride: int = 1, start: float = 0.0
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """First frame, uint8 RGB (H,W,3), and flow (F,2,H,W) in its pixels from it to each of the `fields` frames after it.

    Args:
        path: a video, or a folder of images in the order of their names.
        fields: F.
        extractor: see `flow_extractor`.
        stride: frames of the clip from one to the next; fewer where the clip is too short for that.
        start: 0...1, of the first frame among those that leave room for the others.

    Raises:
        BrokenClip: no such file, no video, or a damaged one.
        UserError: fewer frames than are needed.
    """
    length = probe_clip(path).frames
    if length < fields + 1:
        raise UserError(f"{path}: holds {length} frames, and the model makes {fields + 1}; give a longer clip.")
    frames = read_frames(path, frame_indices(length, frames=fields + 1, stride=stride, start=start))
    height, width = frames.shape[1:3]
    shrink = min(1, LONGEST_SIDE / max(height, width))
    if shrink < 1:
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        frames = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
    flow = extractor(frames)
    if not np.isfinite(flow).all():
        raise BrokenClip(f"{path}: the extractor finds motion that is no number in it; take another one.")
    return frames[0], flow
