"""What selectors see: one vector an image, a first frame of a clip, or a pair of event grids."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from sparsevision.apis.features import image_features
from sparsevision.datasets.image_io import read_image
from sparsevision.datasets.video.clips import read_frames
from sparsevision.layers.efficientnet_lite0 import EfficientNetLite0

THUMBNAIL = 8
EVENT_CELLS = (6, 8)  # rows and columns of the raster that event grids are averaged over


def picture_features(files: Mapping[str, Path], *, features: str, cache: Path) -> np.ndarray:
    """Vectors (N, D) of image files, by name; `features` is one of `StudySettings`."""
    if features == "thumbnail":
        return np.stack([thumbnail(read_image(path)) for path in files.values()])
    return image_features(files, cache=cache)


def clip_features(paths: list[str], *, features: str) -> np.ndarray:
    """Vectors (N, D) of the first frames of clips."""
    describe: Callable[[np.ndarray], np.ndarray] = thumbnail
    if features != "thumbnail":
        describe = EfficientNetLite0(pretrained="efficientnet_lite0").pooled
    return np.stack([describe(read_frames(path, [0])[0]) for path in paths])


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Mean colours of 8 x 8 cells of an image (H, W, 3) in 0...255: float32 (192,) around 0."""
    small = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return small.reshape(-1).astype(np.float32) / 255 - 0.5


def event_features(dataset: Any) -> np.ndarray:
    """Mean size of the event grids over 6 x 8 cells, (N, D): where in the picture how much moves."""
    rows = []
    for index in range(len(dataset)):
        grids = torch.as_tensor(dataset[index]["inputs"]["events"]).float().abs().mean(dim=0)
        rows.append(F.adaptive_avg_pool2d(grids[None], EVENT_CELLS).flatten().numpy())
    return np.stack(rows)
