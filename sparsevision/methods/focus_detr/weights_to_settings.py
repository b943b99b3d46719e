"""The detector that a set of weights needs, read off their names and shapes."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sparsevision.engine.state_dicts import check_fits, count_of
from sparsevision.methods.focus_detr.backbones import RESNETS, ResNetBackbone
from sparsevision.methods.focus_detr.method import FocusDETR
from sparsevision.methods.focus_detr.swin import SWINS, SwinBackbone
from sparsevision.utils import UserError

NETWORK = "network."


def settings_of_weights(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Arguments of `FocusDETR` for a state dict with its names; where the position's temperature is not among them.

    Raises:
        UserError: a tensor that tells a size is missing, or the backbone is none of ours.
    """
    return {
        "num_classes": len(_tensor(state, "class_heads.0.weight")),
        "backbone": _backbone_of(state),
        "num_queries": len(_tensor(state, "query_content.weight")),
        "architecture": {
            "channels": _tensor(state, "level_embedding").shape[1],
            "levels": len(_tensor(state, "level_embedding")),
            "hidden": len(_tensor(state, "encoder.layers.0.ffn.0.weight")),
            "encoder_layers": count_of(state, r"network\.encoder\.layers\.(\d+)\."),
            "decoder_layers": count_of(state, r"network\.decoder\.layers\.(\d+)\."),
        },
        "selector": "focus" if f"{NETWORK}selector.alpha" in state else None,
        "object_tokens": 300 if f"{NETWORK}encoder.layers.0.self_norm.weight" in state else None,
    }


def check_whole(state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> list[str]:
    """Compare with the detector of these settings; returns names in `state` that it does not have.

    Raises:
        UserError: it names tensors that are missing, and those of another shape with both shapes.
    """
    with torch.device("meta"):
        wanted = FocusDETR(**settings).state_dict()
    return check_fits(state, wanted, what="The detector", optional=FocusDETR.optional_state)


def _backbone_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
    if f"{NETWORK}backbone.features.0.0.weight" in state:
        return _swin_of(state)
    stages = tuple(count_of(state, rf"network\.backbone\.layer{stage}\.(\d+)\.") for stage in range(1, 5))
    deep = f"{NETWORK}backbone.layer1.0.conv3.weight" in state
    for depth, (_, layers, _) in RESNETS.items():
        if layers == stages and deep == (depth >= 50):
            return {"type": ResNetBackbone, "depth": depth}
    raise UserError(f"The backbone is no ResNet of ours: {stages} blocks in its stages; nor a Swin Transformer.")


def _swin_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
    width = len(_tensor(state, "backbone.features.0.0.weight"))
    depths = tuple(count_of(state, rf"network\.backbone\.features\.{2 * stage + 1}\.(\d+)\.") for stage in range(4))
    table = len(_tensor(state, "backbone.features.1.0.attn.relative_position_bias_table"))
    for size, (own_width, own_depths, *_) in SWINS.items():
        if (own_width, own_depths) == (width, depths):
            return {"type": SwinBackbone, "size": size, "window": (math.isqrt(table) + 1) // 2}
    raise UserError(f"The backbone is no Swin of ours: width {width}, {depths} blocks in its stages.")


def _tensor(state: Mapping[str, Tensor], name: str) -> Tensor:
    if NETWORK + name not in state:
        raise UserError(f"The detector is not whole: {NETWORK}{name} missing.")
    return state[NETWORK + name]
