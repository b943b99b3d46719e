"""Scores of flow, tracks and videos against numbers worked out by hand, and the metric that gathers them."""

import numpy as np
import pytest

from sparsevision.evaluation.functional.flow import (
    endpoint_errors,
    flow_leak,
    flow_scores,
    visible_both_ways,
    warp_error,
)
from sparsevision.evaluation.functional.tracks import track_scores, tracks_of_flow
from sparsevision.evaluation.functional.views import PERFECT_PSNR
from sparsevision.evaluation.video import VideoMetric
from sparsevision.utils import UserError

TRUE = np.zeros((2, 2, 4, 6))
TRUE[:, 0] = 10.0
OBJECTS = np.zeros((4, 6), np.uint8)
OBJECTS[1:3, 2:4] = 1


def test_flow_scores_by_hand():
    pred = TRUE.copy()
    pred[1, :, 0, 0] += (3, 4)  # one pixel of 48 is off by 5
    pred[0, 0, 1, 2] -= 2  # one of the 8 pixels of the object by 2
    scores = flow_scores(pred, TRUE, objects=OBJECTS)
    assert scores["EPE"] == pytest.approx(7 / 48)
    assert scores["Fl"] == pytest.approx(1 / 48)
    assert scores["EPE_object"] == pytest.approx(2 / 8)
    assert scores["EPE_background"] == pytest.approx(5 / 40)
    known = np.ones((2, 4, 6), bool)
    known[1, 0, 0] = False
    assert flow_scores(pred, TRUE, known=known)["EPE"] == pytest.approx(2 / 47)
    assert np.isnan(flow_scores(pred, TRUE, known=np.zeros((4, 6)))["EPE"])


def test_outliers_need_both_limits():
    true = np.full((1, 2, 1, 1), 100.0)
    assert flow_scores(true + 4, true)["Fl"] == 0  # 5.7 pixels of 141
    assert flow_scores(true + 6, true)["Fl"] == 1


def test_angle_and_displacement():
    pred, true = np.zeros((1, 2, 1, 1)), np.zeros((1, 2, 1, 1))
    pred[0, 0] = 1
    assert flow_scores(pred, true)["angle"] == pytest.approx(45)
    assert flow_scores(pred, true)["displacement"] == 1


def test_leak_is_what_moves_where_nothing_may():
    assert flow_leak(TRUE * (OBJECTS != 0), OBJECTS == 0) == 0
    assert flow_leak(TRUE, OBJECTS == 0) == 10


def test_warp_error_is_zero_for_the_right_flow_only():
    rng = np.random.default_rng(0)
    wide = rng.random((3, 8, 20))
    first, later = wide[:, :, 4:14], np.stack([wide[:, :, 2:12], wide[:, :, 3:13]])  # moves right by 2 and by 1
    flow = np.zeros((2, 2, 8, 10))
    flow[0, 0], flow[1, 0] = 2, 1
    assert warp_error(first, later, flow) == pytest.approx(0, abs=1e-6)
    assert warp_error(first, later, 0 * flow) > 0.2
    later[0, :, 3, 5] = 9  # what hides pixel (3, 3)
    assert warp_error(first, later, flow) > 0.01
    visible = np.ones((2, 8, 10), bool)
    visible[0, 3, 3] = False
    assert warp_error(first, later, flow, visible) == pytest.approx(0, abs=1e-6)


def test_visible_both_ways():
    forward = np.zeros((1, 2, 4, 6))
    forward[:, 0] = 1
    backward = -forward
    backward[0, 0, 2, 3] = 3
    visible = visible_both_ways(forward, backward)
    assert not visible[0, 2, 2]
    assert not visible[0, :, 5].any()  # they leave the image
    assert visible.sum() == 4 * 5 - 1


def test_track_scores_by_hand():
    true = np.zeros((2, 2, 2))
    pred = true.copy()
    pred[1, 0] = (3, 4)
    scores = track_scores(pred, true, visible=[[True, True], [True, False]])
    assert scores == pytest.approx({"TrajError": 7 / 4, "ObjMC": 5 / 4, "EPE_tracks": 5 / 3, "end": 5 / 2})


