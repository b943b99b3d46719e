"""The tool that makes training clips, with OpenCV's flow, on a picture that slides."""

import cv2
import numpy as np
import pytest
from tool_runner import run_tool

from sparsevision.datasets.video.loading import LoadClip, LoadClipTruth
from sparsevision.datasets.video.videos import VideoFolder
from sparsevision.visualization.video import write_video

pytest.importorskip("av")
TOOL = "dataset_converters/video_clips.py"


@pytest.fixture
def videos(tmp_path):
    """A picture that slides by (-2, -1) pixels a frame, and a file that is no video."""
    rng = np.random.default_rng(0)
    wide = cv2.resize(rng.integers(0, 256, (30, 40, 3), np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)
    frames = [wide[20 + number : 84 + number, 10 + 2 * number : 106 + 2 * number] for number in range(10)]
    write_video(tmp_path / "videos" / "slide.mp4", frames, fps=10)
    (tmp_path / "videos" / "slide.txt").write_text("it slides\n")
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"nonsense")
    return tmp_path / "videos"


def run(videos, out, *more):
    settings = ("--frames", 4, "--stride", 2, "--size", 64, 96, "--flow", "dis")
    return run_tool(TOOL, videos, "--out", out, *settings, *more)


def test_a_sliding_picture(videos, tmp_path):
    out = tmp_path / "out"
    finished = run(videos, out)
    assert finished.code == 1
    assert "1 clips written, 0 already there, 1 of 2 videos skipped" in finished.out
    assert "skipped: " in finished.err
    assert "broken.mp4" in finished.err
    pipeline = [LoadClip(frames=4, stride=1, random_start=False), LoadClipTruth()]
    sample = VideoFolder(folder=out / "clips", truth=out / "truth", test_mode=True, pipeline=pipeline)[0]
    assert sample["caption"] == "it slides"
    assert sample["offsets"].tolist() == [2, 4, 6]
    inner = (slice(None), slice(None), slice(16, -16), slice(24, -24))
    assert np.abs(sample["flow"][inner].mean((2, 3)) - np.array([[-4, -2], [-8, -4], [-12, -6]])).max() < 0.5
    assert sample["visible"][:, 16:-16, 24:-24].mean() > 0.9
    assert not sample["visible"][2, :, :8].any()  # left the picture
    assert "0 clips written, 1 already there" in run(videos, out).out


def test_bad_input(videos, tmp_path):
    assert run(videos, tmp_path / "out", "--raft-weights", "x.pth").code == 2
    assert run_tool(TOOL, videos, "--out", tmp_path / "out", "--flow", "raft").code == 2
    finished = run(videos, tmp_path / "out", "--frames", 1)
    assert finished.code == 2
    assert "two or more frames" in finished.err
    assert not (tmp_path / "out").exists()
