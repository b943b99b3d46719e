"""tools/motion_i2v.py: drags, camera moves, lists and clips in; videos, flow and pictures out; clear mistakes."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from tool_runner import load_tool, run_tool
from toy_i2v import write_checkpoints

from sparsevision.datasets.video.clips import probe_clip
from sparsevision.layers.gmflow import GMFlow
from sparsevision.visualization import write_video


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A photograph, a brush, a clip, broken ones, and checkpoints."""
    folder = tmp_path_factory.mktemp("tool")
    write_checkpoints(folder)
    rng = np.random.default_rng(0)
    photo = np.kron(rng.integers(0, 255, (12, 16, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    Image.fromarray(photo).save(folder / "photo.png")
    Image.fromarray(np.full((96, 128), 255, np.uint8)).save(folder / "brush.png")
    Image.fromarray(np.full((64, 64), 255, np.uint8)).save(folder / "small.png")
    write_video(folder / "clip.mp4", [np.roll(photo, 2 * index, axis=1) for index in range(9)], fps=8)
    write_video(folder / "short.mp4", [photo] * 4, fps=8)
    (folder / "broken.mp4").write_bytes((folder / "clip.mp4").read_bytes()[:200])
    entries = [{"image": "photo.png", "tracks": [[[40, 40], [80, 40]]]}, {"image": "photo.png", "brush": "brush.png"}]
    (folder / "drags.json").write_text(json.dumps(entries))
    (folder / "outside.json").write_text(json.dumps([{"image": "photo.png", "tracks": [[[40, 40], [200, 40]]]}]))
    (folder / "none.json").write_text(json.dumps([{"image": "photo.png", "tracks": []}]))
    return folder


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    """`run(*words)` in the folder, one step of sampling, results in tmp_path / "out"."""
    monkeypatch.chdir(folder)
    return lambda *words: run_tool(
        "motion_i2v.py", *words, "--out", tmp_path / "out", "--steps", 1, "--device", "cpu"
    )  # fmt: skip


BOTH = ["--motion", "motion.pth", "--frames", "frames.pth"]


def test_drags_and_a_brush(run, tmp_path):
    finished = run(
        "photo.png", "--drag", "40,40 80,40", "--drag", "10,80", "--hold", 4, "--brush", "brush.png",
        "--speed", "ease_in", "steady", "--region", "gaussian", "--unit", 4, *BOTH,
    )  # fmt: skip
    assert finished.code == 0, finished.err
    assert finished.out.endswith("video.mp4\n")
    assert probe_clip(tmp_path / "out" / "video.mp4").frames == 8
    assert len(list((tmp_path / "out" / "flow").iterdir())) == 7
    assert json.loads((tmp_path / "out" / "request.json").read_text())["frozen_share"] > 0
    again = run("photo.png", "--drag", "40,40 80,40", *BOTH)
    assert again.code == 2
    assert "--overwrite" in again.err
    assert run("photo.png", "--drag", "40,40 80,40", *BOTH, "--overwrite").code == 0


def test_a_camera_move_needs_stage_2_alone(run, tmp_path):
    finished = run("photo.png", "--camera", "zoom_in", "--frames", "frames.pth", "--size", 32, 64)
    assert finished.code == 0, finished.err
    flow = np.load(tmp_path / "out" / "flow.npz")["flow"]
    assert flow.shape == (7, 2, 32, 64)
    assert flow[-1, 0, 16, 63] == pytest.approx(0.3 * 31.5, abs=0.01)


def test_a_list(run, tmp_path):
    finished = run("--json", "drags.json", "--checkpoint", "whole.pth", "--seed", 3)
    assert finished.code == 0, finished.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["photo_0", "photo_1"]
    assert json.loads((tmp_path / "out" / "photo_0" / "request.json").read_text())["seed"] == 3


def test_video_to_video(run, tmp_path):
    finished = run("--video", "clip.mp4", "--restyled", "small.png", "--extractor", "dis", "--frames", "frames.pth")
    assert finished.code == 0, finished.err
    flow = np.load(tmp_path / "out" / "flow.npz")["flow"]
    assert flow[-1, 0, 16:48, 16:48].mean() == pytest.approx(7, abs=1), "14 pixels of 128, at 64"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photo.png", "--drag", "40,40 130,40", *BOTH], "tracks[0]"),
        (["photo.png", "--drag", "40,40 80,40", "--brush", "small.png", *BOTH], "small.png is 64 x 64 pixels"),
        (["photo.png", "--drag", "40;40", *BOTH], "expected clicks like '10,20 40,20'"),
        (["photo.png", "--drag", "", *BOTH], "expected clicks like '10,20 40,20'"),
        (["--json", "none.json", *BOTH], "neither a track nor a brush"),
        (["--json", "outside.json", *BOTH], "entry 0: tracks: number 0"),
        (["photo.png", "--drag", "4,4 9,9", "--speed", "steady", "ease_in", *BOTH], "2 curves for 1 tracks"),
        (["--video", "short.mp4", *BOTH], "holds 4 frames, and the model makes 8"),
        (["--video", "broken.mp4", *BOTH], "broken.mp4"),
        (["--video", "clip.mp4", "--extractor", "raft", *BOTH], "raft: give its weights"),
        (["photo.png", "--drag", "4,4 9,9", "--motion", "frames.pth"], "frames.pth holds stage 2"),
        (["photo.png", "--drag", "4,4 9,9", "--checkpoint", "motion.pth"], "expected both stages"),
        (["photo.png", "--drag", "4,4 9,9", "--frames", "frames.pth"], "there is no stage 1"),
        (["photo.png", "--drag", "4,4 9,9"], "give a checkpoint"),
        (["photo.png", "--video", "clip.mp4"], "give one of"),
        ([*BOTH], "give one of"),
        (["photo.png", "--restyled", "small.png", *BOTH], "--restyled needs --video"),
        (["--video", "clip.mp4", "--camera", "zoom_in", *BOTH], "need an image"),
    ],
)
def test_mistakes_are_named(run, tmp_path, words, message):
    finished = run(*words)
    assert finished.code == 2
    assert message in finished.err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_the_clip_s_flow_is_found_where_the_model_is(tmp_path):
    torch.save(GMFlow().state_dict(), tmp_path / "gmflow.pth")
    tool, asked = load_tool("motion_i2v.py"), {}
    inferencer = SimpleNamespace(device=torch.device("meta"), restyle=lambda *_, **options: asked.update(options))
    words = ["--video", "clip.mp4", "--extractor", "gmflow", "--extractor-weights", str(tmp_path / "gmflow.pth")]
    list(tool.results(inferencer, tool.parse_args([*words, "--out", str(tmp_path / "out")])))
    assert {parameter.device.type for parameter in asked["extractor"].network.parameters()} == {"meta"}
