"""Drawing functions: what is tinted, sizes from one pixel up, inputs left alone, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsevision.utils import UserError
from sparsevision.visualization import (
    as_rgb,
    class_colours,
    draw_box,
    draw_label_map,
    draw_mask,
    draw_points,
    draw_scribbles,
    heatmap_overlay,
)
from sparsevision.visualization.canvas import BACKGROUND, FOREGROUND, point_radius, stroke_width

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))
CHANNELS = st.sampled_from([(), (1,), (3,), (4,)])


def grey_image(shape: tuple[int, ...] = (40, 60, 3)) -> np.ndarray:
    return np.full(shape, 100, np.uint8)


@settings(max_examples=40, deadline=None)
@given(SIZES, CHANNELS, st.integers(0, 99))
def test_every_function_takes_every_image(size, channels, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*size, *channels), dtype=np.uint8)
    before = image.copy()
    labels = rng.choice([0, 1, 2, 255], size)
    pictures = [
        draw_mask(image, labels == 1),
        draw_points(image, rng.uniform(-5, 45, (3, 2)), [0, 1, 1]),
        draw_box(image, (-3, -3, 50, 20), label="animal"),
        draw_label_map(image, labels, ignore_index=255),
        draw_scribbles(image, labels, ignore_index=255),
        heatmap_overlay(image, rng.random((3, 5))),
    ]
    for picture in pictures:
        assert picture.dtype == np.uint8
        assert picture.shape == (*size, 3)
    np.testing.assert_array_equal(image, before)


def test_a_mask_tints_its_pixels_only():
    mask = np.zeros((40, 60), bool)
    mask[10:20, 10:30] = True
    tinted = draw_mask(grey_image(), mask, colour=(255, 0, 0), contour=False)
    np.testing.assert_array_equal((tinted != 100).any(axis=2), mask)
    outlined = draw_mask(grey_image(), mask, colour=(255, 0, 0), alpha=0)
    np.testing.assert_array_equal(outlined[10, 10], (255, 0, 0))
    np.testing.assert_array_equal(outlined[15, 20], (100, 100, 100))


def test_probabilities_are_cut_in_the_middle():
    mask = np.random.default_rng(0).random((40, 60))
    np.testing.assert_array_equal(draw_mask(grey_image(), mask), draw_mask(grey_image(), mask > 0.5))


def test_points_are_green_and_red_and_x_comes_first():
    drawn = draw_points(grey_image((100, 200, 3)), [(150, 20), (30, 80)], [1, 0])
    np.testing.assert_array_equal(drawn[20, 150], FOREGROUND)
    np.testing.assert_array_equal(drawn[80, 30], BACKGROUND)


def test_no_points_no_change():
    np.testing.assert_array_equal(draw_points(grey_image(), np.zeros((0, 2)), []), grey_image())


def test_dots_and_lines_grow_with_the_image():
    sizes = [np.zeros((side, side, 3)) for side in (1, 100, 1000, 4000)]
    for width in (point_radius, stroke_width):
        widths = [width(image) for image in sizes]
        assert widths == sorted(widths)
        assert widths[0] == 1


def test_box_lies_on_its_corners():
    drawn = draw_box(grey_image(), (5, 10, 50, 30), colour=(0, 0, 255))
    for x, y in ((5, 10), (50, 30), (5, 30), (25, 10)):
        np.testing.assert_array_equal(drawn[y, x], (0, 0, 255))
    np.testing.assert_array_equal(drawn[20, 25], (100, 100, 100))


def test_label_map_leaves_the_ignored_alone():
    labels = np.full((40, 60), 255)
    labels[:10], labels[30:] = 0, 1
    drawn = draw_label_map(grey_image(), labels, ignore_index=255, colours=[(255, 0, 0), (0, 0, 255)], alpha=1)
    np.testing.assert_array_equal(drawn[0, 0], (255, 0, 0))
    np.testing.assert_array_equal(drawn[20, 0], (100, 100, 100))
    np.testing.assert_array_equal(drawn[39, 0], (0, 0, 255))


def test_a_single_labelled_pixel_shows_on_a_large_image():
    labels = np.full((420, 632), 255)
    labels[200, 300] = 1
    drawn = draw_scribbles(grey_image((420, 632)), labels, ignore_index=255)
    assert (drawn == FOREGROUND).all(axis=2).sum() > 9


def test_heatmap_runs_from_blue_to_red():
    heat = np.array([[0.0, 1.0]])
    drawn = heatmap_overlay(np.zeros((10, 40, 3), np.uint8), heat, alpha=1)
    left, right = drawn[5, 0].astype(int), drawn[5, -1].astype(int)
    assert left[2] > left[0]
    assert right[0] > right[2]


@pytest.mark.parametrize(
    "heat", [np.full((3, 3), 0.4), np.full((3, 3), np.nan), np.array([[0.1, np.inf], [0.2, np.nan]])]
)
def test_odd_heat_is_drawn(heat):
    assert heatmap_overlay(grey_image(), heat).shape == (40, 60, 3)


def test_colours_differ():
    assert len(np.unique(class_colours(30), axis=0)) == 30
    assert class_colours(0).shape == (0, 3)


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.zeros((0, 4), np.uint8), np.zeros((4, 4, 2), np.uint8)])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(UserError, match="uint8"):
        as_rgb(image)


def test_layers_of_another_size_are_refused():
    with pytest.raises(UserError, match=r"\(3, 3\).*\(40, 60\)"):
        draw_mask(grey_image(), np.zeros((3, 3), bool))
    with pytest.raises(UserError, match="label map"):
        draw_label_map(grey_image(), np.zeros((3, 3), int))
    with pytest.raises(UserError, match="2 points but 1 labels"):
        draw_points(grey_image(), [(1, 1), (2, 2)], [1])
    with pytest.raises(UserError, match=r"\(h,w\)"):
        heatmap_overlay(grey_image(), np.zeros(4))


def test_classes_without_a_colour_are_refused():
    labels = np.full((40, 60), 7)
    with pytest.raises(UserError, match="palette holds 2"):
        draw_label_map(grey_image(), labels, colours=[(0, 0, 0), (1, 1, 1)])
    with pytest.raises(UserError, match="negative"):
        draw_label_map(grey_image(), labels - 8)
