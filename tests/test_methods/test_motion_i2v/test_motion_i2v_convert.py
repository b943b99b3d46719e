"""Released names to ours and back: Motion-I2V, AnimateDiff, diffusers, Stable Diffusion's single files."""

import json

import pytest
import torch
from golden_motion import GOLDEN, golden_numbers
from motion_networks import GOLDEN_ARCHITECTURE, TINY

from sparsevision.methods.motion_i2v.autoencoder import KLAutoencoder
from sparsevision.methods.motion_i2v.controlnet import TrajectoryControlNet
from sparsevision.methods.motion_i2v.convert import (
    LAYOUTS,
    PARTS,
    convert_checkpoint,
    convert_with_report,
    part_of,
    released_checkpoint,
    with_image_channels,
)
from sparsevision.methods.motion_i2v.released_names import from_diffusers, to_diffusers
from sparsevision.methods.motion_i2v.unet import stage1_unet, stage2_unet
from sparsevision.utils import UserError


def full_size(part):
    """Random tensors of one number each under the names of the full-size networks; tables of one block are equal."""
    if part == "vae":
        with torch.device("meta"):
            names = KLAutoencoder().state_dict()
    else:
        source = part if part in ("stage1", "stage2", "controlnet") else "stage2"
        names = json.loads((GOLDEN / f"keys_{source}.json").read_text())
    wanted = {"motion_modules": True, "spatial": False}.get(part)
    names = [name for name in names if wanted is None or (".motion_modules." in name) == wanted]
    return {name: torch.ones(1) if name.endswith(".pe") else torch.randn(1) for name in names}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], value) for name, value in other.items())


@pytest.mark.parametrize(("part", "layout"), [(part, layout) for part in PARTS for layout in LAYOUTS[part]])
def test_full_size_goes_there_and_back(part, layout):
    ours = full_size(part)
    theirs = released_checkpoint(ours, part=part, layout=layout)
    found = convert_with_report(theirs, part=part)
    assert same(found.state, ours)
    assert found.leftover == []
    assert same(released_checkpoint(found.state, part=part, layout=layout), theirs)


def test_how_many_names_there_are():
    counts = {part: len(full_size(part)) for part in PARTS}
    assert counts == {
        "stage1": 1278,
        "controlnet": 584,
        "stage2": 1274,
        "motion_modules": 588,
        "spatial": 686,
        "vae": 248,
    }
    assert len(released_checkpoint(full_size("stage2"), part="stage2", layout="diffusers")) == 1253


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            "up_blocks.1.motion_modules.2.temporal_transformer.transformer_blocks.0.attention_blocks.1.to_out.0.bias",
            "up_blocks.1.motion_modules.2.transformer_blocks.0.attn2.to_out.0.bias",
        ),
        (
            "mid_block.motion_modules.0.temporal_transformer.transformer_blocks.0.norms.1.weight",
            "mid_block.motion_modules.0.transformer_blocks.0.norm2.weight",
        ),
        (
            "mid_block.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.pos_encoder.pe",
            "mid_block.motion_modules.0.transformer_blocks.0.pos_embed.pe",
        ),
        ("mid_block.motion_modules.0.temporal_transformer.norm.bias", "mid_block.motion_modules.0.norm.bias"),
        ("mid_block.attentions.0.norm.weight", "mid_block.attentions.0.norm.weight"),
    ],
)
def test_names_of_diffusers(ours, theirs):
    assert (to_diffusers(ours), from_diffusers(theirs)) == (theirs, ours)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("down_blocks.1.resnets.0.conv_shortcut.bias", "input_blocks.4.0.skip_connection.bias"),
        (
            "down_blocks.2.attentions.1.transformer_blocks.0.norm3.bias",
            "input_blocks.8.1.transformer_blocks.0.norm3.bias",
        ),
        ("down_blocks.2.downsamplers.0.conv.weight", "input_blocks.9.0.op.weight"),
        ("mid_block.resnets.1.time_emb_proj.weight", "middle_block.2.emb_layers.1.weight"),
        ("up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.1.conv.weight"),
        ("up_blocks.1.upsamplers.0.conv.weight", "output_blocks.5.2.conv.weight"),
        ("up_blocks.3.resnets.2.norm2.weight", "output_blocks.11.0.out_layers.0.weight"),
        ("conv_out.bias", "out.2.bias"),
    ],
)
def test_names_of_a_single_file_unet(ours, theirs):
    names = dict(
        zip(full_size("spatial"), released_checkpoint(full_size("spatial"), part="spatial", layout="ldm"), strict=True)
    )
    assert names[ours] == f"model.diffusion_model.{theirs}"


def test_a_single_file_holds_unet_and_autoencoder():
    unet, vae = full_size("spatial"), full_size("vae")
    file = {
        **released_checkpoint(unet, part="spatial", layout="ldm"),
        **released_checkpoint(vae, part="vae", layout="ldm"),
        "cond_stage_model.transformer.embeddings": torch.zeros(1),
    }
    found = convert_with_report({"state_dict": file, "global_step": 840000}, part="spatial")
    assert same(found.state, unet)
    assert (found.layout, len(found.leftover)) == ("ldm", len(vae) + 1)
    assert same(convert_checkpoint(file, part="vae"), vae)


def test_an_autoencoder_of_a_single_file_has_convolutions_in_its_attention():
    numbers = golden_numbers()["vae"]
    network = KLAutoencoder(image_channels=2, channels=tuple(numbers["block_out_channels"]), layers=2, groups=32)
    theirs = released_checkpoint(network.state_dict(), part="vae", layout="ldm")
    assert theirs["first_stage_model.decoder.mid.attn_1.q.weight"].shape == (64, 64, 1, 1)
    assert theirs["first_stage_model.decoder.up.3.block.0.conv1.weight"].shape == (64, 64, 3, 3)
    assert theirs["first_stage_model.decoder.up.0.block.0.nin_shortcut.weight"].shape == (32, 64, 1, 1)
    assert same(convert_checkpoint(theirs, part="vae"), network.state_dict())
    official = released_checkpoint(network.state_dict(), part="vae")
    assert official.keys() == numbers["keys"].keys()


