"""Training clips from videos: layout, windows, what is skipped, what is kept, and what an interruption leaves."""

import json

import numpy as np
import pytest

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.video.loading import LoadClip, LoadClipTruth
from sparsevision.datasets.video.prepare import ClipSettings, clip_windows, open_videos, prepare_clips
from sparsevision.datasets.video.videos import VideoFolder
from sparsevision.utils import UserError

SETTINGS = ClipSettings(frames=3, stride=2, size=(8, 12), clips_per_video=2, flow="made")


def measure(clip):
    """Frame k (1, 2) has moved by (k, -k) pixels; the upper half can be trusted."""
    flow = np.stack([np.full((2, *clip.shape[1:3]), number) * [[[1]], [[-1]]] for number in range(1, len(clip))])
    visible = np.zeros((len(flow), *clip.shape[1:3]), bool)
    visible[:, :4] = True
    return flow.astype(np.float32), visible


def no_measure(clip):
    raise AssertionError("nothing is left to measure")


@pytest.fixture
def source(tmp_path):
    """Two videos as folders of images, one of them in a folder, and one that is too short."""
    root = tmp_path / "videos"
    for name, frames in (("a", 12), ("more/b.c", 20), ("short", 2)):
        for number in range(frames):
            write_png(root / name / f"{number:02d}.png", np.full((16, 24, 3), 10 * number, np.uint8))
    (root / "a.txt").write_text("a grey wall\n")
    return root


def prepare(source, out, settings=SETTINGS, how=measure):
    return list(prepare_clips(open_videos(source), out, settings, how, root=source))


def test_what_comes_out_is_read_like_moving_shapes(source, tmp_path):
    results = prepare(source, tmp_path / "out")
    assert [(each.written, each.kept) for each in results] == [(2, 0), (2, 0), (0, 0)]
    assert "short: has 2 frames, a clip takes 3" in results[2].problem
    clips = VideoFolder(
        folder=tmp_path / "out" / "clips",
        truth=tmp_path / "out" / "truth",
        test_mode=True,
        pipeline=[LoadClip(frames=3, stride=1, random_start=False), LoadClipTruth()],
    )
    assert [clip["sample_id"] for clip in clips] == ["a_00", "a_01", "more/b.c_00", "more/b.c_01"]
    sample = clips[0]
    assert sample["caption"] == "a grey wall"
    assert np.diff(sample["video"][:, 0, 0, 0].astype(int)).tolist() == [20, 20]
    assert sample["flow"].shape == (2, 2, 8, 12)
    assert sample["flow"][:, :, 0, 0].tolist() == [[1, -1], [2, -2]]
    assert sample["visible"][:, :4].all()
    assert not sample["visible"][:, 4:].any()
    assert sample["offsets"].tolist() == [2, 4]  # frames of the video, which the clip has every second of
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clips", "clips.json", "truth"]


def test_a_second_run_does_what_is_left(source, tmp_path):
    out = tmp_path / "out"
    prepare(source, out)
    assert [each.kept for each in prepare(source, out, how=no_measure)] == [2, 2, 0]
    first = (out / "clips" / "a_01" / "000.png").read_bytes()
    (out / "truth" / "a_01.npz").unlink()
    assert [(each.written, each.kept) for each in prepare(source, out)][:1] == [(1, 1)]
    assert (out / "clips" / "a_01" / "000.png").read_bytes() == first


def test_an_interruption_leaves_whole_clips(source, tmp_path):
    calls = []

    def interrupted(clip):
        calls.append(clip)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(clip)

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        prepare(source, out, how=interrupted)
    assert [path.name for path in (out / "clips").iterdir() if path.is_dir()] == ["a_00"]
    assert [path.name for path in (out / "truth").iterdir()] == ["a_00.npz"]
    assert [(each.written, each.kept) for each in prepare(source, out)][:2] == [(1, 1), (2, 0)]


def test_windows_depend_on_seed_and_name_only():
    settings = ClipSettings(frames=4, stride=3, clips_per_video=3)
    windows = clip_windows(100, settings, "x")
    assert [window.tolist() for window in windows] == [window.tolist() for window in clip_windows(100, settings, "x")]
    firsts = [int(window[0]) for window in windows]
    assert all(low <= first <= low + 31 for low, first in zip((0, 30, 60), firsts, strict=True))
    assert firsts != [int(window[0]) for window in clip_windows(100, settings, "y")]
    other = ClipSettings(frames=4, stride=3, clips_per_video=3, seed=1)
    assert firsts != [int(window[0]) for window in clip_windows(100, other, "x")]
    assert [window.tolist() for window in clip_windows(4, settings, "x")] == [[0, 1, 2, 3]]  # three times the same


def test_lists_and_captions_that_are_missing(source, tmp_path):
    lines = [{"video_path": "a", "caption": "two\nlines"}, {"video_path": "none.mp4"}]
    path = source / "list.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    results = list(prepare_clips(open_videos(path), tmp_path / "out", SETTINGS, measure, root=source))
    assert results[0].written == 2
    assert "none.mp4: there is no such file" in results[1].problem
    assert (tmp_path / "out" / "clips" / "a_00.txt").read_text() == "two lines\n"
    webvid = open_videos(source, "webvid")
    assert len(webvid) == 1
    assert len(webvid.broken) == 2


def test_what_is_refused(source, tmp_path):
    out = tmp_path / "out"
    prepare(source, out)
    with pytest.raises(UserError, match=r"clips\.json.*stride 2, now 4; seed 0, now 9"):
        prepare(source, out, ClipSettings(frames=3, stride=4, size=(8, 12), clips_per_video=2, flow="made", seed=9))
    with pytest.raises(UserError, match="holds something else"):
        prepare(source, source)
    (source / "a.mp4").write_bytes(b"x")
    with pytest.raises(UserError, match="would both become 'a'"):
        prepare(source, tmp_path / "other")
    with pytest.raises(UserError, match="no such file or folder"):
        open_videos(tmp_path / "none")
    with pytest.raises(UserError, match="expected one of folder, webvid, list"):
        open_videos(source, "webvd")
    with pytest.raises(UserError, match="two or more frames"):
        ClipSettings(frames=1)
