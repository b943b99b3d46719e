"""What the release of CPCM does and what it meant, and the settings of its masked pass."""

from dataclasses import dataclass
from typing import Any

from sparsevision.methods.cpcm.voting import Pose
from sparsevision.utils import UserError

MODES = ("grid", "geometric", "random")


@dataclass(frozen=True)
class Switches:
    """Where the release and what it meant differ in the training step; docs/cpcm.md compares them.

    What differs in the data is a matter of the pipeline (`MakeTwoViews`, preset "fixed").

    Attributes:
        skip_unmatched_batches: one sample without matches silences all terms but the supervised one for its batch.
        shared_statistics: the masked pass counts into the running statistics that evaluation uses.
    """

    skip_unmatched_batches: bool
    shared_statistics: bool


PRESETS = {
    "published": Switches(skip_unmatched_batches=True, shared_statistics=True),
    "fixed": Switches(skip_unmatched_batches=False, shared_statistics=False),
}


@dataclass(frozen=True)
class Mask:
    """The masked pass (Sec. 3.3, "region masking").

    Attributes:
        weight: of both terms of the masked view, at the end of the ramp; 5 for 0.1 %, 10 for 0.01 %.
        grid_size: cells an axis; 4 for 0.1 %, 8 for 0.01 %.
        ratio: share of the cells, or of the voxels, that is hidden.
        mode: "grid" as published, "geometric" for cells of equal metres, "random" for single voxels.
        token: hidden voxels get a learnt vector instead of mid-grey.
    """

    weight: float = 5.0
    grid_size: int = 4
    ratio: float = 0.75
    mode: str = "grid"
    token: bool = False

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise UserError(f"mask: weight={self.weight}; expected more than 0, or mask=None for no masked pass.")
        if not 0 < self.ratio <= 1:
            raise UserError(f"mask: ratio={self.ratio}; expected a share in (0, 1].")
        if self.grid_size < 1:
            raise UserError(f"mask: grid_size={self.grid_size}; expected 1 or more cells an axis.")
        if self.mode not in MODES:
            raise UserError(f"mask: mode={self.mode!r}; expected one of {', '.join(MODES)}.")


@dataclass(frozen=True, kw_only=True)
class Voting:
    """How raw points are predicted by many looks at the cloud; voxels always have one, as published (see `vote`).

    Attributes:
        voxel_size: metres.
        turns, scales: degrees around z, factors of size; each turn is looked at in each scale.
        fragments: every raw point is predicted from its own colour.
        max_fragments, max_voxels: see `vote`.
    """

    voxel_size: float
    turns: tuple[float, ...] = (0.0, 90.0, 180.0, 270.0)
    scales: tuple[float, ...] = (0.95, 1.0, 1.05)
    fragments: bool = True
    max_fragments: int | None = None
    max_voxels: int | None = None

    def options(self) -> dict[str, Any]:
        """Arguments of `vote`."""
        names = ("voxel_size", "fragments", "max_fragments", "max_voxels")
        passes = [Pose(turn=turn, scale=scale) for scale in self.scales for turn in self.turns]
        return {name: getattr(self, name) for name in names} | {"passes": passes}
