"""Samples of point clouds as pictures: truth beside prediction, and the voxels that a network gets."""

from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.structures import BaseDataElement
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sparsevision.utils import UserError
from sparsevision.visualization.canvas import class_colours
from sparsevision.visualization.clouds import draw_cloud, draw_segmented_cloud
from sparsevision.visualization.panels import side_by_side

SHOWN_VOXEL = 0.05  # metres for which a voxel is taken where nothing says how large it is
PANEL = (420, 560)


def draw_cloud_sample(
    sample: BaseDataElement,
    *,
    names: Sequence[str],
    palette: ArrayLike | None = None,
    draw_gt: bool = True,
    draw_pred: bool = True,
    ignore_index: int = 255,
) -> NDArray[np.uint8]:
    """Colours, truth and prediction of a cloud side by side, above a legend.

    Args:
        sample: with `points` (n,3) and `colours` (n,3); `gt_point_labels` and `pred_point_labels` (N,) are drawn if it
            has them. Where the set was thinned, `original_to_point` (N,) leads to the points.
        names: of the classes.
        palette: (C,3) RGB; None chooses colours.
        draw_gt: draw the truth, unless it is all ignored.
        draw_pred: draw the prediction.
        ignore_index: label of what has no class.

    Raises:
        UserError: the sample has no points, or labels of another length.
    """
    if "points" not in sample or "colours" not in sample:
        raise UserError(
            f"{sample.get('scene', 'a scene')}: the sample does not carry its points, so nothing can be drawn. Set "
            "keep_points=True of PackPointInputs in the pipeline."
        )
    wanted = {"truth": ("gt_point_labels", draw_gt), "prediction": ("pred_point_labels", draw_pred)}
    labels = {
        title: _of_points(sample, field, ignore_index)
        for title, (field, asked) in wanted.items()
        if asked and field in sample
    }
    if "truth" in labels and (labels["truth"] == ignore_index).all():
        del labels["truth"]
    palette = class_colours(len(names)) if palette is None else palette
    points, colours = _array(sample.points), _array(sample.colours)
    return draw_segmented_cloud(
        points, colours, labels, names=names, palette=palette, ignore_index=ignore_index, size=PANEL
    )


def draw_voxel_inputs(inputs: Mapping[str, Tensor]) -> NDArray[np.uint8]:
    """The voxels of one sample as the network gets them: `coords` (m,3) and `colours` (m,3), or two views of these."""
    endings = {"voxels": ""} if "coords" in inputs else {"view 1": "1", "view 2": "2"}
    panels = [
        draw_cloud(_array(inputs[f"coords{end}"]) * SHOWN_VOXEL, _array(inputs[f"colours{end}"]), size=PANEL)
        for end in endings.values()
    ]
    return side_by_side(panels, list(endings))


def _of_points(sample: BaseDataElement, field: str, ignore_index: int) -> NDArray[np.int64]:
    labels = _array(sample.get(field)).astype(np.int64)
    if "original_to_point" not in sample:
        return labels
    row = _array(sample.original_to_point)
    thinned = np.full(len(sample.points), ignore_index, dtype=np.int64)
    thinned[row[::-1]] = labels[::-1]  # of several, the first one's stays
    return thinned


def _array(values: Tensor | NDArray) -> NDArray:
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
