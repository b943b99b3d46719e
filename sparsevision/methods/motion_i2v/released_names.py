"""Names of the networks' parts in other code bases: diffusers' motion model, and the files of latent diffusion (LDM).

A table is a list of pairs (the beginning of their name, the beginning of ours), read both ways; what follows is the
same, and the longest beginning that fits counts. Ours are the released names of Motion-I2V.
"""

import re
from functools import cache

Pairs = tuple[tuple[str, str], ...]

LEVELS, LAYERS = 4, 2  # of Stable Diffusion 1.5
ATTENTION_LEVELS = 3
LDM_RESIDUAL = {
    "in_layers.0.": "norm1.",
    "in_layers.2.": "conv1.",
    "emb_layers.1.": "time_emb_proj.",
    "out_layers.0.": "norm2.",
    "out_layers.3.": "conv2.",
    "skip_connection.": "conv_shortcut.",
}
LDM_VAE_ATTENTION = {"norm.": "group_norm.", "q.": "to_q.", "k.": "to_k.", "v.": "to_v.", "proj_out.": "to_out.0."}
TEMPORAL_PARTS = {  # after "...motion_modules.{j}.": ours -> diffusers'
    "attention_blocks.0.": "attn1.",
    "attention_blocks.1.": "attn2.",
    "norms.0.": "norm1.",
    "norms.1.": "norm2.",
    "ff_norm.": "norm3.",
}
OUR_TEMPORAL = ".temporal_transformer."
OUR_TABLE = re.compile(r"attention_blocks\.\d+\.pos_encoder\.pe$")
THEIR_TABLE = "pos_embed.pe"


def to_diffusers(name: str) -> str:
    """diffusers' name of one of ours; both tables of positions of a block have the same one there."""
    front, found, rest = name.partition(OUR_TEMPORAL)
    if not found:
        return name
    rest = OUR_TABLE.sub(THEIR_TABLE, rest)
    return f"{front}.{_replaced(rest, TEMPORAL_PARTS)}"


def from_diffusers(name: str) -> str:
    """Our name of one of diffusers' motion model; a table of positions comes back as that of the first attention."""
    found = re.match(r"(.*\.motion_modules\.\d+)\.(.*)", name)
    if not found:
        return name
    front, rest = found.groups()
    rest = rest.replace(THEIR_TABLE, "attn1.pos_encoder.pe")
    return f"{front}{OUR_TEMPORAL}{_replaced(rest, {theirs: ours for ours, theirs in TEMPORAL_PARTS.items()})}"


def renamed(name: str, pairs: Pairs, *, back: bool = False) -> str | None:
    """Our name of one of theirs, or theirs of ours with `back`; None where no pair fits."""
    for beginning, other in _ordered(pairs, back):
        if name.startswith(beginning):
            return other + name[len(beginning) :]
    return None


def ldm_unet() -> Pairs:
    """Stable Diffusion 1.5's UNet, without "model.diffusion_model."."""
    pairs = [
        ("time_embed.0.", "time_embedding.linear_1."),
        ("time_embed.2.", "time_embedding.linear_2."),
        ("input_blocks.0.0.", "conv_in."),
        ("middle_block.1.", "mid_block.attentions.0."),
        ("out.0.", "conv_norm_out."),
        ("out.2.", "conv_out."),
        *_residual("middle_block.0.", "mid_block.resnets.0."),
        *_residual("middle_block.2.", "mid_block.resnets.1."),
    ]
    for level in range(LEVELS):
        pairs += _ldm_down(level) + _ldm_up(level)
    return tuple(pairs)


def ldm_vae() -> Pairs:
    """Stable Diffusion's autoencoder, without "first_stage_model."."""
    pairs = [("quant_conv.", "quant_conv."), ("post_quant_conv.", "post_quant_conv.")]
    for side in ("encoder", "decoder"):
        pairs += [(f"{side}.norm_out.", f"{side}.conv_norm_out.")]
        pairs += [(f"{side}.{conv}.", f"{side}.{conv}.") for conv in ("conv_in", "conv_out")]
        pairs += _vae_residual(f"{side}.mid.block_1.", f"{side}.mid_block.resnets.0.")
        pairs += _vae_residual(f"{side}.mid.block_2.", f"{side}.mid_block.resnets.1.")
        theirs, ours = f"{side}.mid.attn_1.", f"{side}.mid_block.attentions.0."
        pairs += [(theirs + a, ours + b) for a, b in LDM_VAE_ATTENTION.items()]
    for level in range(LEVELS):
        down, up = f"encoder.down.{level}.", f"decoder.up.{LEVELS - 1 - level}."  # LDM counts both from the finest
        for layer in range(LAYERS + 1):
            pairs += _vae_residual(f"{down}block.{layer}.", f"encoder.down_blocks.{level}.resnets.{layer}.")
            pairs += _vae_residual(f"{up}block.{layer}.", f"decoder.up_blocks.{level}.resnets.{layer}.")
        pairs.append((f"{down}downsample.conv.", f"encoder.down_blocks.{level}.downsamplers.0.conv."))
        pairs.append((f"{up}upsample.conv.", f"decoder.up_blocks.{level}.upsamplers.0.conv."))
    return tuple(pairs)


def _ldm_down(level: int) -> list[tuple[str, str]]:
    """LDM counts all layers of the way down in one row: per level its layers, then the downsampling."""
    pairs, first = [], 1 + level * (LAYERS + 1)
    for layer in range(LAYERS):
        theirs, ours = f"input_blocks.{first + layer}.", f"down_blocks.{level}."
        pairs += _residual(f"{theirs}0.", f"{ours}resnets.{layer}.")
        if level < ATTENTION_LEVELS:
            pairs.append((f"{theirs}1.", f"{ours}attentions.{layer}."))
    if level < LEVELS - 1:
        pairs.append((f"input_blocks.{first + LAYERS}.0.op.", f"down_blocks.{level}.downsamplers.0.conv."))
    return pairs


def _ldm_up(level: int) -> list[tuple[str, str]]:
    """On the way up the upsampling is the last part of its level's last layer."""
    pairs, first = [], level * (LAYERS + 1)
    has_attention = level >= LEVELS - ATTENTION_LEVELS
    for layer in range(LAYERS + 1):
        theirs, ours = f"output_blocks.{first + layer}.", f"up_blocks.{level}."
        pairs += _residual(f"{theirs}0.", f"{ours}resnets.{layer}.")
        if has_attention:
            pairs.append((f"{theirs}1.", f"{ours}attentions.{layer}."))
    if level < LEVELS - 1:
        part = 2 if has_attention else 1
        pairs.append((f"output_blocks.{first + LAYERS}.{part}.conv.", f"up_blocks.{level}.upsamplers.0.conv."))
    return pairs


def _residual(theirs: str, ours: str) -> list[tuple[str, str]]:
    return [(theirs + a, ours + b) for a, b in LDM_RESIDUAL.items()]


def _vae_residual(theirs: str, ours: str) -> list[tuple[str, str]]:
    return [(f"{theirs}nin_shortcut.", f"{ours}conv_shortcut."), (theirs, ours)]


def _replaced(name: str, parts: dict[str, str]) -> str:
    for old, new in parts.items():
        name = name.replace(f".{old}", f".{new}")
    return name


@cache
def _ordered(pairs: Pairs, back: bool) -> Pairs:
    turned = [(ours, theirs) if back else (theirs, ours) for theirs, ours in pairs]
    return tuple(sorted(turned, key=lambda pair: -len(pair[0])))
