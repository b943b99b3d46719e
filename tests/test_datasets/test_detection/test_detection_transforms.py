"""Flip, resize, crop and pack: boxes stay on their objects, and sizes are those of the DETR recipe."""

import numpy as np
import pytest
import torch

from sparsevision.datasets.transforms import (
    ColourJitter,
    LoadBoxes,
    PackDetectionInputs,
    PointsInBoxes,
    RandomCropBoxes,
    RandomFlipBoxes,
    ResizeShortSide,
    StrongView,
)
from sparsevision.datasets.transforms.detection_geometry import moved, resize_smoothly, short_side_size
from sparsevision.utils import UserError
from sparsevision.utils.randomness import seeded_rng

SIZE = (80, 120)


def results_with(boxes, *, size=SIZE, **more) -> dict:
    """An image whose pixels are 200 inside of the boxes and 0 elsewhere, and the boxes."""
    image = np.zeros((*size, 3), np.uint8)
    boxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    for x0, y0, x1, y1 in boxes.astype(int):
        image[y0:y1, x0:x1] = 200
    return {
        "img": image,
        "ori_shape": size,
        "img_shape": size,
        "gt_bboxes": boxes,
        "gt_labels": np.arange(len(boxes)),
        **more,
    }


def bright_box(image: np.ndarray) -> list[int]:
    """Edges of the bright pixels."""
    rows, columns = np.nonzero(image[..., 0] > 100)
    return [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]


def test_a_flip_mirrors_boxes_points_and_pixels():
    results = RandomFlipBoxes(prob=1.0)(
        results_with([[10, 20, 40, 60]], gt_points=np.array([[12.0, 30]]), gt_point_labels=np.array([0]))
    )
    assert results["flip"] is True
    assert results["gt_bboxes"].tolist() == [[80, 20, 110, 60]]
    assert bright_box(results["img"]) == [80, 20, 110, 60]
    assert results["gt_points"].tolist() == [[108, 30]]


def test_a_flip_comes_with_its_probability():
    with seeded_rng(0):
        flips = [RandomFlipBoxes()(results_with([]))["flip"] for _ in range(400)]
    assert 160 < sum(flips) < 240
    assert not RandomFlipBoxes(prob=0.0)(results_with([[1, 2, 3, 4]]))["flip"]


@pytest.mark.parametrize(
    ("size", "short", "longest", "expected"),
    [
        ((480, 640), 800, 1333, (800, 1067)),
        ((427, 640), 800, 1333, (800, 1199)),
        ((640, 427), 800, 1333, (1199, 800)),
        ((300, 900), 800, 1333, (444, 1333)),
        ((500, 375), 480, None, (640, 480)),
        ((2, 900), 10, 100, (1, 100)),
    ],
)
def test_sizes_are_those_of_the_recipe(size, short, longest, expected):
    assert short_side_size(size, short=short, longest=longest) == expected


def test_a_resize_takes_boxes_along_and_remembers_the_scale():
    results = ResizeShortSide(short=160, longest=200)(results_with([[30, 20, 60, 60]]))
    assert results["img"].shape == (133, 200, 3)
    assert results["img_shape"] == (133, 200)
    assert results["scale_factor"] == pytest.approx((200 / 120, 133 / 80))
    np.testing.assert_allclose(results["gt_bboxes"][0], bright_box(results["img"]), atol=1)
    twice = ResizeShortSide(short=80)(results)
    assert twice["scale_factor"] == pytest.approx((120 / 120, 80 / 80))
    np.testing.assert_allclose(twice["gt_bboxes"], [[30, 20, 60, 60]], atol=1e-4)


def test_a_short_side_is_drawn_from_several():
    with seeded_rng(0):
        sides = {ResizeShortSide(short=[20, 40])(results_with([]))["img"].shape[0] for _ in range(20)}
    assert sides == {20, 40}


def test_shrinking_smooths():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = 200
    small = resize_smoothly(stripes, (8, 8))
    assert np.abs(small[1:-1, 1:-1].astype(int) - 100).max() <= 4


def test_a_crop_clips_boxes_and_drops_those_outside():
    results = moved(results_with([[0, 0, 30, 30], [40, 40, 60, 60], [100, 70, 120, 80]]), (40, 50), shift=(-20, -20))
    assert results["img_shape"] == (40, 50)
    assert results["gt_bboxes"].tolist() == [[0, 0, 10, 10], [20, 20, 40, 40]]
    assert results["gt_labels"].tolist() == [0, 1]


def test_a_box_that_only_touches_the_window_is_dropped():
    results = moved(results_with([[0, 0, 20, 20]]), (20, 20), shift=(-20, 0))
    assert results["gt_bboxes"].shape == (0, 4)
    assert results["gt_labels"].shape == (0,)


