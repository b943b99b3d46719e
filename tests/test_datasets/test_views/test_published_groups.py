"""The rays of each published stage, on the golden scene: which pixels, what is known of them, which key points."""

import numpy as np
import pytest
import torch

from sparsevision.datasets import SceneRays
from sparsevision.utils import UserError

FINAL = {
    "background": {"rays": 400, "where": "background"},
    "reference": {"rays": 400, "where": "reference"},
    "hole": {"rays": 400, "where": "hole"},
    "keypoints": {"rays": 400},
    "patches": {"count": 4, "stride": 1, "divisor": 4, "aligned": False},
}


def final_stage(root, **options) -> SceneRays:
    settings = {"groups": FINAL, "images": "lama_images", "disparities": "depth", "dilate": 5, "preset": "published"}
    return SceneRays(data_root=str(root), factor=4, **settings | options)


def directions_of(places: np.ndarray, golden: dict) -> np.ndarray:
    """Of rays through (view, row, column), by the formula: integer pixel centres, not normalised."""
    view, row, column = places
    poses = golden["poses"][view]
    height, width, focal = golden["poses"][0, :, 4]
    local = np.stack([(column - width / 2) / focal, -(row - height / 2) / focal, -np.ones(len(row))], axis=-1)
    return (local[:, None, :] * poses[:, :, :3]).sum(-1)


@pytest.mark.parametrize(
    ("group", "kind"),
    [("background", lambda mask: mask == 0), ("reference", lambda mask: mask == 1), ("hole", lambda mask: mask != 0)],
)
def test_the_final_field_learns_from_the_masks_of_the_release(scene_folder, golden_scene, group, kind):
    """Golden masks are negated in all views but the reference, and -1 in the view without a label."""
    dataset, masks = final_stage(scene_folder), golden_scene["inpaint_lpips_masks"]
    rays = dataset.groups[group]
    np.testing.assert_array_equal(rays.places, np.flatnonzero(kind(masks)))
    drawn = rays.draw(np.random.default_rng(0))
    chosen = rays.places[np.random.default_rng(0).integers(len(rays.places), size=400)]
    places = np.unravel_index(chosen, masks.shape)
    np.testing.assert_allclose(drawn["rays"][:, 3:], directions_of(places, golden_scene), atol=1e-5)
    np.testing.assert_allclose(drawn["rays"][:, :3], golden_scene["poses"][places[0], :, 3], atol=1e-5)
    np.testing.assert_allclose(drawn["colour"] * 255, golden_scene["images_inpainted"][places], atol=1e-4)
    np.testing.assert_allclose(drawn["disparity"], golden_scene["disparity_prior"][places], atol=1e-6)


def test_the_final_field_learns_from_key_points_off_the_masks(scene_folder, golden_scene):
    views = np.repeat(np.arange(9), golden_scene["depth_counts"])
    column, row = np.floor(golden_scene["depth_xy"]).astype(int).T
    masks = golden_scene["inpaint_lpips_masks"]
    kept = masks[views, row.clip(0, masks.shape[1] - 1), column.clip(0, masks.shape[2] - 1)] == 0
    points = final_stage(scene_folder).groups["keypoints"]
    np.testing.assert_array_equal(points.view, views[kept])
    np.testing.assert_allclose(points.xy, golden_scene["depth_xy"][kept], atol=1e-4)
    np.testing.assert_allclose(points.depth, golden_scene["depth_values"][kept], rtol=1e-6)
    assert 0 < kept.sum() < len(kept)


def test_the_field_of_masks_learns_labels_as_they_are(scene_folder, golden_scene):
    groups = {"labels": {"rays": 400, "where": "labelled"}, "colours": {"rays": 8, "where": "all"}}
    dataset = final_stage(scene_folder, groups=groups, images=None, disparities=None, dilate=0)
    rays, labels = dataset.groups["labels"], golden_scene["labels"]
    known = np.array([kind != "missing" for kind in golden_scene["image_kinds"]])
    np.testing.assert_array_equal(np.unique(rays.places // labels[0].size), np.flatnonzero(known))
    chosen = rays.places[np.random.default_rng(3).integers(len(rays.places), size=400)]
    expected = (labels > 0).astype(np.float32).ravel()[chosen]
    assert torch.equal(rays.draw(np.random.default_rng(3))["label"], torch.from_numpy(expected))
    assert len(dataset.groups["colours"].places) == labels.size


def test_patches_come_from_every_view_with_a_mask(scene_folder, golden_scene):
    ranges = final_stage(scene_folder).groups["patches"].ranges
    masks = golden_scene["inpaint_lpips_masks"]
    assert set(ranges) == {view for view, mask in enumerate(masks) if mask.any()}


def test_without_the_label_of_the_reference_the_release_would_break_off(scene_folder, golden_scene):
    name = f"img_{golden_scene['reference_view_index']:02d}"
    (scene_folder / "images_4" / "label" / f"{name}.png").unlink()
    with pytest.raises(UserError, match=rf"the reference view 4 \('{name}'\) has no label"):
        final_stage(scene_folder)