def test_tracks_of_flow_are_bilinear():
    flow = np.zeros((3, 2, 4, 6))
    flow[1, 0] = np.arange(6)  # dx = x
    flow[2, 1] = np.arange(4)[:, None]
    tracks = tracks_of_flow(flow, np.array([[1.25, 2.5], [5.2, 3.4], [-0.4, 0]]))
    assert tracks[0].tolist() == [[1.25, 2.5], [5.2, 3.4], [-0.4, 0]]
    assert tracks[1] == pytest.approx(np.array([[2.5, 2.5], [10.2, 3.4], [-0.4, 0]]))
    assert tracks[2] == pytest.approx(np.array([[1.25, 5], [5.2, 6.4], [-0.4, 0]]))


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: endpoint_errors(TRUE, TRUE[:1]), r"one shape \(F,2,H,W\)"),
        (lambda: flow_scores(TRUE, TRUE, objects=OBJECTS[1:]), "objects: expected a mask"),
        (lambda: track_scores(np.zeros((2, 2, 2)), np.zeros((2, 1, 2))), r"one shape \(F,n,2\)"),
        (lambda: track_scores(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), [True]), "visible: expected shape"),
        (lambda: tracks_of_flow(TRUE, np.array([[6.0, 0.0]])), "outside of the image of 6 x 4"),
        (lambda: warp_error(TRUE[0], TRUE, TRUE[:1]), "do not fit"),
    ],
)
def test_what_does_not_fit_is_said(call, problem):
    with pytest.raises(UserError, match=problem):
        call()


def sample(**fields):
    return {"sample_id": "a", "pred_flow": TRUE + 1, "gt_flow": TRUE, "objects": OBJECTS} | fields


def test_metric_means_over_clips():
    metric = VideoMetric()
    metric.process(None, [sample(), sample(pred_flow=TRUE)])
    scores = metric.evaluate(2)
    assert scores["video/EPE"] == pytest.approx(np.sqrt(2) / 2)
    assert scores["video/leak"] == pytest.approx(((10**2 + 0) ** 0.5 + (11**2 + 1) ** 0.5) / 2)
    assert "video/TrajError" not in scores
    assert "video/PSNR" not in scores


def test_metric_scores_tracks_and_frames():
    tracks = np.full((2, 1, 2), (12.0, 1.0))
    video = np.random.default_rng(0).random((3, 3, 4, 6))
    metric = VideoMetric()
    frames = {"pred_video": video, "gt_video": video * 0.5, "gt_flow": 0 * TRUE}
    metric.process(None, [sample(tracks=tracks, starts=np.array([[2.0, 1.0]]), **frames)])
    scores = metric.evaluate(1)
    assert scores["video/TrajError"] == pytest.approx(2)
    off = 0.5 * video[:, 1:]
    assert scores["video/PSNR"] == pytest.approx(np.mean([-10 * np.log10((off[:, t] ** 2).mean()) for t in range(2)]))
    assert scores["video/warp_error"] == pytest.approx(np.abs(video[:, 1:] - video[:, :1]).mean())


def test_metric_says_what_is_missing():
    with pytest.raises(UserError, match=r"clip a: .*pred_flow"):
        VideoMetric().process(None, [{"sample_id": "a", "gt_flow": TRUE}])


def test_a_perfect_frame_counts():
    true = np.random.default_rng(0).random((3, 3, 4, 6))
    half = true.copy()
    half[:, 2] += 0.1  # 20 dB; the frame before is exact
    metric = VideoMetric()
    metric.process(None, [sample(pred_video=video, gt_video=true) for video in (true, half)])
    scores = metric.evaluate(2)
    assert scores["video/PSNR"] == pytest.approx((PERFECT_PSNR + (PERFECT_PSNR + 20) / 2) / 2)


def test_a_score_that_a_clip_does_not_have_is_left_out_and_a_broken_prediction_is_not():
    unmoved = sample(objects=np.zeros_like(OBJECTS), pred_flow=TRUE + 3)
    both, first = ([sample(), unmoved], [sample()])
    means = []
    for samples in (both, first, [sample(), sample(pred_flow=TRUE * np.nan)]):
        metric = VideoMetric()
        metric.process(None, samples)
        means.append(metric.evaluate(len(samples)))
    assert means[0]["video/EPE_object"] == means[1]["video/EPE_object"]
    assert means[0]["video/EPE"] > means[1]["video/EPE"]
    assert np.isnan(means[2]["video/EPE"])
