"""Checkpoints of Motion-I2V, AnimateDiff and Stable Diffusion 1.5 under our names, and back.

Our names are the released ones of Motion-I2V, so its own files need little more than to be unwrapped and checked.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from sparsevision.engine.state_dicts import Converted
from sparsevision.methods.motion_i2v.autoencoder import OLD_ATTENTION_NAMES, rename_old_attention
from sparsevision.methods.motion_i2v.released_names import (
    OUR_TEMPORAL,
    from_diffusers,
    ldm_unet,
    ldm_vae,
    renamed,
    to_diffusers,
)
from sparsevision.utils import UserError, did_you_mean

PARTS = {
    "stage1": "the UNet of stage 1",
    "controlnet": "the trajectory ControlNet of stage 1",
    "stage2": "the UNet of stage 2",
    "motion_modules": "motion modules (motion_block.bin, AnimateDiff)",
    "spatial": "the UNet of Stable Diffusion 1.5, without motion modules",
    "vae": "an autoencoder, of images or of flow",
}
LAYOUTS = dict.fromkeys(PARTS, ("official", "diffusers")) | {
    "spatial": ("official", "diffusers", "ldm"),
    "vae": ("official", "diffusers", "ldm"),
}
SUBSETS = {"motion_modules": ("stage1", "stage2"), "spatial": ("stage1", "stage2")}  # parts that are cut out of others
LDM_UNET, LDM_VAE, CONTROLNET = "model.diffusion_model.", "first_stage_model.", "controlnet."
HOLDERS = ("state_dict", "model", "module")
FIRST_ATTENTION, SECOND_ATTENTION = "attention_blocks.0.", "attention_blocks.1."
TABLE = "pos_encoder.pe"


def convert_checkpoint(state: Mapping, *, part: str) -> dict[str, Tensor]:
    """The state dict of one part; see `convert_with_report`, whose `state` this is."""
    return convert_with_report(state, part=part).state


def convert_with_report(state: Mapping, *, part: str) -> Converted:
    """Rename the weights of a file, whatever it is wrapped in, and tell what was left over.

    Stage 2 is put together of converted parts: spatial | motion_modules, and then perhaps another model's spatial.

    Args:
        state: what the file holds: the weights, or {"state_dict": ...}, with or without "module." before the names.
        part: a key of `PARTS`. "motion_modules" and "spatial" are also cut out of a whole UNet.

    Raises:
        UserError: no such part, or the file holds another one.
    """
    if part not in PARTS:
        raise UserError(f"part='{part}': expected one of {', '.join(PARTS)}.{did_you_mean(part, PARTS)}")
    weights = _unwrapped(state)
    layout, ours, leftover = _renamed_weights(weights, part)
    found = part_of(ours)
    if found != part and found not in SUBSETS.get(part, ()):
        shown = ", ".join(sorted(weights)[:3]) or "no tensor"
        what = f"This is {PARTS[found]}" if found else f"This is no part of Motion-I2V that is known (it has {shown})"
        raise UserError(f"{what}; expected {PARTS[part]} (part='{part}').")
    kept = {name: value for name, value in ours.items() if _belongs(name, part)}
    return Converted(kept, layout, leftover + [name for name in ours if name not in kept])


def part_of(names: Iterable[str]) -> str | None:
    """Which part has such names (ours); None for none of them."""
    names = set(names)
    has_motion = any(OUR_TEMPORAL in name for name in names)
    if any(name.startswith("controlnet_down_blocks.") for name in names):
        return "controlnet"
    if any(name.startswith("decoder.mid_block.") for name in names):
        return "vae"
    if "conv_out.weight" not in names or "time_embedding.linear_1.weight" not in names:
        return "motion_modules" if has_motion else None
    if not has_motion:
        return "spatial"
    return "stage1" if "stride_embedding.linear_1.weight" in names else "stage2"


def released_checkpoint(state: Mapping[str, Tensor], *, part: str, layout: str = "official") -> dict[str, Tensor]:
    """The inverse of `convert_checkpoint`: a part under the names of another code base.

    Args:
        state: of the part's network.
        part: a key of `PARTS`.
        layout: one of `LAYOUTS[part]`. "official" are Motion-I2V's files (the ControlNet behind "controlnet.", the
            autoencoder's attention under its old names); "diffusers" are UNetMotionModel, MotionAdapter and
            AutoencoderKL; "ldm" is the single file of Stable Diffusion.

    Raises:
        UserError: no such part or layout, or a weight that has no place in it.
    """
    if layout not in LAYOUTS.get(part, ()):
        known = "; ".join(f"{name}: {', '.join(layouts)}" for name, layouts in LAYOUTS.items())
        raise UserError(f"part='{part}' with layout='{layout}': expected {known}.")
    if part == "vae":
        return _vae_back(state, layout)
    if layout == "ldm":
        return _ldm_back(state, ldm_unet(), LDM_UNET)
    if layout == "diffusers":
        return _diffusers_back(state)
    front = CONTROLNET if part == "controlnet" else ""
    return {front + name: value for name, value in state.items()}


def with_image_channels(state: Mapping[str, Tensor], *, image_channels: int = 4) -> dict[str, Tensor]:
    """A spatial UNet ready for stage 1: its first convolution also takes image latents, first and with weight zero."""
    weight = state["conv_in.weight"]
    blind = weight.new_zeros(weight.shape[0], image_channels, *weight.shape[2:])
    return {**state, "conv_in.weight": torch.cat([blind, weight], 1)}


def _unwrapped(state: Mapping) -> dict[str, Tensor]:
    for holder in HOLDERS:
        if isinstance(state.get(holder), Mapping):
            return _unwrapped(state[holder])
    return {str(name).removeprefix("module."): value for name, value in state.items() if isinstance(value, Tensor)}


def _renamed_weights(weights: Mapping[str, Tensor], part: str) -> tuple[str, dict[str, Tensor], list[str]]:
    """The file's layout, its weights under our names, and the names of what is not of this part's kind."""
    if part == "vae":
        return _vae_weights(weights)
    if any(name.startswith((LDM_UNET, "input_blocks.")) for name in weights):
        return ("ldm", *_from_ldm(weights, ldm_unet(), LDM_UNET))
    beside = {name: value for name, value in weights.items() if name.startswith(CONTROLNET)}
    if part == "controlnet" and beside:
        rest = [name for name in weights if name not in beside]
        weights, leftover = {name.removeprefix(CONTROLNET): value for name, value in beside.items()}, rest
    else:
        weights = {name: value for name, value in weights.items() if name not in beside}
        leftover = list(beside)
    if any(".motion_modules." in name and OUR_TEMPORAL not in name for name in weights):
        return "diffusers", _from_diffusers(weights), leftover
    return "official", dict(weights), leftover


def _vae_weights(weights: Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor], list[str]]:
    if any(name.startswith((LDM_VAE, "encoder.down.")) for name in weights):
        named, leftover = _from_ldm(weights, ldm_vae(), LDM_VAE)
        in_attention = (name for name in named if ".attentions." in name)
        return "ldm", named | {name: _as_product(named[name]) for name in in_attention}, leftover
    is_old = any(f".{old}." in name for name in weights for old in OLD_ATTENTION_NAMES)
    return "official" if is_old else "diffusers", rename_old_attention(weights), []


def _from_ldm(weights: Mapping[str, Tensor], pairs: tuple, front: str) -> tuple[dict[str, Tensor], list[str]]:
    is_whole_model = any(name.startswith(front) for name in weights)
    named, leftover = {}, []
    for name, value in weights.items():
        ours = renamed(name.removeprefix(front), pairs) if name.startswith(front) or not is_whole_model else None
        if ours is None:
            leftover.append(name)
        else:
            named[ours] = value
    return named, leftover


def _from_diffusers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each attention of a block has a table of positions here; there they share one."""
    named = {from_diffusers(name): value for name, value in weights.items()}
    tables = {name: value for name, value in named.items() if name.endswith(FIRST_ATTENTION + TABLE)}
    second = {name.replace(FIRST_ATTENTION, SECOND_ATTENTION): value for name, value in tables.items()}
    return named | {name: value for name, value in second.items() if name.replace(TABLE, "to_q.weight") in named}


