"""Published radiance fields to ours: checkpoints of NeRF in PyTorch, DS-NeRF and SPIn-NeRF without tiny-cuda-nn.

Their networks have our names; the coarse one, `network_fn_state_dict`, and the fine one, `network_fine_state_dict`,
become two fields of a `Renderer`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF
from sparsevision.utils import UserError

COARSE, FINE = "network_fn_state_dict", "network_fine_state_dict"
FIRST = "pts_linears.0.weight"
POINT_INPUTS = 63
TCNN = ("encoder.params", "sigma_net.params", "color_net.params")


@dataclass(frozen=True)
class Converted:
    """Two fields under our names.

    Attributes:
        state: loads into a `Renderer` of `VanillaNeRF`s; coarse.* is absent where the file has one network only.
        fields: the arguments of `VanillaNeRF` for "fine", and for "coarse" where there is one.
        iteration: of the training, if the file says so.
    """

    state: dict[str, Tensor]
    fields: dict[str, dict[str, Any]]
    iteration: int | None


def convert_checkpoint(content: Mapping) -> dict[str, Tensor]:
    """A state dict for a `Renderer` of `VanillaNeRF`s; see `convert_with_report`, whose `state` this is."""
    return convert_with_report(content).state


def convert_with_report(content: Mapping) -> Converted:
    """Find both networks in a checkpoint, check that they are whole, and say which fields they need.

    Args:
        content: what the file holds: {"global_step", "network_fn_state_dict", "network_fine_state_dict"}; the second
            network may be None, names may start with "module.".

    Raises:
        UserError: other content, networks of tiny-cuda-nn or without view directions, weights missing or of another
            shape.
    """
    holders = {"fine": FINE, "coarse": COARSE} if content.get(FINE) else {"fine": COARSE}
    state, fields = {}, {}
    for name, holder in holders.items():
        weights = _weights(content, holder)
        fields[name] = _field_of(weights, holder)
        state |= {f"{name}.{key}": value for key, value in _whole(weights, fields[name], holder).items()}
    step = content.get("global_step")
    return Converted(state, fields, step if isinstance(step, int) else None)


def _weights(content: Mapping, holder: str) -> dict[str, Tensor]:
    """The tensors of one network. UserError if it is not one that we can read."""
    inner = content.get(holder)
    if not isinstance(inner, Mapping):
        keys = ", ".join(list(map(str, content))[:5]) or "nothing"
        raise UserError(
            f"This is no checkpoint of NeRF in PyTorch, DS-NeRF or SPIn-NeRF: expected {COARSE} and {FINE}; "
            f"found {keys}."
        )
    found = {str(name).removeprefix("module."): value for name, value in inner.items() if isinstance(value, Tensor)}
    flat = [name for name in TCNN if name in found]
    if flat:
        raise UserError(
            f"{holder} is a network of tiny-cuda-nn ({', '.join(flat)}): vectors in an order that only that library "
            "knows. Train again with --no_tcnn, or fit the scene anew with ours."
        )
    if "output_linear.weight" in found:
        raise UserError(f"{holder} does not look at view directions (output_linear); ours does (use_viewdirs=True).")
    if FIRST not in found:
        raise UserError(f"{holder}: expected {FIRST} and others; found {', '.join(list(found)[:5]) or 'no tensors'}.")
    return {name: value.detach() for name, value in found.items()}


def _field_of(weights: Mapping[str, Tensor], holder: str) -> dict[str, Any]:
    """The arguments of `VanillaNeRF`, read off the shapes."""
    width, inputs = weights[FIRST].shape
    if inputs != POINT_INPUTS:
        raise UserError(f"{holder}: {FIRST} takes {inputs} numbers, ours {POINT_INPUTS} (10 frequencies, multires=10).")
    layers = [int(match[1]) for name in weights if (match := re.fullmatch(r"pts_linears\.(\d+)\.weight", name))]
    wide = [layer - 1 for layer in sorted(layers)[1:] if weights[f"pts_linears.{layer}.weight"].shape[1] > width]
    if len(wide) > 1:
        raise UserError(f"{holder}: positions enter again at {len(wide)} layers; ours has one such place.")
    return {"depth": max(layers) + 1, "width": width, "skip_after": wide[0] if wide else None}


def _whole(weights: Mapping[str, Tensor], field: Mapping[str, Any], holder: str) -> dict[str, Tensor]:
    """The weights that the field has a place for. UserError if one is missing or has another shape."""
    with torch.device("meta"):
        wanted = {name: value.shape for name, value in VanillaNeRF(**field).state_dict().items()}
    missing = [name for name in wanted if name not in weights]
    if missing:
        raise UserError(f"{holder} is not whole: {', '.join(missing[:3])} missing.")
    strangers = [name for name in weights if name not in wanted]
    if strangers:
        raise UserError(f"{holder} has more than the network of NeRF: {', '.join(strangers[:3])}.")
    for name, shape in wanted.items():
        if weights[name].shape != shape:
            raise UserError(f"{holder}: {name} is {tuple(weights[name].shape)}; expected {tuple(shape)}.")
    return {name: weights[name].float() for name in wanted}
