"""Samples of point clouds as pictures: truth beside prediction, and the voxels that a network gets."""

from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.structures import BaseDataElement
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sparsevision.utils import UserError
from sparsevision.visualization.canvas import class_colours
from sparsevision.visualization.clouds import draw_cloud, draw_marked_cloud, draw_segmented_cloud
from sparsevision.visualization.events import draw_legend
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


def draw_voxel_inputs(inputs: Mapping[str, Tensor], *, voxel_size: float = SHOWN_VOXEL) -> NDArray[np.uint8]:
    """The voxels of one sample as the network gets them: `coords` (m,3) and `colours` (m,3), or two views of these;
    `voxel_size` in metres tells whether there is a ceiling to leave out.
    """
    endings = {"voxels": ""} if "coords" in inputs else {"view 1": "1", "view 2": "2"}
    panels = [
        draw_cloud(_array(inputs[f"coords{end}"]) * voxel_size, _array(inputs[f"colours{end}"]), size=PANEL)
        for end in endings.values()
    ]
    return side_by_side(panels, list(endings))


def draw_training_views(
    inputs: Mapping[str, Tensor],
    sample: BaseDataElement,
    *,
    names: Sequence[str],
    palette: ArrayLike | None = None,
    ignore_index: int = 255,
) -> NDArray[np.uint8]:
    """The two views of a training sample with a dot on each labelled voxel, above a legend of the labels' classes.

    Args:
        inputs: `coords1`, `colours1`, `coords2` and `colours2`, (m,3) each.
        sample: with `sparse_voxel_labels1` and `sparse_voxel_labels2`, (m,).
        names: of the classes.
        palette: (C,3) RGB; None chooses colours.
        ignore_index: label of voxels that have none.
    """
    palette = np.asarray(class_colours(len(names)) if palette is None else palette, dtype=np.uint8)
    panels, present = {}, set()
    for view in ("1", "2"):
        points = _array(inputs[f"coords{view}"]) * sample.get("voxel_size", SHOWN_VOXEL)
        labels = _array(sample.get(f"sparse_voxel_labels{view}"))
        known = labels[labels != ignore_index]
        title = f"view {view}: {len(known)} of {len(labels)} voxels labelled"
        panels[title] = draw_marked_cloud(
            points, _array(inputs[f"colours{view}"]), labels, palette=palette, ignore_index=ignore_index, size=PANEL
        )
        present |= set(known.tolist())
    row, shown = side_by_side(list(panels.values()), list(panels)), sorted(present)
    return np.vstack([row, draw_legend([names[index] for index in shown], palette[shown], width=row.shape[1])])


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
