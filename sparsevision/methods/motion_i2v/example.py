"""Random clips with everything a sample can carry: for benchmarks and the tests of configs."""

from typing import Any

import numpy as np
import torch

from sparsevision.datasets.video.sample import VideoSample

LARGEST_STEP = 1.0  # pixels a frame


def example_clips(*, size: tuple[int, int], count: int, frames: int, rng: np.random.Generator) -> dict[str, Any]:
    """{"inputs": {"video": [...]}, "data_samples": [...]} of clips with 1 + `frames` frames of (height, width) `size`.

    One rectangle of each moves evenly; the rest is still.
    """
    shape = (3, 1 + frames, *size)
    videos = [torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8)) for _ in range(count)]
    return {
        "inputs": {"video": videos},
        "data_samples": [_sample(index, video, frames, size, rng) for index, video in enumerate(videos)],
    }


def _sample(
    index: int, video: torch.Tensor, frames: int, size: tuple[int, int], rng: np.random.Generator
) -> VideoSample:
    height, width = size
    objects = torch.zeros(size, dtype=torch.int64)
    objects[height // 4 : height // 2, width // 4 : width // 2] = 1
    step = torch.from_numpy(rng.uniform(-LARGEST_STEP, LARGEST_STEP, 2).astype(np.float32))
    moved = step * torch.arange(1, frames + 1)[:, None]
    start = torch.tensor([[3 * width // 8, 3 * height // 8]], dtype=torch.float32)
    offsets = tuple(range(1, frames + 1))
    return VideoSample(
        metainfo={"sample_id": f"example_{index}", "prompt": "a box moves", "offsets": offsets, "ori_shape": size},
        gt_video=video.float() / 255,
        gt_flow=moved[:, :, None, None] * (objects > 0),
        gt_visible=torch.ones(frames, *size, dtype=torch.bool),
        objects=objects,
        starts=start,
        tracks=start + moved[:, None],
    )
