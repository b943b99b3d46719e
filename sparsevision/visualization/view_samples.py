"""Rendered views of a scene as pictures: what is there beside what a field shows."""

import numpy as np
from mmengine.structures import BaseDataElement
from numpy.typing import NDArray
from torch import Tensor

from sparsevision.visualization.drawing import draw_mask
from sparsevision.visualization.panels import heatmap_overlay


def draw_view_sample(
    sample: BaseDataElement, *, draw_gt: bool = True, draw_pred: bool = True
) -> dict[str, NDArray[np.uint8]]:
    """Panels (H,W,3) uint8 RGB by title, for `side_by_side`: a panel for each field that the sample has.

    Args:
        sample: `gt_view` and `pred_view` (3,H,W) in [0,1], `gt_mask` and `pred_mask` (H,W) bool, drawn on the view of
            their side or, without it, on the other's; `pred_disparity` (H,W), blue (far) to red (near).
        draw_gt: draw the truth.
        draw_pred: draw what was rendered.
    """
    found = {}
    for side, view, mask, wanted in (("gt", "truth", "true mask", draw_gt), ("pred", "rendered", "mask", draw_pred)):
        if wanted and f"{side}_view" in sample:
            found[view] = colours_of(sample.get(f"{side}_view"))
        if wanted and f"{side}_mask" in sample:
            below = sample.get(f"{side}_view", sample.get("gt_view", sample.get("pred_view")))
            found[mask] = draw_mask(colours_of(below), sample.get(f"{side}_mask").cpu().numpy())
    if draw_pred and "pred_disparity" in sample:
        disparity = sample.pred_disparity.detach().cpu().numpy()
        found["disparity"] = heatmap_overlay(np.zeros((*disparity.shape, 3), np.uint8), disparity, alpha=1.0)
    return found


def colours_of(view: Tensor) -> NDArray[np.uint8]:
    """(3,H,W) in [0,1] -> (H,W,3) uint8."""
    return (view.detach().float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
