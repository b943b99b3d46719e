"""nerfstudio's own programs, in the environment that `make nerfstudio-env` makes: numpy 1, its OpenCV, its viewer."""

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import torch
from studio_scene import write_scene
from tool_runner import ROOT

PROGRAMS = ROOT / ".venv-nerfstudio" / "bin"
PORT = 7919

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment():
    """Variables of a plain shell: nothing tells torch to load unsafely."""
    if not (PROGRAMS / "ns-train").exists():
        pytest.skip("nerfstudio's own environment is not here (make nerfstudio-env)")
    kept = {name: value for name, value in os.environ.items() if name != "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"}
    return kept | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture(scope="module")
def trained(environment, tmp_path_factory) -> Path:
    """config.yml of a run of five steps."""
    folder = tmp_path_factory.mktemp("ns_train")
    scene = write_scene(folder / "scene")
    command = [PROGRAMS / "ns-train", "spin-nerf", "--data", scene, "--output-dir", folder / "runs"]
    command += ["--timestamp", "now", "--machine.device-type", "cpu", "--vis", "tensorboard"]
    command += ["--max-num-iterations", "5", "--pipeline.datamanager.train-num-rays-per-batch", "64"]
    command += ["--pipeline.datamanager.dilate", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "runs" / "scene" / "spin-nerf" / "now" / "config.yml"


def test_training_writes_a_config_and_a_plain_checkpoint(trained):
    assert trained.is_file()
    state = torch.load(trained.parent / "nerfstudio_models" / "step-000000004.ckpt", weights_only=True)
    assert state["step"] == 4
    assert any(name.startswith("_model.method.renderer.") for name in state["pipeline"])


def test_evaluation_opens_it(trained, environment, tmp_path):
    command = [PROGRAMS / "ns-eval", "--load-config", trained, "--output-path", tmp_path / "numbers.json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert json.loads((tmp_path / "numbers.json").read_text())["results"]["psnr"] > 5


def test_the_viewer_opens_it(trained, environment):
    command = [PROGRAMS / "ns-viewer", "--load-config", trained, "--viewer.websocket-port", str(PORT)]
    viewer = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert b"<html" in first_page(viewer).lower()
    finally:
        viewer.kill()
        viewer.wait()


def first_page(viewer: subprocess.Popen) -> bytes:
    """What the viewer shows, once it listens."""
    for _ in range(600):
        if viewer.poll() is not None:
            pytest.fail(f"the viewer ended: {viewer.stdout.read()[-3000:]}")
        try:
            return urllib.request.urlopen(f"http://localhost:{PORT}", timeout=5).read()
        except OSError:
            time.sleep(0.5)
    pytest.fail("the viewer does not listen")
