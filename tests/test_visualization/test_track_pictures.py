"""Pictures of tracks, and GIFs."""

import numpy as np
import pytest
from PIL import Image

from sparsevision.utils import UserError
from sparsevision.visualization import draw_tracks, frames_with_tracks, write_gif

GREY = np.full((60, 80, 3), 100, np.uint8)


def changed(picture):
    """(H,W) bool, where something was drawn on grey."""
    return (picture != 100).any(axis=2)


def test_a_way_is_drawn_where_it_leads():
    ways = np.stack([[[20 + 5.0 * step, 30]] for step in range(1, 9)])
    drawn = changed(draw_tracks(GREY, [[20, 30]], ways))
    assert drawn[30, 20:61].all()
    assert not drawn[:20].any()
    assert not drawn[:, :16].any()
    assert np.array_equal(GREY, np.full((60, 80, 3), 100)), "the image is left alone"


def test_a_point_that_stays_is_a_ring():
    drawn = changed(draw_tracks(GREY, [[40, 30]], np.full((3, 1, 2), (40, 30))))
    assert not drawn[30, 40]
    assert drawn[30, 44]
    assert np.argwhere(drawn).mean(axis=0) == pytest.approx([30, 40], abs=0.6)


def test_frozen_pixels_are_darkened():
    frozen = np.zeros((60, 80), bool)
    frozen[:, :10] = True
    drawn = draw_tracks(GREY, np.zeros((0, 2)), np.zeros((4, 0, 2)), frozen=frozen)
    assert (drawn[:, :10] == 45).all()
    assert not changed(drawn)[:, 10:].any()
    with pytest.raises(UserError, match="frozen has shape"):
        draw_tracks(GREY, np.zeros((0, 2)), np.zeros((4, 0, 2)), frozen=frozen[:5])


def test_frames_show_the_way_so_far():
    video = np.stack([GREY] * 4)
    ways = np.array([[[30, 30]], [[40, 30]], [[50, 30]]], float)
    frames = list(frames_with_tracks(video, [[20, 30]], ways))
    assert len(frames) == 4
    reach = [np.flatnonzero(changed(frame)[30]).max() for frame in frames]
    assert reach[1:] == pytest.approx([30, 40, 50], abs=3)
    with pytest.raises(UserError, match="one fewer than frames"):
        list(frames_with_tracks(video, [[20, 30]], ways[:1]))
    with pytest.raises(UserError, match="expected"):
        draw_tracks(GREY, [[20, 30], [1, 1]], ways)


def test_a_gif_holds_its_frames(tmp_path):
    video = np.stack([np.full((20, 30, 3), level, np.uint8) for level in (0, 120, 240)])
    assert write_gif(tmp_path / "new" / "clip.gif", video, fps=8) == 3
    with Image.open(tmp_path / "new" / "clip.gif") as gif:
        assert gif.n_frames == 3
        assert gif.info["loop"] == 0
        for index, frame in enumerate(video):
            gif.seek(index)
            assert np.abs(np.array(gif.convert("RGB")).astype(int) - frame).max() <= 2


@pytest.mark.parametrize(
    ("name", "frames", "fps", "message"),
    [
        ("clip.mp4", GREY[None], 8, "must end with .gif"),
        ("clip.gif", GREY[None], 0, "fps=0"),
        ("clip.gif", [], 8, "one frame or more"),
        ("clip.gif", [GREY, GREY[:10]], 8, "of one size"),
    ],
)
def test_refusals_of_gifs(tmp_path, name, frames, fps, message):
    with pytest.raises(UserError, match=message):
        write_gif(tmp_path / name, frames, fps=fps)
    assert not list(tmp_path.iterdir())
