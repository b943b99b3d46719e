"""From heatmaps and masks to what SAM is asked: points and a box. Coordinates are (x,y) pixels, x to the right."""

import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.methods.gensam.heatmap import as_tensor, min_max, square_side
from sparsevision.utils import UserError, did_you_mean

Box = tuple[int, int, int, int]
BOX_MARGIN = 0.1
BOX_COMPONENTS = ("largest", "union")
NOTABLE_SHARE = 0.1  # of the largest component's area: smaller ones are specks to "union"


def points_from_heatmap(
    heatmap: Tensor | np.ndarray, *, image_size: tuple[int, int], threshold: float = 0.9, down_sample: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """The hottest cells as positive points and as many of the coldest as negative ones.

    Args:
        heatmap: (side²,) or (side²,1) patch values of a square grid.
        image_size: (height, width) in pixels of the image that the points are for.
        threshold: a cell is positive from this value on, after min-max; at most half of the cells are.
        down_sample: the grid is resized to int(side // down_sample) cells a side; 0.5 doubles it.

    Returns:
        xy (n,2) int64 inside the image and labels (n,) int64 in {1,0}: positives first, then negatives, both in
        ascending order of value, equal values in grid order. A constant heatmap gives no point.
    """
    values = as_tensor(heatmap).detach().float().cpu().flatten()
    side = square_side(len(values))
    cells = int(side // down_sample)
    if cells < 1:
        raise UserError(
            f"down_sample={down_sample} leaves no cell of a grid of {side} a side; it must be at most {side}."
        )
    grid = F.interpolate(values.view(1, 1, side, side), size=(cells, cells), mode="bilinear", align_corners=False)
    values, order = min_max(grid.flatten()).sort(stable=True)
    count = min(int((values >= threshold).sum()), len(order) // 2)
    chosen = torch.cat([order[len(order) - count :], order[:count]]).numpy()
    labels = np.repeat(np.array([1, 0], np.int64), count)
    return _cell_centres(chosen, cells, image_size), labels


def _cell_centres(cells: np.ndarray, side: int, image_size: tuple[int, int]) -> np.ndarray:
    """Centres (n,2) of grid cells in whole pixels, cut off at the last pixel."""
    height, width = image_size
    x = np.minimum((cells % side + 0.5) * width / side, width - 1)
    y = np.minimum((cells // side + 0.5) * height / side, height - 1)
    return np.stack([x, y], axis=-1).astype(np.int64)


def box_from_mask(
    mask: Tensor | np.ndarray, *, clip: bool = False, components: str = "largest", symmetric: bool = False
) -> Box:
    """Box around a mask, grown by about a tenth.

    Args:
        mask: (H,W) bool.
        clip: cut the grown box off at the image border; the published code does not, so corners may be negative.
        components: "largest" takes the connected part with the largest bounding rectangle (published); "union" the
            rectangle around all parts but specks (under a tenth of the largest part's area).
        symmetric: grow both sides by a tenth of the tight box. The published code measures the second side after the
            first has moved, so right and bottom grow by about 11 %.

    Returns:
        Ints x0, y0, x1, y1; the whole image (0, 0, W, H) when the mask is empty.
    """
    mask = np.ascontiguousarray(mask.detach().cpu().numpy() if isinstance(mask, Tensor) else mask)
    if mask.ndim != 2:
        raise UserError(f"a mask must be (H,W), got shape {mask.shape}.")
    height, width = mask.shape
    check_components(components)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return 0, 0, width, height
    left, top, right, bottom = _tight_box(contours, components)
    x0, x1 = _grow(left, right, symmetric)
    y0, y1 = _grow(top, bottom, symmetric)
    if clip:
        return max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    return x0, y0, x1, y1


def check_components(components: str) -> None:
    """Raise UserError unless `components` names a way to choose the parts of a mask."""
    if components not in BOX_COMPONENTS:
        raise UserError(
            f"Unknown box_components '{components}': expected one of {', '.join(BOX_COMPONENTS)}."
            f"{did_you_mean(components, BOX_COMPONENTS)}"
        )


def _tight_box(contours: tuple[np.ndarray, ...], components: str) -> Box:
    rectangles = np.array([cv2.boundingRect(contour) for contour in contours])
    if components == "largest":
        kept = rectangles[[(rectangles[:, 2] * rectangles[:, 3]).argmax()]]
    else:
        areas = np.array([cv2.contourArea(contour) for contour in contours])
        kept = rectangles[areas >= NOTABLE_SHARE * areas.max()]
    low, high = kept[:, :2].min(axis=0), (kept[:, :2] + kept[:, 2:]).max(axis=0)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _grow(low: int, high: int, symmetric: bool) -> tuple[int, int]:
    moved = low - math.floor(BOX_MARGIN * (high - low))
    return moved, high + math.ceil(BOX_MARGIN * (high - (low if symmetric else moved)))
