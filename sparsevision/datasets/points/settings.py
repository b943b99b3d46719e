"""How CPCM changes a training view, for each data set (published scripts of CPCM, ICCV 2023)."""

import math
from dataclasses import dataclass, fields, replace

from sparsevision.utils import UserError

TILT_64, TILT_32, ANY_TURN = math.pi / 64, math.pi / 32, math.pi


@dataclass(frozen=True)
class ElasticSettings:
    """One elastic distortion: metres between two nodes of the noise, and metres of movement for a noise of 1."""

    granularity: float
    magnitude: float

    def __post_init__(self):
        if not self.granularity > 0:
            raise UserError(f"elastic: granularity must be greater than 0 metres, got {self.granularity}.")


@dataclass(frozen=True, kw_only=True)
class ViewSettings:
    """Values of one training view. Every `*_probability` is that of the whole step; 0 turns the step off.

    Args:
        voxel_size: side of a voxel in metres.
        elastic: distortions in sequence, each on the result of the one before.
        elastic_probability: that of all of them together.
        crop_half_side: half the side of the cube that is kept, metres; None keeps all.
        crop_shift: largest shift of the cube on x, y, z, as a share of the cloud's size.
        largest_angles: radians for x, y, z; angles are uniform in [-a, a].
        scale: least and largest factor of size.
        dropout_probability: published as 0.2 although 0.5 was meant (the code uses the ratio in its place).
        dropout_ratio: share of the voxels to drop.
        flip_probability: of the step; then each of `flip_axes` is mirrored with probability one half.
        flip_axes: 0 = x, 1 = y, 2 = z.
        contrast_probability: of the auto-contrast.
        translation_probability: of the colour translation.
        translation_ratio: largest translation as a share of 255.
        jitter_probability: of the colour jitter; published on for KITTI and for CPCM on ScanNet with 0.1 %.
        jitter_std: standard deviation of the jitter as a share of 255.
        shift_limit: the last shift is a whole number of 0..shift_limit-1 on each axis.
        labelled_represent: deviation: a labelled point stands for its voxel (see `voxelize`).
        labelled_escape_dropout: deviation: voxels with a label are never dropped.
        labelled_escape_crop: labelled points stay although the crop leaves them out (published option, never on).
        any_shared_point: deviation: views are matched by any common point (see `match_views`).

    Raises:
        UserError: from the constructor, for a value out of its range.
    """

    voxel_size: float
    elastic: tuple[ElasticSettings, ...] = ()
    elastic_probability: float = 0.95
    crop_half_side: float | None = None
    crop_shift: tuple[float, float, float] = (0.2, 0.2, 0.05)
    largest_angles: tuple[float, float, float] = (TILT_64, TILT_64, ANY_TURN)
    scale: tuple[float, float] = (0.9, 1.1)
    dropout_probability: float = 0.2
    dropout_ratio: float = 0.2
    flip_probability: float = 0.95
    flip_axes: tuple[int, ...] = (0, 1)
    contrast_probability: float = 0.2
    translation_probability: float = 0.95
    translation_ratio: float = 0.1
    jitter_probability: float = 0.0
    jitter_std: float = 0.05
    shift_limit: int = 100
    labelled_represent: bool = False
    labelled_escape_dropout: bool = False
    labelled_escape_crop: bool = False
    any_shared_point: bool = False

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_probability") and not 0 <= value <= 1:
                raise UserError(f"{field.name}: expected a probability in [0, 1], got {value}.")
        if not (math.isfinite(self.voxel_size) and self.voxel_size > 0):
            raise UserError(f"voxel_size: expected metres greater than 0, got {self.voxel_size}.")
        if not 0 <= self.dropout_ratio < 1:
            raise UserError(f"dropout_ratio: expected a share in [0, 1), got {self.dropout_ratio}.")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise UserError(f"scale: expected 0 < least <= largest, got {self.scale}.")
        if self.crop_half_side is not None and not self.crop_half_side > 0:
            raise UserError(f"crop_half_side: expected metres greater than 0 or None, got {self.crop_half_side}.")
        if self.shift_limit < 1:
            raise UserError(f"shift_limit: expected a whole number from 1 on, got {self.shift_limit}.")

    def fixed(self) -> "ViewSettings":
        """These settings without the losses of labels and of matches: the preset "fixed", three switches."""
        return replace(self, labelled_represent=True, labelled_escape_dropout=True, any_shared_point=True)


SCANNET = ViewSettings(voxel_size=0.02, elastic=(ElasticSettings(0.2, 0.4), ElasticSettings(0.8, 1.6)))
S3DIS = ViewSettings(voxel_size=0.05, crop_half_side=4.0, largest_angles=(TILT_32, TILT_32, ANY_TURN))
KITTI = ViewSettings(voxel_size=0.02, jitter_probability=0.95)
