"""Pictures of events, legends, frames; and videos that can be read back."""

import importlib.util
import math

import cv2
import numpy as np
import pytest
import torch
from mmseg.structures import SegDataSample

from sparsevision.engine.hooks.visualization import input_picture
from sparsevision.utils import UserError
from sparsevision.visualization import (
    SparseVisualizer,
    draw_clicks,
    draw_event_frame,
    draw_event_grid,
    draw_events,
    draw_legend,
    write_video,
)
from sparsevision.visualization.events import BRIGHTER, DARKER

WHITE = (255, 255, 255)
COLOURS = np.array([(0, 0, 0), (200, 30, 30), (20, 20, 180)], np.uint8)
NAMES = ("road", "car", "traffic sign")


def test_brighter_is_red_darker_is_blue_and_more_is_stronger():
    x, y, p = [1, 1, 1, 2, 3, 3, 4.4, 9], [0, 0, 0, 0, 1, 1, 1.6, 1], [1, 1, 1, 0, 1, 0, 0, 1]
    picture = draw_events(x, y, p, size=(3, 6))
    np.testing.assert_array_equal(picture[0, 0], WHITE)
    np.testing.assert_array_equal(picture[1, 3], WHITE, err_msg="both signs once")
    assert np.abs(picture[0, 1].astype(int) - BRIGHTER).max() < 8
    assert picture[0, 2].argmax() == picture[2, 4].argmax() == 2
    assert np.abs(picture[0, 2].astype(int) - DARKER).max() > 20, "a single event is fainter"
    assert (picture != 255).any(axis=2).sum() == 3


def test_places_outside_and_no_events_leave_paper():
    assert (draw_events([-1, math.nan, 6], [0, 0, 0], [1, 1, 1], size=(2, 3)) == 255).all()
    assert draw_events([], [], [], size=(2, 3)).shape == (2, 3, 3)


def test_a_grid_is_the_sum_of_its_channels():
    grid = np.zeros((2, 3, 4), np.float32)
    grid[:, 0, 0] = 1, 0.5
    grid[:, 1, 1] = -1, 1
    grid[1, 2, 2] = -2
    picture = draw_event_grid(grid)
    assert picture[0, 0].argmax() == 0
    assert picture[2, 2].argmax() == 2
    np.testing.assert_array_equal(picture[1, 1], WHITE)
    with pytest.raises(UserError, match=r"must be \(channels, height, width\)"):
        draw_event_grid(grid[0])


def test_a_legend_has_a_square_of_every_colour_and_breaks_its_lines():
    wide, narrow = (draw_legend(NAMES, COLOURS, width=width) for width in (400, 90))
    for picture in (wide, narrow):
        assert all((picture == colour).all(axis=2).sum() > 50 for colour in COLOURS)
    assert wide.shape[1] == 400
    assert narrow.shape[0] == 3 * wide.shape[0]
    with pytest.raises(UserError, match="3 names, 2 colours"):
        draw_legend(NAMES, COLOURS[:2], width=100)


def test_frames_keep_their_size_where_a_layer_is_missing():
    canvas = np.full((40, 60, 3), 255, np.uint8)
    labels = np.full((40, 60), 1)
    clicks = np.full((40, 60), 255)
    clicks[20, 30] = 2
    options = {"names": NAMES, "colours": COLOURS}
    full = draw_event_frame(canvas, {"prediction": labels, "clicks": clicks}, **options)
    empty = draw_event_frame(canvas, {"prediction": labels, "clicks": None}, **options)
    assert full.shape == empty.shape
    panels = full[22:262]
    assert panels.shape[1] == 3 * 360 + 8, "6 times as large, so that panels have 240 rows"
    assert (panels == COLOURS[2]).all(axis=2).sum() > 12, "the click"
    assert (panels[:, 364:724] == (225, 131, 131)).all(), "the tint of class 1"