def test_random_crops_stay_within_their_limits_and_keep_boxes_on_objects():
    crop = RandomCropBoxes(low=30, high=100)
    with seeded_rng(1):
        for _ in range(50):
            results = crop(
                results_with(
                    [[50, 30, 80, 50]], ignored_bboxes=np.array([[0.0, 0, 120, 80]]), ignored_labels=np.array([3])
                )
            )
            height, width = results["img"].shape[:2]
            assert 30 <= height <= 80
            assert 30 <= width <= 100
            assert results["ignored_bboxes"].tolist() == [[0, 0, width, height]]
            if len(results["gt_bboxes"]):
                assert results["gt_bboxes"][0].tolist() == bright_box(results["img"])
            else:
                assert not results["img"].any()


def test_a_crop_of_a_small_image_keeps_all_of_it():
    results = RandomCropBoxes(low=384, high=600)(results_with([[1, 2, 3, 4]]))
    assert results["img"].shape[:2] == SIZE
    assert results["gt_bboxes"].tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("crowds", [True, False])
def test_crowds_are_kept_apart_or_forgotten(crowds):
    boxes = np.array([[0, 0, 5, 5], [1, 1, 9, 9]], dtype=np.float32)
    results = LoadBoxes(crowds=crowds)(
        {"img_path": "a.png", "img_id": 1, "ori_shape": (10, 10), "height": 10, "width": 10}
        | {"boxes": boxes, "labels": np.array([4, 5]), "crowd": np.array([False, True])}
    )
    assert (results["gt_labels"].tolist(), results["ignored_labels"].tolist()) == ([4], [5] * crowds)
    assert len(results["ignored_bboxes"]) == crowds
    assert "gt_points" not in results


def boxes_and_ids() -> dict:
    """Two boxes and a crowd with their ids."""
    known = {"img_id": 3, "annotation_ids": np.array([7, 8, 9]), "crowd": np.array([False, True, False])}
    return results_with([[0, 0, 10, 20], [50, 50, 60, 70]], **known)


def test_points_are_the_centres_of_boxes_or_random_and_fixed():
    assert PointsInBoxes()(boxes_and_ids())["gt_points"].tolist() == [[5, 10], [55, 60]]
    some, same, other = (PointsInBoxes(spread=1, seed=seed)(boxes_and_ids())["gt_points"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(some, same)
    assert (some != other).any()
    only = PointsInBoxes(keep_boxes=False)(boxes_and_ids())
    assert (len(only["gt_bboxes"]), only["gt_point_labels"].tolist()) == (0, [0, 1])


def test_points_outside_of_a_window_are_dropped():
    results = moved(PointsInBoxes()(boxes_and_ids()), (30, 30))
    assert results["gt_points"].tolist() == [[5, 10]]
    assert results["gt_point_labels"].tolist() == [0]


def test_packing_gives_tensors_that_networks_want():
    results = results_with(
        [[1, 2, 3, 4]], ignored_bboxes=np.zeros((0, 4)), ignored_labels=np.zeros(0), img_id=9, flip=True
    )
    packed = PackDetectionInputs()(results)
    image, sample = packed["inputs"]["image"], packed["data_samples"]
    assert (image.shape, image.dtype) == ((3, *SIZE), torch.uint8)
    assert (sample.img_id, sample.flip, sample.img_shape, sample.scale_factor) == (9, True, SIZE, (1.0, 1.0))
    assert (sample.gt_instances.bboxes.dtype, sample.gt_instances.labels.dtype) == (torch.float32, torch.int64)
    assert len(sample.ignored_instances) == 0
    assert "gt_points" not in sample


def test_a_strong_view_has_other_colours_and_the_same_places():
    results = results_with([[10, 20, 40, 60]])
    strong = StrongView(transforms=[{"type": ColourJitter, "brightness": 0.4}])
    with seeded_rng(0):
        viewed = strong(results)
    np.testing.assert_array_equal(viewed["img"], results["img"])
    assert (viewed["strong_img"] != results["img"]).any()
    assert bright_box(viewed["strong_img"]) == [10, 20, 40, 60]
    inputs = PackDetectionInputs()(viewed)["inputs"]
    assert inputs.keys() == {"image", "strong_image"}
    assert inputs["strong_image"].permute(1, 2, 0).tolist() == viewed["strong_img"].tolist()
    assert PackDetectionInputs()(results)["inputs"].keys() == {"image"}


def test_a_strong_view_that_moves_pixels_is_refused():
    with pytest.raises(UserError, match="colours alone"):
        StrongView(transforms=[{"type": ResizeShortSide, "short": 40}])(results_with([[10, 20, 40, 60]]))


def test_an_image_without_boxes_goes_through_everything():
    results = results_with([])
    for transform in (
        RandomFlipBoxes(prob=1.0),
        ResizeShortSide(short=40),
        RandomCropBoxes(low=10, high=20),
        PackDetectionInputs(),
    ):
        results = transform(results)
    assert results["data_samples"].gt_instances.bboxes.shape == (0, 4)


@pytest.mark.parametrize(
    "build",
    [
        lambda: RandomFlipBoxes(prob=2),
        lambda: ResizeShortSide(short=0),
        lambda: ResizeShortSide(short=()),
        lambda: RandomCropBoxes(low=5, high=4),
        lambda: PointsInBoxes(spread=3),
    ],
)
def test_impossible_settings_are_refused(build):
    with pytest.raises(UserError, match="expected"):
        build()
