"""What the release of SPIn-NeRF does and what it meant, and the weights of its losses."""

from dataclasses import dataclass, fields

from sparsevision.utils import UserError


@dataclass(frozen=True)
class Switches:
    """Where the release and what it meant differ in a training step; docs/spin_nerf.md compares them.

    What differs in the data is a matter of the data set (`SceneRays`, preset "fixed").

    Attributes:
        leak_background: colours of detached rays still push density through the white background behind them.
        leak_trunk: colours of detached rays still move what density shares with them.
        unnormalised_depth: the depth term takes the weighted sum of depths, too small where a ray is not stopped.
        skip_broken_disparities: one ray without any density silences the disparity term of its batch.
    """

    leak_background: bool
    leak_trunk: bool
    unnormalised_depth: bool
    skip_broken_disparities: bool


PRESETS = {
    "published": Switches(
        leak_background=True, leak_trunk=True, unnormalised_depth=True, skip_broken_disparities=True
    ),
    "fixed": Switches(
        leak_background=False, leak_trunk=False, unnormalised_depth=False, skip_broken_disparities=False
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the terms; a term whose rays the batch lacks, or whose weight is 0, is left out.

    Attributes:
        colour: squared error of colours.
        reference: the same in the hole of the reference view, without gradient to density.
        objectness: cross-entropy of the objectness.
        object_pixel: of a pixel of the object in it, beside 1 of the background (published: 1); more makes up for masks
            that are too small.
        depth: squared error of depth at key points.
        disparity: squared error of disparity in the hole.
        perceptual: LPIPS of patches around the hole (published: 1 / 100).
        accumulation: what the hole stops of the light (the object-removal baseline; published there: 0.001).
        proposal: of a coarse field without colours, which is to bound what the fine one sees.
    """

    colour: float = 1.0
    reference: float = 1.0
    objectness: float = 0.01
    object_pixel: float = 1.0
    depth: float = 0.1
    disparity: float = 1.0
    perceptual: float = 0.01
    accumulation: float = 0.0
    proposal: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise UserError(f"LossWeights: {field.name}={getattr(self, field.name)}; expected 0 or more.")