def test_clicks_are_dots_and_scribbles_strokes():
    canvas = np.zeros((120, 160, 3), np.uint8)
    labels = np.full((120, 160), 255)
    labels[7, 5] = 1
    dots = draw_clicks(canvas, labels, colours=COLOURS)
    assert dots.shape == (240, 320, 3)
    np.testing.assert_array_equal(dots[14, 10], COLOURS[1])
    assert (dots[8:22, 4:18] > 200).all(axis=2).any(), "the rim of the dot is white, on grey"
    labels[50:80, 40:90] = 2
    strokes = draw_clicks(canvas, labels, colours=COLOURS)
    np.testing.assert_array_equal(strokes[130, 130], COLOURS[2])
    assert not (strokes == 255).all(axis=2).any()
    with pytest.raises(UserError, match="sparse label map has shape"):
        draw_clicks(canvas, labels[:100], colours=COLOURS)


def read_back(path) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(path))
    frames = []
    while (found := video.read())[0]:
        frames.append(found[1][..., ::-1])
    return frames


@pytest.mark.parametrize("encoder", ["opencv", "av"])
def test_a_video_has_the_frames_that_went_in(tmp_path, monkeypatch, encoder):
    if encoder == "av":
        pytest.importorskip("av")
    else:
        find = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "av" else find(name))
    shades = (40, 120, 200)
    frames = (np.full((33, 51, 3), shade, np.uint8) for shade in shades)
    assert write_video(tmp_path / "new" / "a.mp4", frames, fps=12.5) == 3
    found = read_back(tmp_path / "new" / "a.mp4")
    assert [frame.shape for frame in found] == [(34, 52, 3)] * 3
    assert all(abs(float(frame[:30, :48].mean()) - shade) < 8 for frame, shade in zip(found, shades, strict=True))
    assert cv2.VideoCapture(str(tmp_path / "new" / "a.mp4")).get(cv2.CAP_PROP_FPS) == pytest.approx(12.5, abs=0.1)


def black(*size):
    return np.zeros((*size, 3), np.uint8)


@pytest.mark.parametrize(
    ("name", "frames", "fps", "message"),
    [
        ("a.avi", [black(4, 4)], 10, "must end with"),
        ("a.mp4", [], 10, "there are no frames"),
        ("a.mp4", [black(4, 4), black(4, 6)], 10, "frame 1 is"),
        ("a.mp4", [black(4, 4)], 0, "fps=0"),
        ("a.mp4", [black(4, 4)], 0.0001, "fps=0.0001"),
    ],
)
def test_a_bad_video_is_refused_and_leaves_nothing(tmp_path, name, frames, fps, message):
    with pytest.raises(UserError, match=message):
        write_video(tmp_path / name, frames, fps=fps)
    assert not list(tmp_path.iterdir())


def test_the_newest_of_several_grids_is_the_picture():
    grids = torch.zeros(6, 2, 2)
    grids[0] = 5.0
    grids[4, 0, 1] = -1.0
    picture = input_picture({"events": grids}, SegDataSample(metainfo={"num_grids": 2}))
    np.testing.assert_array_equal(picture, draw_event_grid(grids[3:].numpy()))
    np.testing.assert_array_equal(input_picture({"events": grids}, SegDataSample()), draw_event_grid(grids.numpy()))
    assert (input_picture({"image": torch.full((3, 2, 2), 300.0)}, SegDataSample()) == 255).all()
    with pytest.raises(UserError, match="samples with points cannot be drawn"):
        input_picture({"points": grids}, SegDataSample())


def test_only_samples_of_events_get_a_legend():
    visualizer = SparseVisualizer()
    visualizer.dataset_meta = {"classes": NAMES, "palette": COLOURS.tolist()}
    canvas = np.full((300, 400, 3), 255, np.uint8)
    plain, events = (SegDataSample(metainfo=meta) for meta in ({}, {"events_path": "a.h5"}))
    assert visualizer.draw_sample(canvas, events).shape[0] == visualizer.draw_sample(canvas, plain).shape[0] + 20
    visualizer.dataset_meta = None
    assert visualizer.draw_sample(canvas, events).shape == visualizer.draw_sample(canvas, plain).shape
