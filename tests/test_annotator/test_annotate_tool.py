"""tools/annotation/annotate.py, and the assistant behind the page."""

import configparser
import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from tool_runner import ROOT, hear_ctrl_c, run_tool

from sparsevision.annotator import Assistant, Backend, choose_backend
from sparsevision.annotator.server import PAGE
from sparsevision.layers.promptable import GrabCut

TOOL = "annotation/annotate.py"


def test_the_terminal_says_what_to_do_and_ctrl_c_ends_cleanly(photos, tmp_path):
    command = [sys.executable, "-u", str(ROOT / "tools" / TOOL), str(photos), "--out", str(tmp_path / "labels")]
    command += ["--no-browser", "--sam", "none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c) as process:
        lines = [process.stdout.readline() for _ in range(6)]
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    said = "".join(lines)
    assert f"Annotating 3 images of {photos}." in said
    assert "http://127.0.0.1:" in said
    assert "/?token=" in said
    assert str(tmp_path / "labels") in said
    assert "Ctrl-C stops." in said
    assert "Stopped." in rest
    assert process.returncode == 0


def test_a_taken_port_is_an_error(photos):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = run_tool(TOOL, photos, "--port", port, "--no-browser", "--sam", "none")
    assert finished.code == 2
    assert f"port {port} is taken by another program" in finished.err.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "does not exist"),
        ([".", "--port", "70000"], "--port must lie between"),
        (["{photos}", "--classes", "a,a"], "only once"),
        (["{photos}", "--classes", ""], "printable names"),
        (["{photos}", "--classes", "moth"], "the first name is class 0, the background"),
        (["{photos}", "--out", "{photos}/a.png"], "is a file"),
    ],
)
def test_mistakes_end_in_a_sentence(photos, arguments, words):
    arguments = [argument.format(photos=photos) for argument in arguments]
    finished = run_tool(TOOL, *arguments, "--no-browser", "--sam", "none")
    assert finished.code == 2
    assert words in finished.err.replace("\n", " ")


def test_a_file_that_is_no_image_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("moths")
    finished = run_tool(TOOL, tmp_path / "notes.txt", "--no-browser", "--sam", "none")
    assert finished.code == 2
    assert "notes.txt" in finished.err
    assert not (tmp_path / "annotations").exists()


def test_a_folder_that_cannot_be_written_is_an_error_before_the_first_stroke(photos, tmp_path, monkeypatch):
    (locked := tmp_path / "locked").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: path != locked)  # root may write everywhere
    finished = run_tool(TOOL, photos, "--out", locked / "labels", "--no-browser", "--sam", "none")
    assert finished.code == 2
    assert "choose another --out" in finished.err.replace("\n", " ")


def test_the_same_folder_gets_the_same_port(photos, run_server):
    """So that a browser finds its journal after the server was started anew."""
    with run_server(photos) as first:
        port, token = first.server.server_port, first.server.gate.token
        with run_server(photos) as beside:
            assert beside.server.server_port != port
    with run_server(photos) as second:
        assert second.server.server_port == port
        assert second.server.gate.token != token


def test_the_assistant_is_chosen_by_what_is_here(monkeypatch):
    monkeypatch.setattr("sparsevision.annotator.assistant.find_weights", lambda name: None)
    assert choose_backend("none") is None
    assert choose_backend(None).name == "GrabCut"
    assert "get_weights.py mobile_sam" in choose_backend(None).note
    with pytest.raises(ValueError, match="weights of MobileSAM are not here"):
        choose_backend("mobile_sam")


def test_a_click_and_a_box_give_a_mask(photos, run_server):
    with run_server(photos, sam="grabcut") as client:
        assert client.get("/api/assistant/0").json["state"] == "idle"
        client.post("/api/prepare/0", {})
        disc = np.hypot(*(np.mgrid[:48, :64] - np.array([24, 32])[:, None, None])) < 12
        for prompt in ({"points": [[32, 24]], "labels": [1]}, {"box": [17, 9, 47, 39]}):
            runs = client.post("/api/predict/0", prompt).json["runs"]
            mask = np.zeros(48 * 64, bool)
            for start, length in zip(runs[::2], runs[1::2], strict=True):
                mask[start : start + length] = True
            mask = mask.reshape(48, 64)
            assert (mask & disc).sum() / (mask | disc).sum() > 0.85
        assert client.get("/api/assistant/0").json["state"] == "ready"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ([], "a prompt is an object"),
        ({}, "a prompt is an object"),
        ({"mask": [1]}, "a prompt is an object"),
        ({"points": 3}, "expected a list"),
        ({"points": [[1, 1]] * 201, "labels": [1] * 201}, "at most 200"),
        ({"points": [["x", 1]], "labels": [1]}, "numbers only"),
        ({"points": [[1, 1]]}, "without labels"),
        ({"points": [[1, 1]], "labels": [2]}, "labels must be"),
        ({"box": [9, 9, 1, 1]}, "x0 <= x1"),
    ],
)
def test_bad_prompts_are_refused(photos, run_server, prompt, words):
    with run_server(photos, sam="grabcut") as client:
        answer = client.post("/api/predict/0", prompt)
    assert answer.status == 400
    assert words in answer.error


def test_without_an_assistant_the_page_says_so(client):
    assert "without an assistant" in client.post("/api/predict/0", {"box": [0, 0, 5, 5]}).error


def test_embeddings_are_made_once_and_failures_are_said():
    asked = []

    def pixels(index: int) -> np.ndarray:
        asked.append(index)
        if index == 1:
            raise ValueError("a broken image")
        return np.zeros((8, 8, 3), np.uint8)

    assistant = Assistant(backend=Backend(name="GrabCut", build=GrabCut), pixels=pixels)
    for _ in range(3):
        assistant.predict(0, {"points": [[4, 4]], "labels": [1]})
    assert asked == [0]
    with pytest.raises(ValueError, match="GrabCut cannot be used here: a broken image"):
        assistant.predict(1, {"box": [0, 0, 4, 4]})
    assert assistant.state(1) == {"state": "error", "message": "GrabCut cannot be used here: a broken image"}


def test_a_segmenter_that_cannot_be_built_is_an_error_of_the_page():
    def build() -> GrabCut:
        raise ImportError("no such package")

    assistant = Assistant(backend=Backend(name="SAM", build=build), pixels=lambda index: np.zeros((8, 8, 3), np.uint8))
    assistant.prepare(0)
    deadline = time.monotonic() + 5
    while assistant.state(0)["state"] != "error" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert assistant.state(0)["message"] == "SAM cannot be used here: no such package"


def test_an_installed_package_carries_the_page():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    patterns = setup["options.package_data"]["sparsevision.annotator"].split()
    manifest = (ROOT / "MANIFEST.in").read_text()
    for path in PAGE.iterdir():
        assert any(path.relative_to(PAGE.parent).match(pattern) for pattern in patterns), path
        assert f"*{path.suffix}" in manifest.split("sparsevision/annotator/page")[1]


def test_files_of_the_page_are_short_and_plain():
    for path in PAGE.iterdir():
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, path
        assert not re.search(r"innerHTML|eval\(|https?://(?!www\.w3\.org)|\son\w+=", text), path
        assert path.suffix != ".html" or not re.search(r"<style|style=|<script(?! type=\"module\" src=)", text)
