"""A batch out of nothing: what benchmarks and the tests of the configs feed to a model when no data set is there."""

from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn


def example_batch(
    model: nn.Module, *, size: tuple[int, int], count: int = 1, rng: np.random.Generator
) -> dict[str, Any]:
    """A collated batch (`inputs`, `data_samples`) that `model.data_preprocessor` accepts.

    A method whose inputs are not images has a method `example_batch(*, size, count, rng)` of its own, which is asked.

    Args:
        model: reads `num_classes` (default 2) and `ignore_index` (default 255) from it.
        size: (height, width).
        count: samples in the batch.
        rng: for the pixels and labels.
    """
    own = getattr(model, "example_batch", None)
    if own is not None:
        return own(size=size, count=count, rng=rng)
    samples = [segmentation_sample(model, size=size, index=index, rng=rng) for index in range(count)]
    images = [torch.from_numpy(rng.integers(0, 256, (3, *size), dtype=np.uint8)) for _ in range(count)]
    return {"inputs": {"image": images}, "data_samples": samples}


def segmentation_sample(
    model: nn.Module, *, size: tuple[int, int], index: int, rng: np.random.Generator
) -> SegDataSample:
    """A rectangle of class 1 on class 0 as dense truth, box and pseudo label; one pixel in ten as sparse label."""
    height, width = size
    truth = np.zeros((1, height, width), np.int64)
    truth[:, height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = 1
    seen = rng.random(truth.shape) < 0.1
    sparse = np.where(seen, truth, getattr(model, "ignore_index", 255))
    sample = SegDataSample(
        gt_sem_seg=PixelData(data=torch.from_numpy(truth)),
        sparse_sem_seg=PixelData(data=torch.from_numpy(sparse)),
        gt_mask=PixelData(data=torch.from_numpy(truth > 0)),
        box_sem_seg=PixelData(data=torch.from_numpy(truth)),
        pseudo_mask=PixelData(data=torch.from_numpy(truth.astype(np.float32))),
    )
    name = f"example_{index}"
    sample.set_metainfo(
        {"ori_shape": size, "img_shape": size, "sample_id": name, "img_path": f"{name}.png", "dataset": "example"}
    )
    return sample
