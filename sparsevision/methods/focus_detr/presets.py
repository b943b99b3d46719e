"""Where the paper, the released code and the MindSpore port of Focus-DETR differ; docs/focus_detr.md compares them."""

from dataclasses import dataclass
from typing import Literal

Modulation = Literal["before_norm", "after_norm", "added"]
ObjectScore = Literal["logit_product", "probability_product", "class_logit"]


@dataclass(frozen=True)
class Switches:
    """One switch for every difference. What the release crashes on (few tokens, no boxes, sure logits) never crashes.

    Attributes:
        modulation: how a coarse level's scores act on the next finer one: "before_norm" (paper and release), scaling
            features that a LayerNorm then scales back, so nothing happens; "after_norm", scaling what comes out of
            the norm; "added", adding the upsampled, scored coarse features (MindSpore).
        top_alpha_twice: the coarsest coefficient also serves the second coarsest pair of levels (MindSpore).
        aligned_upsampling: coarse scores are upsampled corner on corner (release) instead of by half pixels.
        disjoint_ranges: labels of the levels share no size (release) instead of half of it (paper).
        farthest_side: a label's distance is to the farthest side of the box (release), instead of to its centre.
        stale_value: every encoder layer reads the features before the encoder (release), not the current memory.
        object_score: what makes a token an object token: class logit times foreground logit (release, high if both
            are very low), their probabilities, or the class logit alone (MindSpore).
        own_class_heads: every encoder layer has its own class head (MindSpore) instead of that of the proposals. How
            they were trained is not released; here they do not learn.
        batch_budget: an image in a batch keeps tokens by the count of the largest one in it; those beyond its own
            share, padding included, may be object tokens.
        zeroed_borders: the selector sees nothing of tokens whose proposal would leave the image.
        padding_counts: padding is background in the selector's loss, and part of the mean over its level.
        blind_evaluation: in evaluation the padding of a batch counts as image.
        padded_backbone: backbone and neck see the padding of a batch, so its borders change the features beside them;
            otherwise images of equal size go through together, and their features are padded.
        invalid_proposals: padding and tokens at the border may become queries.
        padded_copies: where an image has fewer boxes than another one of its batch, the places of its denoising queries
            without a box are queries and background.
        padded_positions: queries know their place in the padded batch instead of in the image.
    """

    modulation: Modulation
    top_alpha_twice: bool
    aligned_upsampling: bool
    disjoint_ranges: bool
    farthest_side: bool
    stale_value: bool
    object_score: ObjectScore
    own_class_heads: bool
    batch_budget: bool
    zeroed_borders: bool
    padding_counts: bool
    blind_evaluation: bool
    padded_backbone: bool
    invalid_proposals: bool
    padded_copies: bool
    padded_positions: bool


PRESETS = {
    "published": Switches(
        modulation="before_norm",
        top_alpha_twice=False,
        aligned_upsampling=True,
        disjoint_ranges=True,
        farthest_side=True,
        stale_value=True,
        object_score="logit_product",
        own_class_heads=False,
        batch_budget=True,
        zeroed_borders=True,
        padding_counts=True,
        blind_evaluation=True,
        padded_backbone=True,
        invalid_proposals=True,
        padded_copies=True,
        padded_positions=True,
    ),
    "fixed": Switches(
        modulation="after_norm",
        top_alpha_twice=False,
        aligned_upsampling=False,
        disjoint_ranges=False,
        farthest_side=False,
        stale_value=False,
        object_score="probability_product",
        own_class_heads=False,
        batch_budget=False,
        zeroed_borders=False,
        padding_counts=False,
        blind_evaluation=False,
        padded_backbone=False,
        invalid_proposals=False,
        padded_copies=False,
        padded_positions=False,
    ),
}
