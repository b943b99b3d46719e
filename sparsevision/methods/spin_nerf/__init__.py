"""SPIn-NeRF: an object leaves a 3-D scene, by clicks in one view (Mirzaei et al., CVPR 2023)."""

from sparsevision.datasets.views.labels import dilate_mask
from sparsevision.datasets.views.llff import load_llff
from sparsevision.datasets.views.poses import average_pose, recenter_poses, spherify_poses
from sparsevision.datasets.views.rays import get_rays, ndc_rays
from sparsevision.methods.spin_nerf.convert import convert_checkpoint
from sparsevision.methods.spin_nerf.inpaint import (
    LaMaInpainter,
    OpenCVInpainter,
    PatchMatchInpainter,
    PrecomputedInpainter,
)
from sparsevision.methods.spin_nerf.method import SPInNeRF
from sparsevision.methods.spin_nerf.radiance.coordinates import (
    BoxCoordinates,
    ContractedCoordinates,
    FrustumCoordinates,
)
from sparsevision.methods.spin_nerf.radiance.dense_field import DenseGridField, DensityGrid
from sparsevision.methods.spin_nerf.radiance.encoding import positional_encoding
from sparsevision.methods.spin_nerf.radiance.hash_field import HashGridField
from sparsevision.methods.spin_nerf.radiance.ray_losses import sigma_loss
from sparsevision.methods.spin_nerf.radiance.renderer import Renderer
from sparsevision.methods.spin_nerf.radiance.sampling import sample_pdf
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF
from sparsevision.methods.spin_nerf.radiance.volume import objectness, volume_render
from sparsevision.methods.spin_nerf.studio import StudioHashField, StudioRenderer, StudioVanillaField
from sparsevision.registry import MODELS

for part in (
    Renderer,
    VanillaNeRF,
    HashGridField,
    DenseGridField,
    DensityGrid,
    BoxCoordinates,
    ContractedCoordinates,
    FrustumCoordinates,
    StudioHashField,
    StudioVanillaField,
    StudioRenderer,
):
    MODELS.register_module(module=part)

__all__ = [
    "BoxCoordinates",
    "ContractedCoordinates",
    "DenseGridField",
    "DensityGrid",
    "FrustumCoordinates",
    "HashGridField",
    "LaMaInpainter",
    "OpenCVInpainter",
    "PatchMatchInpainter",
    "PrecomputedInpainter",
    "Renderer",
    "SPInNeRF",
    "StudioHashField",
    "StudioRenderer",
    "StudioVanillaField",
    "VanillaNeRF",
    "average_pose",
    "convert_checkpoint",
    "dilate_mask",
    "get_rays",
    "load_llff",
    "ndc_rays",
    "objectness",
    "positional_encoding",
    "recenter_poses",
    "sample_pdf",
    "sigma_loss",
    "spherify_poses",
    "volume_render",
]
