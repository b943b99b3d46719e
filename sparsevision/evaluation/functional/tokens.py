"""Where the tokens of an encoder lie, and do those that it keeps cover the objects? Level after level, rows first."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def token_centres(
    shapes: Sequence[tuple[int, int]], strides: Sequence[int], *, device: torch.device | str | None = None
) -> Tensor:
    """(N,2) float32 as (x, y): where the tokens of levels of size [(h, w), ...] stand in pixels of the padded input."""
    levels = []
    for (height, width), stride in zip(shapes, strides, strict=True):
        rows, columns = (torch.arange(n, device=device) * stride + stride // 2 for n in (height, width))
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        levels.append(torch.stack([x, y], -1).flatten(0, 1))
    return torch.cat(levels).float()


def covered_objects(
    boxes: NDArray, kept: NDArray, *, shapes: Sequence[tuple[int, int]], strides: Sequence[float]
) -> NDArray[np.bool_]:
    """Which objects a set of kept tokens covers, (M,) bool.

    A token covers an object if its centre lies in the object's box. Boxes may be smaller than the gaps between centres,
    so the token of the finest level whose cell holds the box's centre covers it as well.

    Args:
        boxes: (M,4) edges (x0, y0, x1, y1) in pixels of the network's input.
        kept: (k,) indices of tokens, over all levels.
        shapes: (height, width) of each level, the finest first.
        strides: pixels between the tokens of each level.
    """
    boxes, kept = np.asarray(boxes, dtype=np.float64).reshape(-1, 4), np.asarray(kept, dtype=np.int64)
    x, y = token_centres(shapes, strides).numpy()[kept].T
    x0, y0, x1, y1 = boxes.T[..., None]
    inside = ((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)).any(axis=1)
    height, width = shapes[0]
    columns, rows = (((boxes[:, :2] + boxes[:, 2:]) / 2) // strides[0]).astype(np.int64).T
    middle = np.clip(rows, 0, height - 1) * width + np.clip(columns, 0, width - 1)
    return inside | np.isin(middle, kept)
