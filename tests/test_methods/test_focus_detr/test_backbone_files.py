"""Where a detector's backbone comes from: its own file in training, the checkpoint afterwards."""

import pytest
from mmengine.config import Config, ConfigDict

from sparsevision.apis.model import build_model
from sparsevision.engine import save_checkpoint
from sparsevision.engine.pretrained import without_pretrained_backbone
from sparsevision.methods.focus_detr import FocusDETR
from sparsevision.methods.focus_detr.backbones import ResNetBackbone
from sparsevision.utils import UserError

SMALL = {"channels": 32, "heads": 4, "hidden": 32, "encoder_layers": 1, "decoder_layers": 1}


def config(pretrained) -> Config:
    """A small detector on a ResNet-18."""
    backbone = {"type": ResNetBackbone, "depth": 18, "pretrained": pretrained}
    model = {"type": FocusDETR, "num_classes": 3, "backbone": backbone, "architecture": SMALL, "cascade": (1.0,)}
    return Config({"model": model})


def test_a_checkpoint_needs_no_file_of_the_backbone(tmp_path):
    save_checkpoint({"state_dict": build_model(config(None)).state_dict(), "meta": {}}, tmp_path / "whole.pth")
    lost = config("data/weights/nowhere.pth")
    with pytest.raises(UserError, match=r"nowhere\.pth"):
        build_model(lost)
    assert build_model(lost, tmp_path / "whole.pth").num_classes == 3
    assert lost.model.backbone.pretrained == "data/weights/nowhere.pth"


def test_only_a_file_s_name_is_left_out():
    kept = ConfigDict(type="EncoderDecoder", backbone=ConfigDict(type="PVT", pretrained=False))
    assert without_pretrained_backbone(kept) is kept
    assert without_pretrained_backbone({"type": "GenSAM"}) == {"type": "GenSAM"}
