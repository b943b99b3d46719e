"""Pictures side by side, passes in columns, files on disk."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from sparsevision.utils import UserError
from sparsevision.visualization import draw_passes, side_by_side, write_image


def test_panels_share_a_height_and_carry_titles():
    panels = [np.zeros((100, 50, 3), np.uint8), np.zeros((50, 50), np.uint8)]
    plain = side_by_side(panels)
    assert plain.shape == (100, 50 + 4 + 100, 3)
    titled = side_by_side(panels, ["image", "très long title " * 9])
    assert titled.shape[1] == plain.shape[1]
    assert titled.shape[0] > plain.shape[0]
    assert (titled[:20, :50] < 100).any()


def test_tiny_panels_are_enlarged_and_large_ones_shrunk():
    assert side_by_side([np.zeros((1, 1), np.uint8)]).shape == (96, 96, 3)
    assert side_by_side([np.zeros((600, 300), np.uint8)], height=60).shape == (60, 30, 3)


def test_bad_panels_are_refused():
    with pytest.raises(UserError, match="no panels"):
        side_by_side([])
    with pytest.raises(UserError, match="1 panels but 2 titles"):
        side_by_side([np.zeros((3, 3), np.uint8)], ["a", "b"])


def test_passes_take_mappings_and_objects_and_skip_what_is_missing():
    image = np.full((56, 84, 3), 90, np.uint8)
    mask = np.zeros((56, 84), bool)
    mask[10:30, 10:30] = True
    full = {
        "heatmap": torch.linspace(0, 1, 196).reshape(196, 1),
        "points": np.array([[10, 10], [60, 40]]),
        "labels": np.array([1, 0]),
        "box": None,
        "mask": torch.from_numpy(mask),
    }
    steps = [full, SimpleNamespace(box=(-3, -3, 34, 34), mask=mask.astype(float)), {}]
    picture = draw_passes(image, steps, chosen=1)
    assert picture.shape == (22 + 2 * 56, 3 * 84 + 2 * 4, 3)
    np.testing.assert_array_equal(picture[-56:, -84:], image)
    assert (picture[-56:, :84] != image).any()
    assert draw_passes(image, steps, height=28).shape[0] == 22 + 2 * 28
    assert draw_passes(np.zeros((900, 9, 3), np.uint8), [{}]).shape[0] == 22 + 2 * 320


def test_passes_refuse_nonsense():
    image = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(UserError, match="no passes"):
        draw_passes(image, [])
    with pytest.raises(UserError, match="square"):
        draw_passes(image, [{"heatmap": np.zeros(10)}])


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_png_is_lossless_and_folders_are_made(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = write_image(tmp_path / "a" / "b.png", image)
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read if len(shape) == 2 else read[..., ::-1], image)


def test_failures_to_write_are_said(tmp_path):
    image = np.zeros((3, 3), np.uint8)
    with pytest.raises(UserError, match=r"\.png"):
        write_image(tmp_path / "a.tiff", image)
    with pytest.raises(UserError, match="uint8"):
        write_image(tmp_path / "a.png", image.astype(float))
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(UserError, match="cannot be written"):
        write_image(tmp_path / "taken" / "a.png", image)
