"""Released names to ours and back."""

import json
from pathlib import Path

import pytest
import torch

from sparsevision.methods.focus_detr.convert import (
    COCO_IDS,
    convert_checkpoint,
    convert_with_report,
    layout_of,
    released_checkpoint,
)
from sparsevision.methods.focus_detr.released_names import LAYOUTS, renamed
from sparsevision.methods.focus_detr.swin import SwinBackbone
from sparsevision.utils import UserError

NAMES = json.loads((Path(__file__).parents[2] / "golden/focus_detr/state_dict_shapes_r50.json").read_text())
IDEA = {
    "backbone.0.body.layer1.0.conv1.weight": (64, 64, 1, 1),
    "input_proj.3.1.weight": (256,),
    "transformer.level_embed": (4, 256),
    "transformer.encoder.layers.2.self_attn.sampling_offsets.weight": (256, 256),
    "transformer.encoder.layers.2.norm2.bias": (256,),
    "transformer.decoder.layers.1.self_attn.in_proj_weight": (768, 256),
    "transformer.decoder.layers.1.cross_attn.value_proj.bias": (256,),
    "transformer.decoder.layers.1.norm1.bias": (256,),
    "transformer.enc_out_class_embed.bias": (91,),
    "transformer.decoder.class_embed.0.weight": (91, 256),
    "class_embed.0.weight": (91, 256),
    "label_enc.weight": (92, 256),
}

LEVELS = {"network.level_embedding": torch.zeros(4, 256), "network.neck.levels.0.conv.bias": torch.zeros(256)}


def released() -> dict[str, torch.Tensor]:
    """A checkpoint of the released Focus-DETR, each tensor once, copies as the same object."""
    layout = LAYOUTS["focus_detr"]
    tensors = {name: torch.empty(shape) for name, shape in NAMES.items() if renamed(name, layout.copies) is None}
    return {name: tensors.get(name, tensors.get(renamed(name, layout.copies))) for name in NAMES}


def test_the_705_names_are_625_of_ours_and_come_back():
    weights = released()
    found = convert_with_report({"model": weights, "iteration": 89999})
    assert (len(weights), len(found.state), found.leftover, found.layout) == (705, 625, [], "focus_detr")
    back = released_checkpoint(found.state, "focus_detr")
    assert back.keys() == weights.keys()
    assert all(back[name] is value for name, value in weights.items())


def test_a_prefix_of_distributed_training_is_taken_away():
    weights = {f"module.{name}": value for name, value in released().items()}
    assert len(convert_checkpoint(weights)) == 625


def test_what_differs_between_copies_and_originals_is_no_matter():
    """Only the heads themselves count, as in the released loader."""
    weights = released()
    assert convert_checkpoint(weights)["network.class_heads.6.weight"] is weights["class_embed.6.weight"]


def test_a_dense_dino_of_detrex():
    weights = {
        "transformer.level_embeds": torch.zeros(4, 256),
        "transformer.encoder.layers.0.attentions.0.value_proj.weight": torch.zeros(256, 256),
        "transformer.encoder.layers.0.norms.0.weight": torch.zeros(256),
        "neck.extra_convs.0.conv.weight": torch.zeros(256, 2048, 3, 3),
    }
    found = convert_with_report(weights)
    assert found.layout == "dino"
    assert set(found.state) == {
        "network.level_embedding",
        "network.encoder.layers.0.deformable.value_proj.weight",
        "network.encoder.layers.0.deformable_norm.weight",
        "network.neck.levels.3.conv.weight",
    }
    assert released_checkpoint(found.state, "dino").keys() == weights.keys()


def test_a_dino_of_idea_loses_the_classes_that_do_not_exist_and_gets_them_back():
    weights = {name: torch.randn(shape) for name, shape in IDEA.items()}
    weights["transformer.decoder.class_embed.0.weight"] = weights["class_embed.0.weight"]
    found = convert_with_report({"model": weights})
    assert (found.layout, found.leftover, len(found.state)) == ("idea_dino", [], len(weights) - 1)
    ours = found.state["network.class_heads.0.weight"]
    assert torch.equal(ours, weights["class_embed.0.weight"][list(COCO_IDS)])
    assert found.state["label_embedding.weight"].shape == (80, 256)
    back = released_checkpoint(found.state, "idea_dino")
    assert back.keys() == weights.keys()
    assert {name: value.shape for name, value in back.items()} == {n: value.shape for n, value in weights.items()}
    assert torch.equal(back["class_embed.0.weight"][list(COCO_IDS)], ours)
    assert back["transformer.enc_out_class_embed.bias"][12] == -20


def test_each_name_of_idea_has_one_of_ours():
    pairs = LAYOUTS["idea_dino"].pairs
    ours = {name: renamed(name, pairs) for name in IDEA}
    assert ours["transformer.decoder.layers.1.norm1.bias"] == "decoder.layers.1.deformable_norm.bias"
    assert ours["transformer.enc_out_class_embed.bias"] == "class_heads.6.bias"


@pytest.mark.parametrize("layout", ["dino", "idea_dino"])
def test_a_swin_goes_there_and_back(layout):
    backbone = SwinBackbone(size="tiny").state_dict()
    ours = {f"network.backbone.{name}": value for name, value in backbone.items()} | LEVELS
    theirs = released_checkpoint(ours, layout)
    front = "backbone." if layout == "dino" else "backbone.0."
    assert theirs[f"{front}layers.2.blocks.5.mlp.fc2.weight"].shape == (384, 1536)
    assert theirs[f"{front}layers.0.downsample.reduction.weight"].shape == (192, 384)
    assert theirs[f"{front}layers.0.blocks.0.attn.relative_position_index"].shape == (49, 49)
    again = convert_checkpoint(theirs)
    assert again.keys() == ours.keys()
    assert all(torch.equal(again[name], value) for name, value in ours.items())


def test_strangers_are_named():
    found = convert_with_report(released() | {"ema.decay": torch.zeros(1)})
    assert found.leftover == ["ema.decay"]


@pytest.mark.parametrize("content", [{}, {"model": {"conv1.weight": torch.zeros(1)}}])
def test_another_network_is_refused(content):
    with pytest.raises(UserError, match="no Focus-DETR or DINO"):
        convert_checkpoint(content)


def test_there_is_no_way_back_for_a_selector_into_a_dino():
    state = convert_checkpoint(released())
    with pytest.raises(UserError, match=r"DINO .* has no place for network\.selector"):
        released_checkpoint({"network.selector.alpha": state["network.selector.alpha"]}, "dino")
    with pytest.raises(UserError, match="expected one of"):
        released_checkpoint(state, "detr")


def test_layouts_are_told_by_their_names():
    assert layout_of(NAMES) == "focus_detr"
    assert layout_of(IDEA) == "idea_dino"