def _diffusers_back(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {}
    for name, value in state.items():
        theirs = to_diffusers(name)
        if theirs in named and not torch.equal(named[theirs], value):
            raise UserError(
                f"{name}: another table of positions than that of the block's first attention; diffusers "
                "has one for both."
            )
        named[theirs] = value
    return named


def _ldm_back(state: Mapping[str, Tensor], pairs: tuple, front: str) -> dict[str, Tensor]:
    named = {name: renamed(name, pairs, back=True) for name in state}
    homeless = [name for name, theirs in named.items() if theirs is None]
    if homeless:
        raise UserError(
            f"Stable Diffusion's files have no place for {', '.join(homeless[:3])} ({len(homeless)} names)."
        )
    return {front + theirs: state[name] for name, theirs in named.items()}


def _vae_back(state: Mapping[str, Tensor], layout: str) -> dict[str, Tensor]:
    if layout == "diffusers":
        return dict(state)
    if layout == "ldm":
        named = _ldm_back(state, ldm_vae(), LDM_VAE)
        return {name: _as_convolution(name, value) for name, value in named.items()}
    return {_old_attention_name(name): value for name, value in state.items()}


def _old_attention_name(name: str) -> str:
    for old, new in OLD_ATTENTION_NAMES.items():
        if ".attentions." in name:
            name = name.replace(f".{new}.", f".{old}.")
    return name


def _as_product(value: Tensor) -> Tensor:
    """The weight of a 1 x 1 convolution as that of a linear layer."""
    return value.flatten(1) if value.ndim == 4 else value


def _as_convolution(name: str, value: Tensor) -> Tensor:
    return value[:, :, None, None] if ".attn_1." in name and value.ndim == 2 else value


def _belongs(name: str, part: str) -> bool:
    if part == "motion_modules":
        return OUR_TEMPORAL in name
    return part != "spatial" or OUR_TEMPORAL not in name
