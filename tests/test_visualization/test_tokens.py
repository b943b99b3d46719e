"""Kept tokens over the photograph: where each cell lies, with padding and over several levels."""

import numpy as np
import pytest
import torch

from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.utils import UserError
from sparsevision.visualization import draw_foreground, draw_kept_tokens, draw_token_sheet
from sparsevision.visualization.canvas import class_colours
from sparsevision.visualization.tokens import DIMMED, draw_sample_tokens

IMAGE = np.full((80, 120, 3), 200, np.uint8)
SHAPES = [(4, 6), (2, 3)]


def bright(picture):
    """bool (H,W): as bright as the photograph was; dots are left out."""
    return (picture == 200).all(axis=-1)


def test_cells_of_kept_tokens_stay_and_the_rest_is_dark():
    picture = draw_kept_tokens(IMAGE, [0, 23], SHAPES)
    expected = np.zeros((80, 120), bool)
    expected[:20, :20] = expected[60:, 100:] = True
    dots = (picture == class_colours(2)[0]).all(axis=-1)
    assert np.array_equal(bright(picture)[~expected], np.zeros((~expected).sum(), bool))
    assert bright(picture)[expected].mean() > 0.8
    assert (dots[10, 10], dots[70, 110]) == (True, True)
    assert picture[40, 40].tolist() == [round(200 * DIMMED)] * 3


def test_a_coarse_token_lights_its_larger_cell_with_a_larger_dot():
    picture = draw_kept_tokens(IMAGE, [24], SHAPES)
    assert bright(picture)[:40, :40].mean() > 0.8
    assert not bright(picture)[:, 40:].any()
    fine = draw_kept_tokens(IMAGE, [0], SHAPES)
    counts = [
        (shown == colour).all(axis=-1).sum() for shown, colour in zip((fine, picture), class_colours(2), strict=True)
    ]
    assert counts[1] > 2 * counts[0] > 0


def test_padding_lies_outside_of_the_photograph():
    picture = draw_kept_tokens(IMAGE, [2, 5], SHAPES, covered=(1.0, 0.5))
    assert bright(picture)[:20, 80:].mean() > 0.8, "half of the columns are image: each cell is twice as wide"
    assert not bright(picture)[:, :80].any(), "token 5 is padding"


def test_the_highest_score_of_all_levels_is_seen():
    scores = np.zeros(30)
    scores[7], scores[24 + 2] = 1.0, 0.5
    picture = draw_foreground(np.zeros_like(IMAGE), scores, SHAPES).astype(int)
    red = picture[..., 0] - picture[..., 2]
    assert red[30, 30] == red.max() > 0, "token 7: second row, second column"
    assert red[10, 100] > red[70, 10], "the coarse level's token in the corner"


def test_a_sheet_has_a_panel_for_the_scores_and_for_each_layer():
    kept = [np.arange(count) for count in (20, 10, 5, 3)]
    sheet = draw_token_sheet(IMAGE, kept, SHAPES, scores=np.linspace(0, 1, 30))
    one = draw_token_sheet(IMAGE, kept[:1], SHAPES)
    assert sheet.shape[0] == 2 * one.shape[0], "five panels, four in a row"
    assert sheet.shape[1] == pytest.approx(4 * one.shape[1], abs=16)
    assert draw_token_sheet(IMAGE, kept[:3], SHAPES, first={"photo": IMAGE}).shape[1] == sheet.shape[1]


@pytest.mark.parametrize(("shapes", "covered"), [([(10, 15), (5, 8)], (1.0, 0.5)), ([(10, 8), (5, 4)], (1.0, 60 / 64))])
def test_a_sample_tells_how_much_is_padding(shapes, covered):
    """Its batch was 120 pixels wide; a network that cuts the padding off again has levels of the image's width."""
    sample = DetectionSample(metainfo={"img_shape": (80, 60), "batch_input_shape": (80, 120), "ori_shape": (80, 60)})
    sample.kept_tokens, sample.token_shapes = [torch.tensor([2])], shapes
    photo = IMAGE[:, :60]
    expected = draw_token_sheet(photo, [[2]], shapes, covered=covered)
    assert np.array_equal(draw_sample_tokens(photo, sample), expected)


def test_numbers_that_are_no_tokens_are_refused():
    with pytest.raises(UserError, match=r"0\.\.\.29, got 3 to 30"):
        draw_kept_tokens(IMAGE, [3, 30], SHAPES)
    with pytest.raises(UserError, match="29 scores for 30 tokens"):
        draw_foreground(IMAGE, np.zeros(29), SHAPES)
