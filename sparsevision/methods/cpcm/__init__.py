"""CPCM: point-cloud segmentation from very few labelled points (Liu et al., ICCV 2023)."""

from sparsevision.datasets.points.correspond import match_views
from sparsevision.datasets.points.voxelise import voxelize
from sparsevision.methods.cpcm.convert import convert_checkpoint
from sparsevision.methods.cpcm.losses import CPCMWeights, Matches, cpcm_losses, js_divergence, supervised_loss
from sparsevision.methods.cpcm.method import CPCM
from sparsevision.methods.cpcm.network import Res16UNet, Res16UNet14A, Res16UNet18A, Res16UNet34A, Res16UNet34C
from sparsevision.methods.cpcm.region_mask import choose_boxes, hide_masked, mask_batch, region_mask
from sparsevision.methods.cpcm.schedule import PublishedPolyLR, ramp_up
from sparsevision.registry import MODELS

for network in (Res16UNet, Res16UNet14A, Res16UNet18A, Res16UNet34A, Res16UNet34C):
    MODELS.register_module(module=network)

__all__ = [
    "CPCM",
    "CPCMWeights",
    "Matches",
    "PublishedPolyLR",
    "Res16UNet",
    "Res16UNet14A",
    "Res16UNet18A",
    "Res16UNet34A",
    "Res16UNet34C",
    "choose_boxes",
    "convert_checkpoint",
    "cpcm_losses",
    "hide_masked",
    "js_divergence",
    "mask_batch",
    "match_views",
    "ramp_up",
    "region_mask",
    "supervised_loss",
    "voxelize",
]
