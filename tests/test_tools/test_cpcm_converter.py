"""tools/model_converters/cpcm.py on files in the published forms."""

import pytest
import torch
from pickle_bomb import Bomb
from tool_runner import run_tool

from sparsevision.engine import load_checkpoint, load_state_dict
from sparsevision.methods.cpcm import CPCM
from sparsevision.methods.cpcm.network import Res16UNet, Res16UNet14A

TOOL = "model_converters/cpcm.py"


def test_a_released_checkpoint_becomes_ours(tmp_path):
    network = Res16UNet14A(3, 13, first_kernel=5)
    weights = {f"module.model.{name}": value for name, value in network.state_dict().items()}
    weights["module.model.crf.kernel"] = torch.zeros(2)
    content = {"model": weights, "epoch": 179, "global_step": 5, "is_best": True, "metric_dict": {"mIoU": 0.5}}
    torch.save(content, tmp_path / "model_best.pth")
    said = run_tool(TOOL, tmp_path / "model_best.pth", tmp_path / "ours.pth")
    assert said.code == 0, said.err
    assert f"{len(network.state_dict())} tensors of CPCM" in said.out
    assert "network=dict(type=Res16UNet14A, in_channels=3, num_classes=13, first_kernel=5)" in said.out
    assert "1 left over: crf" in said.out
    checkpoint = load_checkpoint(tmp_path / "ours.pth")
    meta = checkpoint["meta"]
    assert (meta["method"], meta["preset"], meta["variant"], meta["source_epoch"]) == ("cpcm", "published", "14A", 179)
    model = CPCM(network=Res16UNet(**meta["network"]), mask={"weight": 5.0})
    assert load_state_dict(model, checkpoint["state_dict"], source="ours", strict=True).complete
    for name, value in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], value)


def test_a_pretrained_network_without_classifier_says_so(tmp_path):
    weights = {name: value for name, value in Res16UNet14A(3, 13).state_dict().items() if not name.startswith("final")}
    torch.save({"state_dict": weights}, tmp_path / "csc.pth", _use_new_zipfile_serialization=False)
    said = run_tool(TOOL, tmp_path / "csc.pth", tmp_path / "ours.pth")
    assert "no classifier" in said.out
    assert load_checkpoint(tmp_path / "ours.pth")["meta"]["num_classes"] is None


def test_a_hostile_checkpoint_stays_inert(tmp_path):
    target = tmp_path / "it_ran"
    torch.save({"model": Bomb(target), "state_dict": Res16UNet14A(3, 13).state_dict()}, tmp_path / "a.pth")
    said = run_tool(TOOL, tmp_path / "a.pth", tmp_path / "ours.pth")
    assert said.code == 0, "its weights are good, the rest is left alone"
    torch.save(Bomb(target), tmp_path / "b.pth")
    assert run_tool(TOOL, tmp_path / "b.pth", tmp_path / "none.pth").code == 2
    assert not target.exists()
    assert not (tmp_path / "none.pth").exists()


@pytest.mark.parametrize("content", [{"conv1.weight": torch.zeros(2)}, [1, 2], {"model": {"conv0p1s1.kernel": "x"}}])
def test_a_foreign_file_is_refused_by_name(tmp_path, content):
    torch.save(content, tmp_path / "resnet.pth")
    said = run_tool(TOOL, tmp_path / "resnet.pth", tmp_path / "ours.pth")
    assert said.code == 2
    assert "resnet.pth" in said.err
    assert not (tmp_path / "ours.pth").exists()
