"""Camera moves as dense flow, and the preview that pushes frame 0 along a flow."""

import pytest
import torch

from sparsevision.methods.motion_i2v import CAMERA_MOVES, CameraMove, camera_flow, named_speed, preview_video
from sparsevision.utils import UserError

SIZE = {"height": 21, "width": 41, "frames": 4}


def test_a_pan_to_the_right_moves_the_picture_to_the_left():
    flow = camera_flow("pan_right", **SIZE)
    assert flow.shape == (4, 2, 21, 41)
    assert torch.allclose(flow[:, 0, 3, 5], -0.2 * 41 * torch.tensor([0.25, 0.5, 0.75, 1]))
    assert (flow[:, 1] == 0).all()


def test_zoom_and_roll_keep_the_middle():
    for move in ("zoom_in", "zoom_out", "roll_clockwise", "roll_counterclockwise"):
        flow = camera_flow(move, **SIZE)
        assert flow[:, :, 10, 20].abs().max() < 1e-6
        assert flow[-1].abs().max() > 1
    assert camera_flow("zoom_in", **SIZE)[-1, 0, 10, 40] == pytest.approx(0.3 * 20)


def test_a_quarter_roll_turns_the_picture_against_the_clock():
    flow = camera_flow(CameraMove(roll=90), **SIZE)
    assert flow[-1, :, 10, 30].tolist() == pytest.approx([-10, -10])  # from the right of the middle to above it


def test_zoom_goes_by_equal_factors():
    flow = camera_flow(CameraMove(zoom=4), **SIZE | {"frames": 2})
    assert flow[0, 0, 10, 30] == pytest.approx(10)
    assert flow[1, 0, 10, 30] == pytest.approx(30)


def test_the_speed_curve_is_followed():
    flow = camera_flow("tilt_down", **SIZE, speed=named_speed("there_and_back"))
    assert flow[1, 1, 0, 0] == pytest.approx(-0.2 * 21)
    assert flow[3].abs().max() == 0


def test_every_preset_moves():
    for name in CAMERA_MOVES:
        assert camera_flow(name, **SIZE)[-1].abs().mean() > 0.5


def test_unknown_moves_and_empty_clips_are_refused():
    with pytest.raises(UserError, match="pan_left"):
        camera_flow("panleft", **SIZE)
    with pytest.raises(UserError, match="frames"):
        camera_flow("pan_left", **SIZE | {"frames": 0})
    with pytest.raises(UserError, match="zoom"):
        CameraMove(zoom=0)


def test_the_preview_shows_the_picture_and_then_moves_it():
    image = torch.zeros(3, 8, 12)
    image[:, 4, 3] = 1
    flow = torch.zeros(2, 2, 8, 12)
    flow[0, 0], flow[1, 0] = 2, 4
    video = preview_video(image, flow)
    assert video.shape == (3, 3, 8, 12)
    assert torch.equal(video[:, 0], image)
    assert [int(frame.flatten().argmax()) % 12 for frame in video[0]] == [3, 5, 7]
    still = preview_video(image, torch.zeros(1, 2, 8, 12))
    assert still[0, 1, 4, 3] > still[0, 1, 4, 4] > 0
