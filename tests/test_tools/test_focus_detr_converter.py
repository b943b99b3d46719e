"""tools/model_converters/focus_detr.py: released files to ours and back."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from tool_runner import run_tool

from sparsevision.engine import load_checkpoint
from sparsevision.methods.focus_detr.released_names import LAYOUTS, renamed

TOOL = "model_converters/focus_detr.py"
NAMES = json.loads((Path(__file__).parents[1] / "golden/focus_detr/state_dict_shapes_r50.json").read_text())


def released(**changes) -> dict[str, torch.Tensor]:
    """The 705 tensors of the release, each a single number in memory; copies are the same tensor."""
    copies = LAYOUTS["focus_detr"].copies
    tensors = {name: torch.full((), 0.5).expand(shape) for name, shape in NAMES.items() if not renamed(name, copies)}
    whole = {name: tensors.get(name, tensors.get(renamed(name, copies))) for name in NAMES}
    return whole | changes


def convert(tmp_path, weights, *arguments):
    torch.save({"model": weights, "iteration": 89999}, tmp_path / "released.pth")
    return run_tool(TOOL, tmp_path / "released.pth", tmp_path / "ours.pth", *arguments)


def test_a_released_checkpoint_becomes_ours_and_comes_back(tmp_path):
    run = convert(tmp_path, released())
    assert run.code == 0, run.err
    assert "625 tensors of Focus-DETR (detrex)" in run.out
    assert "num_classes=80, backbone=dict(type=ResNetBackbone, depth=50), num_queries=900" in run.out
    assert "temperature=20" in run.out
    ours = load_checkpoint(tmp_path / "ours.pth")
    assert (ours["meta"]["preset"], ours["meta"]["num_classes"]) == ("published", 80)
    back = run_tool(TOOL, tmp_path / "ours.pth", tmp_path / "back.pth", "--to", "focus_detr")
    assert back.code == 0, back.err
    state = load_checkpoint(tmp_path / "back.pth")["model"]
    assert {name: list(value.shape) for name, value in state.items()} == NAMES


def test_what_is_missing_or_of_another_shape_is_told_by_name(tmp_path):
    weights = released()
    del weights["transformer.enc_output.bias"]
    run = convert(tmp_path, weights)
    assert run.code == 2
    assert "network.proposals.linear.bias missing" in run.err
    wrong = released(**{"transformer.encoder.layers.3.ffns.0.layers.0.0.bias": torch.zeros(7)})
    run = convert(tmp_path, wrong)
    assert run.code == 2
    assert "network.encoder.layers.3.ffn.0.bias: expected (2048,), got (7,)" in run.err
    assert not (tmp_path / "ours.pth").exists()


def test_strangers_are_counted(tmp_path):
    run = convert(tmp_path, released(**{"ema.shadow.decay": torch.zeros(1)}))
    assert run.code == 0, run.err
    assert "1 left over: ema (1)" in run.out


def test_other_files_are_refused(tmp_path):
    run = convert(tmp_path, {"conv1.weight": torch.zeros(1)})
    assert run.code == 2
    assert "no Focus-DETR or DINO" in run.err


def test_a_backbone_of_detectron2_gets_torchvision_s_names(tmp_path):
    names = ("stem.conv1.weight", "stem.conv1.norm.running_var", "res2.0.conv1.weight", "res4.5.shortcut.norm.bias")
    content = {"model": {name: np.ones(2, np.float32) for name in (*names, "fc1000.bias")}, "__author__": "someone"}
    (tmp_path / "R-50.pkl").write_bytes(pickle.dumps(content))
    run = run_tool(TOOL, tmp_path / "R-50.pkl", tmp_path / "resnet50.pth")
    assert run.code == 0, run.err
    assert "4 tensors of a ResNet" in run.out
    assert "1 left over: fc1000 (1)" in run.out
    assert set(load_checkpoint(tmp_path / "resnet50.pth")["state_dict"]) == {
        "conv1.weight",
        "bn1.running_var",
        "layer1.0.conv1.weight",
        "layer3.5.downsample.1.bias",
    }


@pytest.mark.parametrize("layout", ["dino", "detr"])
def test_there_is_not_every_way_back(tmp_path, layout):
    assert convert(tmp_path, released()).code == 0
    run = run_tool(TOOL, tmp_path / "ours.pth", tmp_path / "back.pth", "--to", layout)
    assert run.code == 2
    assert "has no place for" in run.err or "invalid choice" in run.err
