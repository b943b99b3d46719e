"""tools/detect.py and tools/analysis_tools/show_tokens.py: photographs in, pictures and numbers out."""

import json

import cv2
import pytest
import toy_detector
from PIL import Image
from tool_runner import run_tool
from toy_detector import colourful


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy_detector")
    Image.fromarray(colourful(blue=(90, 20, 140, 60))).save(folder / "both.png")
    Image.fromarray(colourful(red=None)).save(folder / "none.png")
    return folder, [toy_detector.write_config(folder), toy_detector.write_weights(folder)]


def test_detect(trained, tmp_path):
    folder, model = trained
    images = [folder / "both.png", folder / "none.png"]
    finished = run_tool("detect.py", *model, *images, "--out-dir", tmp_path, "--device", "cpu", "--batch-size", 2)
    assert finished.code == 0, finished.err
    assert "both.png: 1 red, 1 blue" in finished.out
    assert "none.png: nothing" in finished.out
    assert finished.out.endswith(f"wrote 2 pictures to {tmp_path}\n")
    assert len(json.loads((tmp_path / "both_boxes.json").read_text())["detections"]) == 2
    surest = run_tool("detect.py", *model, *images, "--out-dir", tmp_path, "--device", "cpu", "--score-threshold", 0.7)
    assert "both.png: 1 red\n" in surest.out


def test_show_tokens(trained, tmp_path):
    folder, model = trained
    options = ["--device", "cpu", "--out", tmp_path / "tokens.png"]
    finished = run_tool("analysis_tools/show_tokens.py", *model, folder / "both.png", *options)
    assert finished.code == 0, finished.err
    assert "layer 1: 56 of 112 tokens (50%)" in finished.out
    panels = cv2.imread(str(tmp_path / "tokens.png"))
    assert panels.shape[1] == 4 * 400 + 3 * 4, "detections, scores, two layers"
    fewer = run_tool(
        "analysis_tools/show_tokens.py", *model, folder / "both.png", *options, "--cfg-options", "model.keep_ratio=0.25"
    )
    assert "layer 1: 28 of 112 tokens (25%)" in fewer.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.png", "--out-dir", "out"], "missing.png: no such file"),
        (["both.png", "--out-dir", "out", "--score-threshold", "50"], "score_threshold=50"),
        (["both.png", "--out-dir", "out", "--cfg-options", "model.keep=1"], "keep_ratio"),
        (["both.png", "--out-dir", "both.png"], "takes a folder"),
        (["both.png", "--out-dir", "out", "--classes", "a", "b", "c"], "3 names are known"),
    ],
)
def test_refusals(trained, monkeypatch, arguments, message):
    folder, model = trained
    monkeypatch.chdir(folder)
    finished = run_tool("detect.py", *model, *arguments, "--device", "cpu")
    assert finished.code == 2
    assert message in finished.err
    assert not (folder / "out").exists()
