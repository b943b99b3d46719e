"""tools/model_converters/ev_wsss.py on files in the released layouts."""

import pytest
import torch
from official_weights import official_state
from tool_runner import run_tool

from sparsevision.engine import load_checkpoint, load_state_dict
from sparsevision.methods.ev_wsss import EVWSSS


def test_a_released_checkpoint_becomes_ours(tmp_path):
    state = official_state(6, wrapper="module.")
    state["dec2"] = {**state["dec2"], "module.another.head.weight": torch.zeros(1)}
    torch.save({**state, "epoch": 3, "step_count": 1, "optimizer_back": {"state": {}}}, tmp_path / "best_epoch.pt")
    said = run_tool("model_converters/ev_wsss.py", tmp_path / "best_epoch.pt", tmp_path / "ours.pth")
    assert "6 classes" in said.out
    blocks = [f"{part}.module.resblocks.{number} (12)" for part in ("enc1", "enc2") for number in (0, 1)]
    assert f"49 left over: {', '.join(blocks)}, dec2.module.another (1)" in said.out
    checkpoint = load_checkpoint(tmp_path / "ours.pth")
    assert checkpoint["meta"]["preset"] == "published"
    model = EVWSSS(num_classes=6, prototypes=None)
    assert load_state_dict(model, checkpoint["state_dict"], source="ours", strict=True).complete


@pytest.mark.parametrize("both", [False, True])
def test_an_e2vid_encoder_goes_to_one_or_both_students(tmp_path, both):
    encoder = {f"unetrecurrent.{name}": value for name, value in official_state(6)["enc1"].items()}
    torch.save({"arch": "E2VIDRecurrent", "state_dict": encoder, "model": {"num_bins": 5}}, tmp_path / "e2vid.pth.tar")
    run_tool("model_converters/ev_wsss.py", tmp_path / "e2vid.pth.tar", tmp_path / "ours.pth", *["--both"] * both)
    names = load_checkpoint(tmp_path / "ours.pth")["state_dict"]
    assert {name.split(".")[1] for name in names} == ({"0", "1"} if both else {"0"})


@pytest.mark.parametrize(
    "content",
    [
        {"conv1.weight": torch.zeros(2)},
        {"state_dict": [1]},
        {1: torch.zeros(2), "enc1": 3},
        {"enc1": {"module.head.conv2d.weight": "text"}},
    ],
    ids=["another network", "no state dict", "numbers for names", "no weights"],
)
def test_a_foreign_file_is_refused_by_name(tmp_path, content):
    torch.save(content, tmp_path / "resnet.pth")
    said = run_tool("model_converters/ev_wsss.py", tmp_path / "resnet.pth", tmp_path / "ours.pth")
    assert said.code == 2
    assert "resnet.pth" in said.err
    assert "no checkpoint of EV-WSSS or E2VID" in said.err
    assert not (tmp_path / "ours.pth").exists()
