"""Files of clicks, what is refused in them, and the mask for clicks in one view."""

import json

import numpy as np
import pytest

from sparsevision.annotation import Clicks, save_annotations
from sparsevision.layers.promptable import GrabCut
from sparsevision.methods.spin_nerf.segment import read_clicks, scale_clicks, segment_from_clicks
from sparsevision.utils import UserError

NAMES = ("IMG_1", "IMG_2", "IMG_3")
SIZE = 40, 60


def write(path, **fields):
    path.write_text(json.dumps(fields))
    return path


def test_rows_of_x_y_label(tmp_path):
    file = write(tmp_path / "clicks.json", view="IMG_2", clicks=[[10, 5, 1], [30.5, 20, 0]])
    clicked = read_clicks(file, names=NAMES, size=SIZE)
    assert clicked.view == 1
    assert clicked.clicks == Clicks(xy=np.array([[10, 5], [30.5, 20]]), positive=np.array([True, False]), size=SIZE)


def test_clicks_made_at_another_size_are_scaled(tmp_path):
    file = write(tmp_path / "clicks.json", view="IMG_2", size=[80, 120], clicks=[[0, 0, 1], [119, 79, 0], [61, 41, 1]])
    clicked = read_clicks(file, names=NAMES, size=SIZE)
    np.testing.assert_allclose(clicked.clicks.xy, [[0, 0], [59, 39], [30.25, 20.25]])
    assert clicked.clicks.size == SIZE


def test_the_package_s_own_annotations(tmp_path):
    clicks = Clicks(xy=np.array([[3.0, 4.0]]), positive=np.array([True]), size=SIZE)
    save_annotations(tmp_path / "clicks.json", {"IMG_3": clicks})
    clicked = read_clicks(tmp_path / "clicks.json", names=NAMES, size=SIZE)
    assert (clicked.view, clicked.clicks) == (2, clicks)
    save_annotations(tmp_path / "clicks.json", {"IMG_3": clicks, "IMG_1": clicks})
    with pytest.raises(UserError, match="clicks of one view"):
        read_clicks(tmp_path / "clicks.json", names=NAMES, size=SIZE)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"view": "IMG_4", "clicks": [[1, 1, 1]]}, "no view 'IMG_4'.*Did you mean"),
        ({"view": "IMG_1", "clicks": [[1, 1, 0]]}, "none is on the object"),
        ({"view": "IMG_1", "clicks": []}, r"rows \[x, y, label\]"),
        ({"view": "IMG_1", "clicks": [[60, 5, 1]]}, "outside the image 60 wide, 40 high"),
        ({"view": "IMG_1", "clicks": [[1, 5, 2]]}, "label 1 .object. or 0"),
        ({"view": "IMG_1", "clicks": [[1, 5]]}, r"rows \[x, y, label\]"),
        ({"view": "IMG_1", "clicks": [["a", 5, 1]]}, "clicks: expected rows"),
        ({"view": "IMG_1", "clicks": [[1, 5, 1]], "size": 40}, "clicks.json"),
        ({"view": "IMG_1"}, "no field 'clicks'"),
        ({"view": 3, "clicks": [[1, 5, 1]]}, "view; expected"),
        ({"view": "IMG_1", "clicks": [[1, 5, 1]], "colour": 1}, "unknown field 'colour'"),
    ],
)
def test_odd_files_are_told(tmp_path, fields, words):
    with pytest.raises(UserError, match=words) as raised:
        read_clicks(write(tmp_path / "clicks.json", **fields), names=NAMES, size=SIZE)
    assert "clicks.json" in str(raised.value)


@pytest.mark.parametrize("text", ["", "[1, 2]", "{not json", '{"view": "IMG_1", "view": "IMG_2"}'])
def test_files_that_are_no_clicks_are_told(tmp_path, text):
    (tmp_path / "clicks.json").write_text(text)
    with pytest.raises(UserError, match=r"clicks\.json"):
        read_clicks(tmp_path / "clicks.json", names=NAMES, size=SIZE)
    with pytest.raises(UserError, match="no such file"):
        read_clicks(tmp_path / "absent.json", names=NAMES, size=SIZE)


def square_image() -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros(SIZE, bool)
    mask[10:30, 20:44] = True
    noise = np.random.default_rng(0).integers(0, 20, (*SIZE, 3))
    return (np.where(mask[..., None], (200, 40, 40), (40, 150, 60)) + noise).astype(np.uint8), mask


def test_clicks_segment_a_square():
    image, truth = square_image()
    clicks = Clicks(xy=np.array([[30.0, 20.0], [5.0, 5.0]]), positive=np.array([True, False]), size=SIZE)
    mask = segment_from_clicks(image, clicks, segmenter=GrabCut())
    assert mask.dtype == bool
    assert (mask & truth).sum() / (mask | truth).sum() > 0.95


def test_the_refinements_give_the_answer_back(tiny_segmenter):
    image, _ = square_image()
    clicks = Clicks(xy=np.array([[30.0, 20.0], [5.0, 5.0]]), positive=np.array([True, False]), size=SIZE)
    segment_from_clicks(image, clicks, segmenter=tiny_segmenter, refinements=2)
    given = [prompt.mask_input is not None for prompt in tiny_segmenter.asked]
    assert given == [False, True, True]


@pytest.fixture
def tiny_segmenter():
    class Listening(GrabCut):
        """GrabCut that remembers what it was asked."""

        def _decode(self, embedding, prompts, multimask):
            self.asked.extend(prompts)
            return super()._decode(embedding, prompts, multimask)

    segmenter = Listening()
    segmenter.asked = []
    return segmenter


def test_clicks_that_do_not_fit_are_refused():
    image, _ = square_image()
    off = Clicks(xy=np.array([[5.0, 5.0]]), positive=np.array([False]), size=SIZE)
    with pytest.raises(UserError, match="at least one positive"):
        segment_from_clicks(image, off, segmenter=GrabCut())
    on = Clicks(xy=np.array([[5.0, 5.0]]), positive=np.array([True]), size=SIZE)
    with pytest.raises(UserError, match="scale_clicks helps"):
        segment_from_clicks(image, scale_clicks(on, (20, 30)), segmenter=GrabCut())
