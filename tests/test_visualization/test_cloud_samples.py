"""Samples of clouds in the Runner's visualiser: what is drawn, from where the points come."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from sparsevision.datasets.points.sample import PointSegSample
from sparsevision.datasets.points.scene import Scene, write_scene
from sparsevision.engine.hooks.visualization import VisualizationHook, input_picture, with_points
from sparsevision.utils import UserError
from sparsevision.visualization import SparseVisualizer
from sparsevision.visualization.cloud_samples import draw_cloud_sample, draw_training_views, draw_voxel_inputs

META = {"classes": ("dark", "bright"), "palette": [[200, 0, 0], [0, 0, 200]]}
GRID = (
    np.stack(np.meshgrid(np.arange(30), np.arange(20), [0], indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
)


def sample_of(**fields) -> PointSegSample:
    labels = torch.from_numpy((GRID[:, 0] > 15).astype(np.int64))
    sample = PointSegSample(metainfo={"scene": "a/b", "sample_id": "a_b"})
    sample.set_data({"pred_point_labels": labels, "points": torch.from_numpy(GRID / 20)} | fields)
    sample.set_data({"colours": torch.full((len(GRID), 3), 127.5)})
    return sample


def amount(picture, colour) -> int:
    return int((np.abs(picture.astype(int) - colour).max(axis=-1) < 30).sum())


def test_prediction_and_truth_have_a_panel_each():
    visualizer = SparseVisualizer()
    visualizer.dataset_meta = META
    predicted = visualizer.draw_sample(None, sample_of())
    both = visualizer.draw_sample(None, sample_of(gt_point_labels=torch.zeros(len(GRID), dtype=torch.int64)))
    assert amount(predicted, [0, 0, 200]) > 1000 < amount(predicted, [200, 0, 0])
    assert amount(both, [200, 0, 0]) > 2.5 * amount(predicted, [200, 0, 0])
    assert both.shape[1] > 1.4 * predicted.shape[1]


def test_truth_without_labels_is_not_drawn():
    sample = sample_of(gt_point_labels=torch.full((len(GRID),), 255))
    options = {"names": META["classes"], "palette": META["palette"]}
    np.testing.assert_array_equal(draw_cloud_sample(sample, **options), draw_cloud_sample(sample_of(), **options))


def test_labels_of_original_points_come_back_to_the_thinned_ones():
    """Each point has two originals, of which the first counts."""
    labels = sample_of().pred_point_labels
    thinned = sample_of(
        pred_point_labels=torch.cat([labels, 1 - labels]),
        original_to_point=torch.arange(len(GRID)).repeat(2),
    )
    options = {"names": META["classes"], "palette": META["palette"]}
    np.testing.assert_array_equal(draw_cloud_sample(thinned, **options), draw_cloud_sample(sample_of(), **options))


def test_a_sample_without_points_says_what_to_do():
    sample = PointSegSample(metainfo={"scene": "a/b"})
    with pytest.raises(UserError, match=r"a/b: .* keep_points=True"):
        draw_cloud_sample(sample, names=META["classes"])


def test_the_hook_finds_the_points_in_the_scene(tmp_path):
    write_scene(tmp_path / "scene", Scene(coord=GRID / 20, color=np.full(GRID.shape, 127, np.uint8)))
    sample = PointSegSample(metainfo={"sample_id": "a_b", "scene": "a/b", "scene_dir": str(tmp_path / "scene")})
    sample.pred_point_labels = sample_of().pred_point_labels
    visualizer = SparseVisualizer()
    visualizer.dataset_meta = META
    hook = VisualizationHook(draw=True, out_dir=str(tmp_path / "shown"))
    hook.after_test_iter(SimpleNamespace(visualizer=visualizer, iter=0), 0, {"inputs": {}}, [sample])
    picture = cv2.imread(str(tmp_path / "shown" / "a_b.png"))[..., ::-1]
    assert amount(picture, [0, 0, 200]) > 1000
    assert "points" not in sample
    assert len(with_points(sample).points) == len(GRID)


@pytest.mark.parametrize("views", [("",), ("1", "2")])
def test_voxels_of_one_view_and_of_two(views):
    inputs = {f"coords{view}": torch.from_numpy(GRID).long() for view in views}
    inputs |= {f"colours{view}": torch.full((len(GRID), 3), 50.0) for view in views}
    picture = draw_voxel_inputs(inputs)
    np.testing.assert_array_equal(picture, input_picture(inputs, PointSegSample()))
    assert (picture.shape[1] > 1.5 * PANEL_WIDTH) == (len(views) == 2)


PANEL_WIDTH = 560


def test_each_labelled_voxel_of_a_training_view_has_a_dot_in_its_class_colour():
    """Two of view 1, one of view 2; the others have none."""
    inputs = {f"coords{view}": torch.from_numpy(GRID).long() for view in "12"}
    inputs |= {f"colours{view}": torch.full((len(GRID), 3), 100.0) for view in "12"}
    labels = torch.full((2, len(GRID)), 255)
    labels[0, 50], labels[0, 500], labels[1, 300] = 0, 1, 1
    sample = PointSegSample(metainfo={"voxel_size": 0.1})
    sample.set_data({"sparse_voxel_labels1": labels[0], "sparse_voxel_labels2": labels[1]})
    picture = draw_training_views(inputs, sample, names=META["classes"], palette=META["palette"])
    views = picture[:-30]
    half = views.shape[1] // 2
    red, blue = (np.abs(views.astype(int) - colour).max(axis=-1) < 30 for colour in META["palette"])
    assert red[:, :half].sum() > 50 < blue[:, :half].sum()
    assert red[:, half:].sum() == 0
    assert 50 < blue[:, half:].sum() < 300


def test_a_label_under_the_ceiling_and_one_on_it_are_both_seen():
    x, y, z = (axis.ravel() for axis in np.meshgrid(range(40), range(30), range(25), indexing="ij"))
    shell = np.stack([x, y, z], axis=1)[(x % 39 == 0) | (y % 29 == 0) | (z % 24 == 0)]
    inputs = {f"coords{view}": torch.from_numpy(shell) for view in "12"}
    inputs |= {f"colours{view}": torch.full(shell.shape, 100.0) for view in "12"}
    labels = np.full(len(shell), 255)
    labels[(shell == (20, 15, 0)).all(axis=1)], labels[(shell == (20, 15, 24)).all(axis=1)] = 0, 1
    sample = PointSegSample(metainfo={"voxel_size": 0.1})
    sample.set_data({f"sparse_voxel_labels{view}": torch.from_numpy(labels) for view in "12"})
    picture = draw_training_views(inputs, sample, names=META["classes"], palette=META["palette"])[:-30]
    assert amount(picture, META["palette"][0]) > 100 < amount(picture, META["palette"][1])
