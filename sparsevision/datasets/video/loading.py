"""The beginning of a video pipeline: frames of a clip, and its flow."""

import warnings
from pathlib import Path

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from sparsevision.annotation import npz
from sparsevision.annotation.files import read_bytes
from sparsevision.annotation.formats.values import blame
from sparsevision.datasets.video.clips import BrokenClip, frame_indices, probe_clip, read_frames
from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

MAX_TRUTH_BYTES = 2**30


@TRANSFORMS.register_module()
class LoadClip(BaseTransform):
    """`video_path` -> `video` uint8 RGB (F,H,W,3), `indices` (F,) and `offsets` float32 (F-1,), counted from the first.

    The whole frame is resized to `size`, without keeping its shape, as in Motion-I2V's training.

    Args:
        frames: F.
        stride: frames of the file from one to the next, or a range (low, high) to draw it from; shorter clips are read
            more densely.
        size: (height, width) in pixels; None leaves frames as they are.
        random_start: begin anywhere in the clip, else at its first frame.
        broken: "error", or "skip": a clip that cannot be decoded is named in a warning, once, counted in
            `broken_paths`, and the pipeline gives nothing for it, so that the data set draws another sample.

    Raises:
        UserError: bad arguments; with broken="error" a clip that cannot be decoded.
    """

    def __init__(
        self,
        *,
        frames: int = 16,
        stride: int | tuple[int, int] = 8,
        size: tuple[int, int] | None = None,
        random_start: bool = True,
        broken: str = "error",
    ) -> None:
        if broken not in ("error", "skip"):
            raise UserError(f"LoadClip: broken is 'error' or 'skip', got '{broken}'.")
        self.strides = (stride, stride) if isinstance(stride, int) else tuple(stride)
        frame_indices(1, frames=frames, stride=self.strides[0])
        if len(self.strides) != 2 or self.strides[0] > self.strides[1]:
            raise UserError(f"LoadClip: stride={stride}; expected a number of frames, or a range (low, high) of it.")
        self.frames = frames
        self.size = None if size is None else tuple(size)
        self.random_start, self.broken = random_start, broken
        self.broken_paths: set[str] = set()

    def transform(self, results: dict) -> dict | None:
        """See the class."""
        path = results["video_path"]
        start = np.random.random() if self.random_start else 0.0  # noqa: NPY002 (seeded by SeededDataset)
        stride = np.random.randint(self.strides[0], self.strides[1] + 1)  # noqa: NPY002
        try:
            length = probe_clip(path).frames
            indices = frame_indices(length, frames=self.frames, stride=stride, start=start)
            video = read_frames(path, indices)
        except BrokenClip as error:
            if self.broken == "error":
                raise
            if path not in self.broken_paths:
                self.broken_paths.add(path)
                warnings.warn(
                    f"LoadClip: broken clip number {len(self.broken_paths)} is skipped: {error}", stacklevel=2
                )
            return None
        if self.size is not None:
            video = np.stack([cv2.resize(frame, self.size[::-1], interpolation=cv2.INTER_AREA) for frame in video])
        offsets = (indices[1:] - indices[0]).astype(np.float32)
        return results | {"video": video, "indices": indices, "offsets": offsets}


@TRANSFORMS.register_module()
class LoadClipTruth(BaseTransform):
    """`truth_path` -> `flow` float32 (F-1,2,H,W) in pixels of `video`, from its first frame to each later one.

    Also, where the file has them: `visible` bool (F-1,H,W), `objects` uint8 (H,W), `centres` float32 (things,F,2), and
    `offsets` (F-1,), frame numbers of the video that the clip was taken from. The file is an .npz with these arrays,
    flow being of every later frame of the clip; see `write_moving_shapes` and `prepare_clips`.

    Raises:
        UserError: no truth, a file that cannot be read, or one that does not fit the clip (another size, another first
            frame than 0, too few frames).
    """

    def transform(self, results: dict) -> dict:
        """See the class."""
        path = results.get("truth_path")
        if path is None:
            raise UserError(f"{results['video_path']}: has no file of truth; give the data set its folder `truth`.")
        data = read_bytes(Path(path), max_bytes=MAX_TRUTH_BYTES)
        with blame(path):
            truth = npz.unpack_arrays(data, max_bytes=MAX_TRUTH_BYTES)
        indices, size = results["indices"], results["video"].shape[1:3]
        flow = truth.get("flow")
        if flow is None or flow.ndim != 4 or flow.shape[1:] != (2, *size):
            found = "none" if flow is None else flow.shape
            raise UserError(f"{path}: expected `flow` of shape (frames - 1, 2, {size[0]}, {size[1]}), got {found}.")
        if indices[0] != 0 or indices[-1] > len(flow):
            raise UserError(
                f"{path}: holds flow from frame 0 to 1...{len(flow)}, the clip is read from frame {indices[0]} to "
                f"{indices[-1]}; give LoadClip random_start=False and a stride that fits."
            )
        steps = indices[1:] - 1
        found = {"flow": np.where((indices[1:] > 0)[:, None, None, None], flow[steps], 0).astype(np.float32)}
        found |= {name: truth[name][steps] for name in ("visible", "offsets") if name in truth}
        if "centres" in truth:
            found["centres"] = truth["centres"][:, indices]
        return results | found | {name: truth[name] for name in ("objects",) if name in truth}
