"""Names of released detectors and ours, in tables that are read both ways.

A pair is the beginning of a released name and the beginning of ours; {} is the same number in both, and what follows is
the same. The longest beginning that fits counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

Pairs = tuple[tuple[str, str], ...]

LEVELS_OF_BACKBONE = 3
LABELS = "label_embedding."
WINDOW_INDEX = "relative_position_index"  # of Swin; a square in other code bases, a line in torchvision
FFN_OF_DETREX = {"ffns.0.layers.0.0.": "ffn.0.", "ffns.0.layers.1.": "ffn.2."}
DECODER_OF_DETREX = FFN_OF_DETREX | {
    "attentions.0.attn.": "self_attention.",
    "attentions.1.": "deformable.",
    "norms.0.": "self_norm.",
    "norms.1.": "deformable_norm.",
    "norms.2.": "ffn_norm.",
}
DENSE_ENCODER_OF_DETREX = FFN_OF_DETREX | {
    "attentions.0.": "deformable.",
    "norms.0.": "deformable_norm.",
    "norms.1.": "ffn_norm.",
}
FOCUS_ENCODER_OF_DETREX = FFN_OF_DETREX | {
    "attentions.0.attn.": "self_attention.",
    "attentions.1.": "deformable.",
    "norm2.": "self_norm.",
    "norms.0.": "deformable_norm.",
    "norms.1.": "ffn_norm.",
}
ENCODER_OF_IDEA = {
    "self_attn.": "deformable.",
    "norm1.": "deformable_norm.",
    "linear1.": "ffn.0.",
    "linear2.": "ffn.2.",
    "norm2.": "ffn_norm.",
}
DECODER_OF_IDEA = {
    "self_attn.": "self_attention.",
    "norm2.": "self_norm.",
    "cross_attn.": "deformable.",
    "norm1.": "deformable_norm.",
    "linear1.": "ffn.0.",
    "linear2.": "ffn.2.",
    "norm3.": "ffn_norm.",
}
SHARED = (
    ("class_embed.{}.", "class_heads.{}."),
    ("bbox_embed.{}.", "box_heads.{}."),
    ("label_enc.", LABELS),
    ("transformer.tgt_embed.", "query_content."),
    ("transformer.enc_output.", "proposals.linear."),
    ("transformer.enc_output_norm.", "proposals.norm."),
    ("transformer.decoder.norm.", "decoder.norm."),
    ("transformer.decoder.ref_point_head.", "decoder.reference_mlp."),
)
SELECTOR = (
    ("transformer.alpha", "selector.alpha"),
    ("transformer.enc_mask_predictor.layer1.0.", "selector.scorer.norm."),
    ("transformer.enc_mask_predictor.layer1.1.", "selector.scorer.first."),
    ("transformer.enc_mask_predictor.layer2.", "selector.scorer.rest."),
)


def _layers(side: str, parts: Mapping[str, str]) -> Pairs:
    """Of "encoder" or "decoder"."""
    return tuple(
        (f"transformer.{side}.layers.{{}}.{theirs}", f"{side}.layers.{{}}.{ours}") for theirs, ours in parts.items()
    )


def detectron2_resnet(released: str = "backbone.", ours: str = "backbone.") -> Pairs:
    """detectron2's names of a ResNet and torchvision's, each behind a prefix."""
    pairs = [(f"{released}stem.conv1.norm.", f"{ours}bn1."), (f"{released}stem.conv1.", f"{ours}conv1.")]
    for stage in range(1, 5):
        theirs, own = f"{released}res{stage + 1}.{{}}.", f"{ours}layer{stage}.{{}}."
        pairs += [
            (f"{theirs}conv{{}}.norm.", f"{own}bn{{}}."),
            (f"{theirs}conv{{}}.", f"{own}conv{{}}."),
            (f"{theirs}shortcut.norm.", f"{own}downsample.1."),
            (f"{theirs}shortcut.", f"{own}downsample.0."),
        ]
    return tuple(pairs)


def official_swin(released: str = "backbone.", ours: str = "backbone.") -> Pairs:
    """Microsoft's names of a Swin Transformer (also detectron2's) and ours, each behind a prefix."""
    pairs = [
        (f"{released}patch_embed.proj.", f"{ours}features.0.0."),
        (f"{released}patch_embed.norm.", f"{ours}features.0.2."),
    ]
    for stage in range(4):
        theirs, own = f"{released}layers.{stage}.blocks.{{}}.", f"{ours}features.{2 * stage + 1}.{{}}."
        pairs += [
            (f"{theirs}mlp.fc1.", f"{own}mlp.0."),
            (f"{theirs}mlp.fc2.", f"{own}mlp.3."),
            (theirs, own),
            (f"{released}layers.{stage}.downsample.", f"{ours}features.{2 * stage + 2}."),
        ]
    pairs += [(f"{released}norm{stage}.", f"{ours}norms.{stage - 1}.") for stage in (1, 2, 3)]
    return tuple(pairs)


NECK_OF_DETREX = (
    ("neck.convs.{}.", "neck.levels.{}."),
    ("neck.extra_convs.0.", f"neck.levels.{LEVELS_OF_BACKBONE}."),
    ("transformer.level_embeds", "level_embedding"),
)
NECK_OF_IDEA = (
    ("backbone.0.body.", "backbone."),
    *official_swin("backbone.0."),
    ("input_proj.{}.0.", "neck.levels.{}.conv."),
    ("input_proj.{}.1.", "neck.levels.{}.norm."),
    ("transformer.level_embed", "level_embedding"),
    ("transformer.enc_out_class_embed.", "class_heads.6."),
    ("transformer.enc_out_bbox_embed.", "box_heads.6."),
)
DETREX = SHARED + NECK_OF_DETREX + detectron2_resnet() + official_swin() + _layers("decoder", DECODER_OF_DETREX)


@dataclass(frozen=True)
class Layout:
    """How one code base names a detector.

    Attributes:
        title: of the code base.
        pairs: (released, ours).
        copies: released names that hold a tensor once more: (name, the name whose copy it is).
    """

    title: str
    pairs: Pairs
    copies: Pairs


HEADS_AGAIN = (
    ("transformer.decoder.class_embed.{}.", "class_embed.{}."),
    ("transformer.decoder.bbox_embed.{}.", "bbox_embed.{}."),
)
MCSP_AGAIN = tuple(
    (f"{name}.{layer}.", "class_embed.6.")
    for name in ("transformer.encoder.enhance_MCSP", "enhance_MCSP_layerlist")
    for layer in range(6)
)
LAYOUTS = {
    "focus_detr": Layout(
        "Focus-DETR (detrex)", DETREX + SELECTOR + _layers("encoder", FOCUS_ENCODER_OF_DETREX), HEADS_AGAIN + MCSP_AGAIN
    ),
    "dino": Layout("DINO (detrex)", DETREX + _layers("encoder", DENSE_ENCODER_OF_DETREX), HEADS_AGAIN),
    "idea_dino": Layout(
        "DINO (IDEA-Research)",
        SHARED + NECK_OF_IDEA + _layers("encoder", ENCODER_OF_IDEA) + _layers("decoder", DECODER_OF_IDEA),
        HEADS_AGAIN,
    ),
}


def renamed(name: str, pairs: Pairs, *, back: bool = False) -> str | None:
    """Our name of a released one, or the other way round with `back`; None if no pair fits."""
    for pattern, replacement in _patterns(pairs, back):
        found = pattern.match(name)
        if found:
            return replacement.format(*found.groups()) + name[found.end() :]
    return None


@cache
def _patterns(pairs: Pairs, back: bool) -> Sequence[tuple[re.Pattern, str]]:
    turned = [(ours, theirs) if back else (theirs, ours) for theirs, ours in pairs]
    turned.sort(key=lambda pair: -len(pair[0].replace("{}", "")))
    return [(re.compile(re.escape(one).replace(r"\{\}", r"(\d+)")), other) for one, other in turned]
