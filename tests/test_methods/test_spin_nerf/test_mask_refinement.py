"""What one view hides and another shows, on a scene where the truth is known."""

import numpy as np
import pytest
from box_scene import CENTRES, PLANE, SQUARE, box_scene

from sparsevision.datasets.views.labels import dilate_mask
from sparsevision.methods.spin_nerf.mask_refinement import RefinedViews, refine_masks, warp_from_others
from sparsevision.utils import UserError

DEPTHS = np.array([2.0, SQUARE, 4.0, PLANE, 5.5])
ALPHAS = np.array([0.01, 1.0, 0.05, 0.9, 0.02])


@pytest.fixture(scope="module")
def box():
    return box_scene()


def iou(left, right) -> float:
    return (left & right).sum() / (left | right).sum()


def both_surfaces(view: int, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rays that meet the square, then the plane."""
    return np.tile(DEPTHS, (len(xy), 1)), np.tile(ALPHAS, (len(xy), 1))


def fixed(box) -> RefinedViews:
    return refine_masks(box.images, box.masks, 1 / box.empty_depths, scene=box.scene, preset="fixed")


def published(box, samples=both_surfaces) -> RefinedViews:
    return refine_masks(box.images, box.masks, 1 / box.depths, scene=box.scene, ray_samples=samples)


class TestFixed:
    """All pairs of views."""

    def test_only_what_no_view_sees_is_left(self, box):
        refined = fixed(box)
        assert 0 < box.hidden.sum() < 0.5 * box.masks.sum()
        assert not (refined.masks & ~box.masks).any()
        assert not (box.hidden & ~refined.masks).any()
        assert iou(refined.masks, box.hidden) > 0.8
        for view in range(len(CENTRES)):
            extra = refined.masks[view] & ~box.hidden[view]
            assert extra.sum() <= 4 * 27, "at each side a rim of one pixel and its rounding"

    def test_colours_are_those_of_the_empty_room(self, box):
        refined = fixed(box)
        found = box.masks & ~refined.masks
        error = np.abs(refined.images[found].astype(int) - box.empty_images[found])
        assert error.max() <= 2
        np.testing.assert_array_equal(refined.images[~found], box.images[~found])

    def test_inputs_are_left_alone(self, box):
        before = box.images.copy(), box.masks.copy()
        fixed(box)
        np.testing.assert_array_equal(box.images, before[0])
        np.testing.assert_array_equal(box.masks, before[1])

    def test_the_order_of_the_views_does_not_matter(self, box):
        turned = box_scene(CENTRES[::-1])
        np.testing.assert_array_equal(fixed(turned).masks, fixed(box).masks[::-1])

    def test_another_depth_there_is_no_match(self, box):
        wrong = np.where(box.masks, 1 / (PLANE + 1), 1 / PLANE)
        refined = refine_masks(box.images, box.masks, wrong, scene=box.scene, preset="fixed")
        np.testing.assert_array_equal(refined.masks, box.masks)
        views = RefinedViews(images=box.images, masks=box.masks, disparities=wrong)
        assert warp_from_others(views, box.scene, tolerance=0.3).masks.sum() < box.masks.sum()

    def test_a_wider_margin_trusts_fewer_pixels(self, box):
        views = RefinedViews(images=box.images, masks=box.masks, disparities=1 / box.empty_depths)
        narrow, wide = (warp_from_others(views, box.scene, margin=margin).masks.sum() for margin in (1, 3))
        assert wide > narrow

    def test_unknown_disparities_stay_masked(self, box):
        refined = refine_masks(box.images, box.masks, np.zeros(box.masks.shape), scene=box.scene, preset="fixed")
        np.testing.assert_array_equal(refined.masks, box.masks)

    def test_a_single_view_keeps_its_mask(self):
        alone = box_scene((0.0,))
        np.testing.assert_array_equal(fixed(alone).masks, alone.masks)


class TestPublished:
    """The script's search."""

    def test_the_first_view_is_searched_in_all_the_others_in_the_first(self, box):
        refined = published(box)
        assert refined.masks[0].sum() < refined.masks[1].sum(), "the neighbour of view 0 hides almost the same"
        assert refined.masks[1].sum() > refined.masks[4].sum(), "the farthest view sees most behind the square"
        found = np.stack([dilate_mask(mask, 5) for mask in box.masks]) & ~refined.masks
        assert found.any(axis=(1, 2)).all()
        error = np.abs(refined.images[found].astype(int) - box.empty_images[found]).mean()
        assert error < 5
        np.testing.assert_allclose(refined.disparities[found], 1 / PLANE, rtol=1e-5)

    def test_never_seen_pixels_stay(self, box):
        assert not (box.hidden[0] & ~published(box).masks[0]).any()

    def test_weak_samples_are_no_surface(self, box):
        def weak(view, xy):
            depth, alpha = both_surfaces(view, xy)
            return depth, np.where(depth == PLANE, 0.09, alpha)

        grown = published(box, weak).masks
        assert not (box.masks & ~grown).any()

    def test_a_jump_in_disparity_is_not_taken(self, box):
        near = 1 / np.where(box.masks, SQUARE, PLANE)
        near[0] += 0.02  # view 0 disagrees with what the others say by more than the threshold
        refined = refine_masks(box.images, box.masks, near, scene=box.scene, ray_samples=both_surfaces)
        assert not (box.masks[0] & ~refined.masks[0]).any()


def test_what_does_not_fit_is_told(box):
    with pytest.raises(UserError, match="'published' with ray_samples"):
        refine_masks(box.images, box.masks, 1 / box.depths, scene=box.scene)
    with pytest.raises(UserError, match="'quick'"):
        refine_masks(box.images, box.masks, 1 / box.depths, scene=box.scene, preset="quick")
    with pytest.raises(UserError, match="5 views"):
        refine_masks(box.images[:4], box.masks, 1 / box.depths, scene=box.scene, preset="fixed")
    with pytest.raises(UserError, match="expected"):
        refine_masks(box.images, box.masks.astype(np.uint8), 1 / box.depths, scene=box.scene, preset="fixed")
