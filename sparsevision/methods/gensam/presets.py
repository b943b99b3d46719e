"""Every option of GenSAM and the two presets that bundle them.

`published` follows the released code (its state of March 2025), `fixed` mends it. What differs:

| option | published | fixed | why |
| --- | --- | --- | --- |
| `normalize_dim` | 1 | -1 | features were divided by their norm over tokens, not over channels |
| `clip_box` | False | True | boxes reached outside of the image |
| `symmetric_box` | False | True | right and bottom grew by 11 % instead of a tenth |
| `update_text` | True | False | asking again about the same image changes nothing but the noise of sampling |

The same in both, to be set by hand: `attention`, `consensus`, `recursive`, `recursive_coef`, `attn_thr`, `down_sample`,
`clip_input_ema`, `adaptive_recursive` (the early stop, always on in the release of December 2023), `mask_feedback`, and
`box_components`: "union" boxes all parts of a mask instead of the largest alone, but early masks have stray parts that
then stay (on the one photograph that it changed much of two tried, IoU fell from 0.55 to 0.11).

Mended in both, for the released code stops with an error there and has no number to keep: images of 56 pixels or less
on a side, constant heatmaps (zeros, hence no points, instead of NaN), passes without points, a missing
`adaptive_recursive`, texts too long for CLIP, a second input size (the positional embedding is not overwritten).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from sparsevision.methods.gensam.heatmap import check_consensus
from sparsevision.methods.gensam.prompts import check_components
from sparsevision.utils import UserError, did_you_mean

PRESETS: Mapping[str, Mapping[str, object]] = {
    "published": {},
    "fixed": {
        "normalize_dim": -1,
        "clip_box": True,
        "symmetric_box": True,
        "update_text": False,
    },
}
HEATMAP_OPTIONS = ("attention", "normalize_dim", "consensus")


@dataclass(frozen=True, kw_only=True)
class GenSAMOptions:
    """Options of one run; the defaults are the `published` preset.

    Attributes:
        attention: of spatial CLIP, "kk", "vv" or "qq".
        normalize_dim: CLIP features are divided by their norm over 1 tokens or -1 channels.
        consensus: "difference", "clamped" or "foreground_only" (no background words).
        recursive: passes after the first one.
        recursive_coef: weight a of the re-weighted image, in [0,1].
        clip_input_ema: re-weight the original image and average (True), or the current one.
        attn_thr: heatmap value from which on a cell is a positive point.
        down_sample: resizes the heatmap's grid to side // down_sample cells before points are taken.
        adaptive_recursive: stop early once the masks have settled.
        update_text: ask the keyword source in each pass (True) or once per image.
        clip_box, symmetric_box, box_components: see `box_from_mask`.
        mask_feedback: give SAM the chosen low-resolution logits of the pass before as mask prompt; not in the paper.
    """

    attention: str = "kk"
    normalize_dim: int = 1
    consensus: str = "difference"
    recursive: int = 5
    recursive_coef: float = 0.3
    clip_input_ema: bool = True
    attn_thr: float = 0.9
    down_sample: float = 0.5
    adaptive_recursive: bool = False
    update_text: bool = True
    clip_box: bool = False
    symmetric_box: bool = False
    box_components: str = "largest"
    mask_feedback: bool = False

    def __post_init__(self) -> None:
        check_consensus(self.consensus)
        check_components(self.box_components)
        if not isinstance(self.recursive, int) or self.recursive < 0:
            raise UserError(f"recursive must be a whole number of at least 0, got {self.recursive!r}.")
        for name in ("recursive_coef", "attn_thr"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} must lie in [0, 1], got {getattr(self, name)!r}.")
        if not self.down_sample > 0:
            raise UserError(f"down_sample must be above 0, got {self.down_sample!r}.")

    @property
    def heatmap_options(self) -> dict[str, object]:
        """Those that a CLIP heatmap back-end takes."""
        return {name: getattr(self, name) for name in HEATMAP_OPTIONS}


def resolve_options(preset: str = "published", **given: object) -> GenSAMOptions:
    """A preset with single options changed.

    Raises:
        UserError: no such preset or option, or a value out of range.
    """
    if preset not in PRESETS:
        raise UserError(f"GenSAM has no preset '{preset}': take one of {', '.join(PRESETS)}.")
    known = [field.name for field in fields(GenSAMOptions)]
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) or f" It knows: {', '.join(known)}."
            raise UserError(f"GenSAM has no option '{name}'.{hint}")
    return GenSAMOptions(**{**PRESETS[preset], **given})
