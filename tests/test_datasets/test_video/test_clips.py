"""Clips from videos and folders: the right frames; broken files named, counted and left out; loading."""

import json
import warnings

import numpy as np
import pytest

from sparsevision.annotation import npz
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.seeded import SampleIndex
from sparsevision.datasets.video.clips import BrokenClip, frame_indices, probe_clip, read_frames
from sparsevision.datasets.video.loading import LoadClip, LoadClipTruth
from sparsevision.datasets.video.videos import VideoFolder, VideoList, WebVidFolder
from sparsevision.utils import UserError
from sparsevision.visualization.video import write_video

pytest.importorskip("av")
LEVELS = [20 * number for number in range(12)]


def grey(level):
    return np.full((16, 24, 3), level, np.uint8)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three good clips (one a folder of images), one cut off, one of nonsense, one without caption."""
    root = tmp_path_factory.mktemp("videos")
    for name in ("a", "b", "cut", "nocaption"):
        write_video(root / f"{name}.mp4", map(grey, LEVELS), fps=8)
    whole = (root / "cut.mp4").read_bytes()
    (root / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (root / "nonsense.mp4").write_bytes(b"nonsense" * 50)
    for number in range(5):
        write_png(root / "frames" / f"{number:03d}.png", grey(10 * number))
    for name in ("a", "b", "cut", "nonsense", "frames"):
        (root / f"{name}.txt").write_text(f"caption of {name}\nand more\n")
    return root


def test_frames_of_a_video(made):
    info = probe_clip(made / "a.mp4")
    assert (info.frames, info.height, info.width, info.fps) == (12, 16, 24, 8)
    frames = read_frames(made / "a.mp4", [11, 3, 3, 0])
    assert frames.shape == (4, 16, 24, 3)
    assert np.abs(frames.mean((1, 2, 3)) - [LEVELS[11], LEVELS[3], LEVELS[3], LEVELS[0]]).max() < 4


def test_frames_of_a_folder(made):
    assert probe_clip(made / "frames").frames == 5
    assert read_frames(made / "frames", [4, 1]).mean((1, 2, 3)).tolist() == [40, 10]


@pytest.mark.parametrize(
    ("name", "problem"), [("cut.mp4", "cut"), ("nonsense.mp4", "nonsense"), ("none.mp4", "no such file")]
)
def test_broken_clips_are_named(made, name, problem):
    with pytest.raises(BrokenClip, match=rf"{name}.*"):
        probe_clip(made / name)
    with pytest.raises(BrokenClip, match=problem):
        read_frames(made / name, [0])


def test_a_frame_that_is_not_there(made):
    with pytest.raises(BrokenClip, match="frame 12 is not there"):
        read_frames(made / "a.mp4", [3, 12])
    with pytest.raises(BrokenClip, match="frame 5 is not there"):
        read_frames(made / "frames", [5])


@pytest.mark.parametrize(
    ("length", "start", "expected"),
    [(100, 0, [0, 8, 16, 24]), (100, 1, [75, 83, 91, 99]), (10, 1, [0, 3, 6, 9]), (1, 0.5, [0, 0, 0, 0])],
)
def test_frame_indices(length, start, expected):
    assert frame_indices(length, frames=4, stride=8, start=start).tolist() == expected


def test_a_folder_leaves_out_what_is_broken_and_says_so(made):
    with pytest.warns(UserWarning, match="2 of 6 clips are left out") as caught:
        clips = VideoFolder(folder=made, test_mode=True)
    assert "cut.mp4" in str(caught[0].message)
    assert "nonsense.mp4" in str(caught[0].message)
    assert [clip["sample_id"] for clip in clips] == ["a", "b", "frames", "nocaption"]
    assert clips[0]["caption"] == "caption of a"
    assert clips[3]["caption"] == ""
    assert {path.rsplit("/")[-1] for path in clips.broken} == {"cut.mp4", "nonsense.mp4"}
    assert len(VideoFolder(folder=made, test_mode=True, check="none")) == 6


def test_webvid_needs_captions(made):
    with pytest.warns(UserWarning, match=r"3 of 6(.|\n)*nocaption\.txt"):
        assert len(WebVidFolder(folder=made, test_mode=True)) == 3


def test_decoding_finds_damage_inside(made, tmp_path):
    for number in range(3):
        write_png(tmp_path / "x" / f"{number}.png", grey(0))
        write_png(tmp_path / "y" / f"{number}.png", grey(0))
    last = tmp_path / "x" / "2.png"
    write_png(last, np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8))
    last.write_bytes(last.read_bytes()[:600])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(VideoFolder(folder=tmp_path)) == 2
    with pytest.warns(UserWarning, match="1 of 2"):
        assert len(VideoFolder(folder=tmp_path, check="decode")) == 1
    (tmp_path / "y" / "0.png").write_bytes(b"")
    with pytest.raises(UserError, match="2 of 2 clips"):
        VideoFolder(folder=tmp_path, check="decode")


def test_list_of_json_lines(made):
    lines = [
        '{"video_path": "a.mp4", "caption": "one", "motion_caption": "it moves"}',
        '{"video_path": "b.mp4", "caption": "two", "ocr_valid": false}',
        "",
        '{"video_path": "frames"}',
    ]
    path = made / "list.jsonl"
    path.write_text("\n".join(lines))
    assert [clip["caption"] for clip in VideoList(file=path, test_mode=True)] == ["one", ""]
    assert VideoList(file=path, motion_captions=True, test_mode=True)[0]["caption"] == "it moves"
    path.write_text("".join(json.dumps({"video_path": f"{name}.mp4"}) + "\n" for name in ("b/a", "c/a", "d")))
    assert [clip["sample_id"] for clip in VideoList(file=path, check="none", test_mode=True)] == ["b/a", "c/a", "d"]
    path.write_text('{"video_path": "a.mp4"}\n{"video": 3}')
    with pytest.raises(UserError, match=r"list\.jsonl, line 2: .*video_path"):
        VideoList(file=path)
    path.write_text("no json")
    with pytest.raises(UserError, match=r"list\.jsonl, line 1"):
        VideoList(file=path)


def test_what_is_not_there(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        VideoFolder(folder=tmp_path / "none")
    with pytest.raises(UserError, match="holds no video"):
        VideoFolder(folder=tmp_path)
    with pytest.raises(UserError, match="cannot be read as a list"):
        VideoList(file=tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="check is one of"):
        VideoFolder(folder=tmp_path, check="opn")


def test_load_clip_resizes_and_is_seeded(made):
    pipeline = [{"type": LoadClip, "frames": 4, "stride": 2, "size": (8, 10)}]
    clips = VideoFolder(folder=made, check="none", indices=1, pipeline=pipeline)
    sample = clips[SampleIndex(0, draw=5, seed=1)]
    assert sample["video"].shape == (4, 8, 10, 3)
    assert sample["offsets"].tolist() == [2, 4, 6]
    starts = [int(clips[SampleIndex(0, draw=draw, seed=1)]["indices"][0]) for draw in range(8)]
    assert len(set(starts)) > 1
    assert starts == [int(clips[SampleIndex(0, draw=draw, seed=1)]["indices"][0]) for draw in range(8)]


def test_load_clip_counts_what_it_skips(made):
    load = LoadClip(frames=2, stride=1, broken="skip")
    with pytest.warns(UserWarning, match="broken clip number 1"):
        assert load({"video_path": str(made / "cut.mp4")}) is None
    assert load({"video_path": str(made / "cut.mp4")}) is None
    assert load.broken_paths == {str(made / "cut.mp4")}
    with pytest.raises(BrokenClip):
        LoadClip(frames=2)({"video_path": str(made / "cut.mp4")})
    with pytest.raises(UserError, match="'error' or 'skip'"):
        LoadClip(broken="ignore")


def test_truth_follows_the_frames_that_are_read(made, tmp_path):
    flow = np.arange(4, dtype=np.float16)[:, None, None, None] * np.ones((1, 2, 16, 24), np.float16)
    truth = {"flow": flow, "visible": flow[:, 0] > 1, "centres": np.arange(10.0).reshape(1, 5, 2)}
    (tmp_path / "frames.npz").write_bytes(npz.pack_arrays(truth | {"objects": np.zeros((16, 24), np.uint8)}))
    clips = VideoFolder(folder=made, truth=tmp_path, check="none", test_mode=True)
    sample = LoadClip(frames=3, stride=2, random_start=False)(clips[3])
    sample = LoadClipTruth()(sample)
    assert sample["flow"].dtype == np.float32
    assert sample["flow"][:, 0, 0, 0].tolist() == [1, 3]  # frames 2 and 4
    assert sample["visible"].any((1, 2)).tolist() == [False, True]
    assert sample["centres"][0, :, 0].tolist() == [0, 4, 8]
    with pytest.raises(UserError, match="random_start=False"):
        LoadClipTruth()(sample | {"indices": np.array([1, 2, 3])})
    with pytest.raises(UserError, match=r"flow.*16, 20"):
        LoadClipTruth()(sample | {"video": sample["video"][:, :, :20]})
    with pytest.raises(UserError, match="no file of truth"):
        LoadClipTruth()(clips[0])


def test_all_shared_videos_load(shared_folder):
    folder = shared_folder("video")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clips = VideoFolder(folder=folder, test_mode=True)
    images = {path.parent for path in folder.rglob("*.png")}
    assert len(clips) == len(list(folder.rglob("*.mp4"))) + len(images) >= 4
    load = LoadClip(frames=4, stride=2, size=(40, 64), random_start=False)
    for clip in clips:
        video = load(clip)["video"]
        assert video.shape == (4, 40, 64, 3)
        assert video.std() > 5


def test_a_range_of_strides_is_drawn_from_and_checked(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(12):
        write_png(folder / f"{number:02d}.png", np.full((8, 8, 3), number, np.uint8))
    load = LoadClip(frames=2, stride=(1, 11), random_start=False)
    gaps = {int(load.transform({"video_path": str(folder)})["offsets"][0]) for _ in range(60)}
    assert len(gaps) > 4
    assert gaps <= set(range(1, 12))
    with pytest.raises(UserError, match=r"stride=\(5, 2\)"):
        LoadClip(frames=2, stride=(5, 2))
