"""Points and boxes: golden numbers and odd input."""

import numpy as np
import pytest
import torch

from sparsevision.methods.gensam.prompts import box_from_mask, points_from_heatmap
from sparsevision.utils import UserError


@pytest.mark.parametrize("case", range(4))
def test_points(golden, case):
    entry = golden["json"]["similarity_to_points"][case]
    for heatmap in (golden[f"similarity_maps/map{case}"], torch.from_numpy(golden[f"similarity_maps/map{case}"])[:, 0]):
        xy, labels = points_from_heatmap(
            heatmap,
            image_size=tuple(entry["image_hw"]),
            threshold=entry["threshold"],
            down_sample=entry["down_sample"],
        )
        np.testing.assert_array_equal(xy, entry["points_xy"])
        np.testing.assert_array_equal(labels, entry["labels"])
        assert labels.sum() == entry["num"]


@pytest.mark.parametrize("attention", ["kk", "vv"])
def test_points_of_the_difference_maps(golden, attention):
    entry = golden["json"]["points"][f"{attention}_difference"]
    heatmap, image = golden[f"heatmaps/heatmap_{attention}_difference"], golden["heatmaps/image"]
    xy, labels = points_from_heatmap(heatmap, image_size=image.shape[:2])
    assert point_set(xy, labels) == point_set(entry["points_xy"], entry["labels"])


@pytest.mark.parametrize("attention", ["kk", "vv"])
def test_points_of_the_clamped_maps(golden, attention):
    """Negatives are ties at 0: only their number and value are fixed."""
    entry = golden["json"]["points"][f"{attention}_clamped"]
    heatmap, image = golden[f"heatmaps/heatmap_{attention}_clamped"], golden["heatmaps/image"]
    xy, labels = points_from_heatmap(heatmap, image_size=image.shape[:2])
    assert (labels == 1).sum() == (labels == 0).sum() == entry["num"]
    positives = [p for p, label in zip(entry["points_xy"], entry["labels"], strict=True) if label]
    assert sorted(xy[labels == 1].tolist()) == sorted(positives)
    grid = torch.nn.functional.interpolate(
        torch.from_numpy(heatmap).view(1, 1, 14, 14), size=(28, 28), mode="bilinear", align_corners=False
    )[0, 0]
    height, width = image.shape[:2]
    cells = (xy[labels == 0] + 0.5) / (width, height) * 28
    assert all(grid[int(y), int(x)] == 0 for x, y in cells)


def point_set(xy, labels):
    return {(int(x), int(y), int(label)) for (x, y), label in zip(xy, labels, strict=True)}


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (20, 56), (56, 20)])
def test_small_images_keep_points_inside(golden, size):
    xy, labels = points_from_heatmap(golden["similarity_maps/map0"], image_size=size)
    assert len(xy) == len(labels) > 0
    assert (xy >= 0).all()
    assert (xy < (size[1], size[0])).all()


def test_a_constant_heatmap_has_no_points():
    xy, labels = points_from_heatmap(np.full(196, 0.5, np.float32), image_size=(40, 60))
    assert xy.shape == (0, 2)
    assert labels.shape == (0,)


def test_a_low_threshold_takes_half_of_the_cells_at_most():
    _xy, labels = points_from_heatmap(torch.rand(196), image_size=(400, 600), threshold=0.0)
    assert (labels == 1).sum() == (labels == 0).sum() == 28 * 28 // 2


def test_a_heatmap_that_is_no_square_is_explained():
    with pytest.raises(UserError, match=r"square grid.*got 195"):
        points_from_heatmap(np.zeros(195), image_size=(40, 60))


def rectangle(shape, *boxes):
    mask = np.zeros(shape, bool)
    for y, x, height, width in boxes:
        mask[y : y + height, x : x + width] = True
    return mask


@pytest.mark.parametrize("case", range(3))
def test_boxes(golden, case):
    entry = golden["json"]["boxes"][case]
    mask = rectangle(entry["mask_hw"], entry["rect_yxhw"])
    np.testing.assert_array_equal(box_from_mask(mask), entry["expanded_xyxy"])
    np.testing.assert_array_equal(box_from_mask(torch.from_numpy(mask)), entry["expanded_xyxy"])


def test_a_clipped_box_stays_inside():
    assert box_from_mask(rectangle((100, 200), (0, 0, 30, 30)), clip=True) == (0, 0, 34, 34)
    assert box_from_mask(rectangle((100, 200), (90, 150, 9, 49)), clip=True) == (146, 90, 200, 100)


def test_an_even_margin():
    assert box_from_mask(rectangle((100, 200), (10, 20, 50, 80)), symmetric=True) == (12, 5, 108, 65)


def test_an_empty_mask_means_the_whole_image():
    assert box_from_mask(np.zeros((1, 1), bool)) == (0, 0, 1, 1)
    assert box_from_mask(torch.zeros(40, 60, dtype=torch.bool)) == (0, 0, 60, 40)


def test_parts_of_a_mask():
    mask = rectangle((100, 200), (10, 10, 20, 20), (60, 100, 30, 40), (99, 0, 1, 1))
    assert box_from_mask(mask) == (96, 57, 145, 94)
    assert box_from_mask(mask, components="union", symmetric=True) == (-3, 2, 153, 98)
    with pytest.raises(UserError, match="Did you mean 'largest'"):
        box_from_mask(mask, components="larges")