def test_wrappers_are_taken_off():
    ours = full_size("stage1")
    file = {"epoch": 3, "global_step": 7, "state_dict": {f"module.{name}": value for name, value in ours.items()}}
    assert same(convert_checkpoint(file, part="stage1"), ours)


def test_unet_and_controlnet_of_one_file():
    unet, controlnet = full_size("stage1"), full_size("controlnet")
    file = {**unet, **{f"controlnet.{name}": value for name, value in controlnet.items()}}
    assert same(convert_checkpoint(file, part="stage1"), unet)
    found = convert_with_report(file, part="controlnet")
    assert same(found.state, controlnet)
    assert len(found.leftover) == len(unet)
    assert same(convert_checkpoint(controlnet, part="controlnet"), controlnet)


def test_stage_2_is_put_together_of_parts():
    whole = full_size("stage2")
    spatial, motion = (convert_checkpoint(whole, part=part) for part in ("spatial", "motion_modules"))
    assert same(spatial | motion, whole)


@pytest.mark.parametrize("layout", ["official", "diffusers"])
def test_converted_weights_load_strictly(layout):
    networks = {
        "stage1": stage1_unet(architecture=TINY),
        "stage2": stage2_unet(architecture=TINY),
        "controlnet": TrajectoryControlNet(architecture=TINY, stem_channels=8),
    }
    for part, network in networks.items():
        theirs = released_checkpoint(network.state_dict(), part=part, layout=layout)
        network.load_state_dict(convert_checkpoint(theirs, part=part))
        assert part_of(network.state_dict()) == part


def test_a_spatial_unet_becomes_blind_to_the_image():
    weight = torch.randn(8, 4, 3, 3)
    widened = with_image_channels({"conv_in.weight": weight, "conv_in.bias": torch.zeros(8)})
    assert set(widened) == {"conv_in.weight", "conv_in.bias"}
    assert not widened["conv_in.weight"][:, :4].any()
    assert torch.equal(widened["conv_in.weight"][:, 4:], weight)


def test_a_file_of_another_part_is_refused():
    for given, wanted in [
        ("stage1", "stage2"),
        ("stage2", "stage1"),
        ("spatial", "stage2"),
        ("vae", "stage1"),
        ("motion_modules", "controlnet"),
    ]:
        with pytest.raises(UserError, match=f"This is .*expected .*part='{wanted}'"):
            convert_checkpoint(full_size(given), part=wanted)
    with pytest.raises(UserError, match=r"This is the UNet of stage 1; expected the UNet of stage 2"):
        convert_checkpoint(full_size("stage1"), part="stage2")
    with pytest.raises(UserError, match=r"no part of Motion-I2V that is known \(it has fc.weight\)"):
        convert_checkpoint({"fc.weight": torch.zeros(1)}, part="vae")
    with pytest.raises(UserError, match=r"part='stage3'.*Did you mean 'stage"):
        convert_checkpoint({}, part="stage3")
    with pytest.raises(UserError, match="layout='ldm'"):
        released_checkpoint({}, part="stage2", layout="ldm")
    with pytest.raises(UserError, match="no place for controlnet_mid_block"):
        released_checkpoint({"controlnet_mid_block.bias": torch.zeros(1)}, part="spatial", layout="ldm")
    table = "mid_block.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.{}.pos_encoder.pe"
    with pytest.raises(UserError, match="another table of positions"):
        released_checkpoint(
            {table.format(0): torch.zeros(1), table.format(1): torch.ones(1)}, part="stage2", layout="diffusers"
        )


SMALL = {"block_out_channels": (32, 64, 64, 64), "cross_attention_dim": 24}
OF_MOTION = {"motion_num_attention_heads": 4, "motion_max_seq_length": 32, "use_motion_mid_block": True}


def shapes(state):
    return {name: tuple(value.shape) for name, value in state.items()}


def test_diffusers_has_these_names():
    diffusers = pytest.importorskip("diffusers")
    with torch.device("meta"):
        unet = diffusers.UNetMotionModel(**SMALL, num_attention_heads=4, **OF_MOTION).state_dict()
        adapter = diffusers.MotionAdapter(block_out_channels=SMALL["block_out_channels"], **OF_MOTION).state_dict()
    ours = stage2_unet(architecture=GOLDEN_ARCHITECTURE).state_dict()
    assert shapes(released_checkpoint(ours, part="stage2", layout="diffusers")) == shapes(unet)
    motion = convert_checkpoint(ours, part="motion_modules")
    assert shapes(released_checkpoint(motion, part="motion_modules", layout="diffusers")) == shapes(adapter)


def test_diffusers_reads_single_files_the_same():
    pytest.importorskip("diffusers")
    from diffusers.loaders import single_file_utils

    spatial, vae = full_size("spatial"), full_size("vae")
    config = {"layers_per_block": 2, "down_block_types": ["D"] * 4, "up_block_types": ["U"] * 4}
    theirs = released_checkpoint(spatial, part="spatial", layout="ldm")
    assert same(single_file_utils.convert_ldm_unet_checkpoint(dict(theirs), config), spatial)
    theirs = released_checkpoint(vae, part="vae", layout="ldm")
    assert same(single_file_utils.convert_ldm_vae_checkpoint(dict(theirs), config), vae)
