"""Frame and prompt consistency and FVD against direct computations, with stand-ins for the networks."""

import numpy as np
import pytest
import torch
from torch import nn

from sparsevision.evaluation.functional.consistency import frame_consistency, prompt_scores
from sparsevision.evaluation.functional.views import frechet_distance
from sparsevision.evaluation.video_quality import VideoQualityMetric
from sparsevision.utils import UserError

RNG = np.random.default_rng(0)


class MeanColour(nn.Module):
    """Stands for CLIP: a picture is its mean colour, a text its three first letters."""

    def images(self, pictures):
        """(N,3) unit vectors."""
        return nn.functional.normalize(pictures.mean((2, 3)), dim=-1)

    def texts(self, texts):
        """(N,3) unit vectors."""
        return nn.functional.normalize(torch.tensor([[float(ord(letter)) for letter in t[:3]] for t in texts]), dim=-1)


class Moments(nn.Module):
    """Stands for I3D: mean and spread of each colour."""

    def forward(self, video):
        """(B,6)."""
        return torch.cat([video.mean((2, 3, 4)), video.std((2, 3, 4))], 1)


def clips(count, **fields):
    return [{"sample_id": str(i), "pred_video": RNG.random((3, 4, 6, 8), np.float32)} | fields for i in range(count)]


def test_consistency_by_hand():
    frames = np.array([[1, 0], [1, 1], [0, 2]])
    assert frame_consistency(frames) == pytest.approx(np.sqrt(0.5))
    scores = prompt_scores(frames, [0, 3])
    assert scores["CLIPSIM"] == pytest.approx((0 + np.sqrt(0.5) + 1) / 3)
    assert scores["prompt_consistency"] == pytest.approx(100 * scores["CLIPSIM"])
    with pytest.raises(UserError, match="two frames"):
        frame_consistency(frames[:1])


def test_metric_of_clip():
    samples = [*clips(2, prompt="red"), *clips(1)]
    metric = VideoQualityMetric(clip=MeanColour())
    metric.process(None, samples)
    scores = metric.evaluate(3)
    consistency, similarity = [], []
    for sample in samples:
        colours = sample["pred_video"].mean((2, 3)).T
        units = colours / np.linalg.norm(colours, axis=1, keepdims=True)
        consistency.append(np.mean([units[t] @ units[t + 1] for t in range(3)]))
        if "prompt" in sample:
            text = np.array([ord(letter) for letter in "red"])
            similarity.append(np.mean(units @ text / np.linalg.norm(text)))
    assert scores == pytest.approx(
        {
            "video/frame_consistency": np.mean(consistency),
            "video/CLIPSIM": np.mean(similarity),
            "video/prompt_consistency": 100 * np.mean(similarity),
        }
    )


def test_fvd_is_the_frechet_distance_of_all_clips_and_tells_their_number():
    samples = [sample | {"gt_video": RNG.random((3, 4, 6, 8), np.float32) ** 2} for sample in clips(5)]
    metric = VideoQualityMetric(i3d=Moments())
    metric.process(None, [*samples[:3], *clips(1)])
    metric.process(None, samples[3:])
    scores = metric.evaluate(6)
    sides = [
        np.stack([Moments()(torch.from_numpy(sample[name])[None])[0].numpy() for sample in samples])
        for name in ("pred_video", "gt_video")
    ]
    assert scores == pytest.approx({"video/FVD": frechet_distance(*sides), "video/FVD_clips": 5})
    metric.process(None, [sample | {"gt_video": sample["pred_video"]} for sample in samples])
    assert metric.evaluate(5)["video/FVD"] == pytest.approx(0, abs=1e-6)


def test_without_weights_keys_are_absent_and_the_log_says_so(monkeypatch):
    told = []
    monkeypatch.setattr("sparsevision.evaluation.video_quality.print_log", lambda text, *_: told.append(text))
    metric = VideoQualityMetric()
    metric.process(None, clips(2))
    assert metric.evaluate(2) == {}
    assert any("without `clip`: no frame and prompt consistency" in text for text in told)
    assert any("no FVD; no file with I3D's weights was given" in text for text in told)
    metric = VideoQualityMetric(i3d=Moments())
    metric.process(None, clips(2))
    assert metric.evaluate(2) == {}
    assert "no FVD: it needs 2 clips with gt_video or more, got 0." in told


def test_what_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"clip a: has no pred_video"):
        VideoQualityMetric().process(None, [{"sample_id": "a"}])
    with pytest.raises(UserError, match=r"clip a: pred_video: expected a clip \(3,T,H,W\)"):
        VideoQualityMetric().process(None, [{"sample_id": "a", "pred_video": np.zeros((4, 3, 2, 2))}])
    with pytest.raises(UserError, match="no CLIP weights"):
        VideoQualityMetric(clip=tmp_path / "clip.pt")
    with pytest.raises(UserError, match="no I3D weights"):
        VideoQualityMetric(i3d=str(tmp_path / "i3d.pt"))
