"""The networks that a set of weights of Motion-I2V needs, read off their names and shapes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from sparsevision.engine.state_dicts import check_fits, count_of
from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.autoencoder import KLAutoencoder
from sparsevision.methods.motion_i2v.controlnet import STEM_CHANNELS, TrajectoryControlNet
from sparsevision.methods.motion_i2v.unet import stage1_unet, stage2_unet
from sparsevision.utils import UserError

NO_TRACE = {"spatial_heads": 1, "temporal_heads": 1, "norm_groups": 1}  # weights have the same shapes for all of them
TEMPORAL = "mid_block.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks."
UNET, CONTROLNET = "unet.", "controlnet."


def architecture_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Settings of `Architecture` for a UNet's weights; those of `NO_TRACE` cannot be told.

    Raises:
        UserError: a tensor that tells a size is missing.
    """
    levels = range(count_of(state, r"down_blocks\.(\d+)\."))
    words = [value for name, value in state.items() if name.endswith("attn2.to_k.weight")]
    return {
        "channels": tuple(len(_tensor(state, f"down_blocks.{level}.resnets.0.conv1.weight")) for level in levels),
        "layers": count_of(state, r"down_blocks\.0\.resnets\.(\d+)\."),
        "attention_levels": tuple(f"down_blocks.{level}.attentions.0.norm.weight" in state for level in levels),
        "mid_attention": "mid_block.attentions.0.norm.weight" in state,
        "text_channels": words[0].shape[1] if words else None,
        "temporal_attentions": count_of(state, re.escape(TEMPORAL) + r"(\d+)\."),
        "max_positions": _tensor(state, f"{TEMPORAL}0.pos_encoder.pe").shape[1],
    }


def autoencoder_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Settings of `KLAutoencoder` for its weights; its groups cannot be told."""
    levels = range(count_of(state, r"encoder\.down_blocks\.(\d+)\."))
    return {
        "image_channels": picture_channels(state),
        "latent_channels": _tensor(state, "post_quant_conv.weight").shape[0],
        "channels": tuple(
            len(_tensor(state, f"encoder.down_blocks.{level}.resnets.0.conv1.weight")) for level in levels
        ),
        "layers": count_of(state, r"encoder\.down_blocks\.0\.resnets\.(\d+)\."),
    }


def picture_channels(state: Mapping[str, Tensor]) -> int:
    """Channels of an autoencoder's pictures: 3 colours, or 2 of flow."""
    return _tensor(state, "encoder.conv_in.weight").shape[1]


def check_stage(stage: int, state: Mapping[str, Tensor]) -> tuple[dict[str, Any], list[str]]:
    """Compare a stage's weights with the networks that they need.

    Returns:
        {"architecture": what differs from the released one, perhaps "controlnet"}, and names that have no place.

    Raises:
        UserError: it names tensors that are missing, and those of another shape with both shapes.
    """
    unet, strangers = _part(state, UNET), []
    sizes = architecture_of(unet)
    architecture = Architecture(**sizes | NO_TRACE)
    channels = {"in_channels": _tensor(unet, "conv_in.weight").shape[1], "out_channels": len(unet["conv_out.weight"])}
    build = stage1_unet if stage == 1 else stage2_unet
    with torch.device("meta"):
        networks: dict[str, nn.Module] = {UNET: build(architecture=architecture, **channels)}
        if control := _part(state, CONTROLNET):
            stem = _tensor(control, "controlnet_cond_embedding.layers.0.weight")
            networks[CONTROLNET] = TrajectoryControlNet.from_unet(
                networks[UNET], condition_channels=stem.shape[1], stem_channels=len(stem)
            )
        for codec in ("flow_codec.autoencoder.", "image_codec.autoencoder."):
            if own := _part(state, codec):
                networks[codec] = KLAutoencoder(**autoencoder_of(own), groups=1)
    for front, network in networks.items():
        what = front.rstrip(".")
        others = check_fits(_part(state, front), network.state_dict(), what=what, hint=_older)
        strangers += [front + name for name in others]
    released = {field.name: field.default for field in fields(Architecture)}
    settings = {"architecture": {name: value for name, value in sizes.items() if value != released[name]}}
    if control and len(stem) != STEM_CHANNELS:
        settings["controlnet"] = {"stem_channels": len(stem)}
    return settings, strangers


def _older(missing: Sequence[str]) -> str:
    of_motion = all(".motion_modules." in name for name in missing)
    return " Motion modules of another network? Motion-I2V has those of mm_sd_v15_v2.ckpt." if of_motion else ""


def _part(state: Mapping[str, Tensor], front: str) -> dict[str, Tensor]:
    return {name.removeprefix(front): value for name, value in state.items() if name.startswith(front)}


def _tensor(state: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in state:
        raise UserError(f"The weights are not whole: {name} is missing.")
    return state[name]
