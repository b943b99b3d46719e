"""CPCM: point-cloud segmentation from very few labelled points (Liu et al., ICCV 2023)."""

from sparsevision.methods.cpcm.losses import CPCMWeights, Matches, cpcm_losses, js_divergence, supervised_loss
from sparsevision.methods.cpcm.region_mask import choose_boxes, hide_masked, mask_batch, region_mask
from sparsevision.methods.cpcm.schedule import PublishedPolyLR, ramp_up

__all__ = [
    "CPCMWeights",
    "Matches",
    "PublishedPolyLR",
    "choose_boxes",
    "cpcm_losses",
    "hide_masked",
    "js_divergence",
    "mask_batch",
    "ramp_up",
    "region_mask",
    "supervised_loss",
]
