"""What a method that works in several passes saw and did in each: one column a pass."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError
from sparsevision.visualization.canvas import as_rgb
from sparsevision.visualization.drawing import draw_box, draw_mask, draw_points
from sparsevision.visualization.panels import heatmap_overlay, side_by_side

MAX_HEIGHT = 320


def draw_passes(
    image: ArrayLike, passes: Sequence[Any], *, chosen: int | None = None, height: int | None = None
) -> NDArray:
    """Heatmap with points and box above, mask below, one column for each pass.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        passes: mappings or objects with any of `heatmap` (h,w), (side^2,) or (side^2,1); `points` (n,2) pixels with
            `labels` (n,); `box` (x0,y0,x1,y1); `mask` (H,W) bool, probability. Arrays or tensors; None and missing
            ones are not drawn. `foreground`: the words asked for, for the title.
        chosen: index of the pass whose mask is the answer; its title says so.
        height: of one picture in pixels; None keeps the image's, up to 320.

    Returns:
        uint8 RGB.

    Raises:
        UserError: no passes, or a field of the wrong shape.
    """
    if not passes:
        raise UserError("there are no passes to draw.")
    height = height or min(np.asarray(image).shape[0], MAX_HEIGHT)
    titles = [_title(index, step, chosen=index == chosen) for index, step in enumerate(passes)]
    evidence = side_by_side([_draw_evidence(image, step) for step in passes], titles, height=height)
    masks = side_by_side([_draw_answer(image, step) for step in passes], height=height)
    return np.vstack([evidence, masks])


def _title(index: int, step: Any, *, chosen: bool) -> str:
    words = step.get("foreground") if isinstance(step, Mapping) else getattr(step, "foreground", None)
    asked = f": {', '.join(dict.fromkeys(words))}" if words else ""
    return f"{index}{' (chosen)' if chosen else ''}{asked}"


def _draw_evidence(image: ArrayLike, step: Any) -> NDArray:
    heatmap, points, labels, box = (_field(step, name) for name in ("heatmap", "points", "labels", "box"))
    drawn = as_rgb(image) if heatmap is None else heatmap_overlay(image, _square(heatmap))
    if points is not None and labels is not None:
        drawn = draw_points(drawn, points, labels)
    return drawn if box is None else draw_box(drawn, box)


def _draw_answer(image: ArrayLike, step: Any) -> NDArray:
    mask = _field(step, "mask")
    return as_rgb(image) if mask is None else draw_mask(image, mask)


def _square(heatmap: NDArray) -> NDArray:
    """Patch values (side^2,) or (side^2,1) as (side,side); a map (h,w) as it is."""
    if heatmap.ndim == 2 and heatmap.shape[1] > 1:
        return heatmap
    side = round(heatmap.size**0.5)
    if side * side != heatmap.size:
        raise UserError(f"a heatmap of patches must be square, got shape {heatmap.shape}.")
    return heatmap.reshape(side, side)


def _field(step: Any, name: str) -> NDArray | None:
    value = step.get(name) if isinstance(step, Mapping) else getattr(step, name, None)
    if value is None:
        return None
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
