"""Heatmaps over images, and pictures side by side."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError
from sparsevision.visualization.canvas import as_rgb

GAP = 4
TITLE_HEIGHT = 22
MIN_PANEL = 96
INK = (30, 30, 30)


def heatmap_overlay(image: ArrayLike, heat: ArrayLike, *, alpha: float = 0.5, normalize: bool = True) -> NDArray:
    """Blend a heatmap over an image, blue (low) to red (high).

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        heat: (h,w) of any size, brought to the image's bilinearly; what is not finite counts as the lowest value.
        alpha: opacity.
        normalize: stretch the heat to its own range; else it must lie in [0, 1] and is clipped.

    Returns:
        uint8 RGB (H,W,3).

    Raises:
        UserError: heat is not a non-empty (h,w).
    """
    drawn = as_rgb(image)
    heat = _unit_range(np.asarray(heat, dtype=np.float64), normalize=normalize)
    heat = cv2.resize(heat, drawn.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    coloured = cv2.applyColorMap(np.rint(heat * 255).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    return np.rint((1 - alpha) * drawn + alpha * coloured).astype(np.uint8)


def _unit_range(heat: NDArray, *, normalize: bool) -> NDArray:
    if heat.ndim != 2 or heat.size == 0:
        raise UserError(f"a heatmap must be (h,w), got shape {heat.shape}.")
    known = np.isfinite(heat)
    low, high = (heat[known].min(), heat[known].max()) if known.any() else (0.0, 0.0)
    heat = np.where(known, heat, low)
    if normalize:
        heat = (heat - low) / (high - low) if high > low else np.zeros_like(heat)
    return heat.clip(0, 1)


def side_by_side(
    panels: Sequence[ArrayLike], titles: Sequence[str] | None = None, *, height: int | None = None
) -> NDArray:
    """Panels in a row on white, all of one height, with a title above each.

    Args:
        panels: uint8 (H,W,3), (H,W) or RGBA images of any sizes.
        titles: one for each panel; cut to its panel's width, characters outside ASCII become "?".
        height: of the panels in pixels; None takes that of the tallest, at least 96.

    Returns:
        uint8 RGB.

    Raises:
        UserError: no panels, or another number of titles.
    """
    if not panels:
        raise UserError("there are no panels to put side by side.")
    if titles is not None and len(titles) != len(panels):
        raise UserError(f"{len(panels)} panels but {len(titles)} titles.")
    pictures = [as_rgb(panel) for panel in panels]
    height = height or max(MIN_PANEL, *(picture.shape[0] for picture in pictures))
    pictures = [_to_height(picture, height) for picture in pictures]
    if titles is not None:
        pictures = [np.vstack([_title_bar(t, p.shape[1]), p]) for t, p in zip(titles, pictures, strict=True)]
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    row = [part for picture in pictures for part in (picture, gap)]
    return np.hstack(row[:-1])


def _to_height(picture: NDArray, height: int) -> NDArray:
    """Small pictures keep their pixels as squares, large ones are averaged."""
    rows, columns = picture.shape[:2]
    if rows == height:
        return picture
    size = (max(1, round(columns * height / rows)), height)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if height < rows else cv2.INTER_NEAREST)


def _title_bar(title: str, width: int) -> NDArray:
    bar = np.full((TITLE_HEIGHT, width, 3), 255, np.uint8)
    text = title.encode("ascii", "replace").decode()
    cv2.putText(bar, text, (2, TITLE_HEIGHT - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return bar
