"""The method as a model of nerfstudio: for its trainer, its viewer, its renderings and exports."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import tyro
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.models.base_model import Model, ModelConfig
from torch import Tensor
from torch.nn import Parameter

from sparsevision.methods.spin_nerf.method import SPInNeRF
from sparsevision.methods.spin_nerf.radiance.coordinates import (
    BoxCoordinates,
    ContractedCoordinates,
    FrustumCoordinates,
)
from sparsevision.methods.spin_nerf.radiance.dense_field import DenseGridField
from sparsevision.methods.spin_nerf.radiance.hash_field import HashGridField
from sparsevision.methods.spin_nerf.radiance.renderer import Renderer
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF
from sparsevision.methods.spin_nerf.studio.cameras import lengths_of, rays_of
from sparsevision.methods.spin_nerf.studio.fields import StudioHashField
from sparsevision.methods.spin_nerf.studio.renderer import StudioRenderer
from sparsevision.registry import MODELS

FIELDS = {"dense": DenseGridField, "hash": HashGridField, "studio_hash": StudioHashField, "vanilla": VanillaNeRF}
COORDINATES = {"frustum": FrustumCoordinates, "contracted": ContractedCoordinates, "box": BoxCoordinates}


@dataclass
class SpinNerfModelConfig(ModelConfig):
    """Which field learns, and how it is rendered."""

    _target: type = field(default_factory=lambda: SpinNerfModel)
    """target class to instantiate"""
    enable_collider: bool = False
    """near and far come from the scene"""
    eval_num_rays_per_chunk: int = 32768
    """rays rendered at once"""
    stage: Literal["auto", "scene", "segmentation", "masked", "removal"] = "auto"
    """set by the pipeline"""
    field: Literal["dense", "hash", "studio_hash", "vanilla"] = "dense"
    """dense grid, our hash grid, nerfstudio's hash grid, or NeRF's network"""
    coordinates: Literal["frustum", "contracted", "box"] = "frustum"
    """of grids: for cameras that look the same way, for cameras around a scene, or an upright box"""
    finest: int = 2048
    """cells along a side of the finest hash grid"""
    renderer: Literal["ours", "studio"] = "ours"
    """NeRF's quadrature, or nerfstudio's samplers and renderers"""
    num_samples: int = 64
    """depths a ray of the first pass"""
    num_fine_samples: int = 64
    """more depths a ray of the second pass"""
    preset: Literal["published", "fixed"] = "fixed"
    """what the release does, or what it meant"""
    perceptual: Literal["none", "vgg", "alex"] = "none"
    """network of the perceptual term on patches; its weights must be in the cache (tools/get_weights.py)"""
    method: tyro.conf.Suppress[dict[str, Any] | None] = None
    """config of the whole `SPInNeRF` instead of all of the above: what an exported checkpoint was trained with"""


class SpinNerfModel(Model):
    """`SPInNeRF` in nerfstudio. Builds no metric that fetches weights."""

    config: SpinNerfModelConfig
    near_far: Tensor

    def populate_modules(self) -> None:
        """Build the method for the scene."""
        super().populate_modules()
        metadata = self.kwargs["metadata"]
        self.register_buffer("near_far", torch.tensor([metadata["near"], metadata["far"]]), persistent=False)
        config = self.config.method or method_config(self.config)
        self.method: SPInNeRF = MODELS.build({"type": SPInNeRF} | config)

    def get_param_groups(self) -> dict[str, list[Parameter]]:
        """One group: all that the renderer learns."""
        return {"fields": [parameter for parameter in self.method.renderer.parameters() if parameter.requires_grad]}

    def get_outputs(self, ray_bundle: RayBundle) -> dict[str, Tensor]:
        """rgb (R,3); accumulation, depth (a distance, as nerfstudio has it), disparity and objectness (R,1)."""
        rays = rays_of(ray_bundle)
        fine = self.method.renderer(rays.view(-1, 6), *self.near_far, removal=self.method.removal)["fine"]
        values = {
            name: value.view(*rays.shape[:-1], -1) for name, value in fine.items() if name not in ("weights", "z")
        }
        accumulation = values["accumulation"]
        disparity = values["disparity"].nan_to_num(nan=0.0)
        depth = torch.where(disparity > 0, 1 / disparity.clamp_min(1e-6), self.near_far[1]) * lengths_of(ray_bundle)
        outputs = {"rgb": values["rgb"], "accumulation": accumulation, "depth": depth, "disparity": disparity}
        return outputs | ({"objectness": values["logit"].sigmoid()} if "logit" in values else {})

    def get_losses_of_groups(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The method's weighted losses of a step of `SceneRays`."""
        return self.method.loss(inputs)

    def get_loss_dict(self, outputs: dict, batch: dict, metrics_dict: dict | None = None) -> dict[str, Tensor]:
        """The error of colours, for nerfstudio's evaluation of batches of rays."""
        return {"rgb_loss": torch.nn.functional.mse_loss(outputs["rgb"], batch["image"].to(self.device)[..., :3])}

    def get_image_metrics_and_images(
        self, outputs: dict[str, Tensor], batch: dict[str, Tensor]
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """PSNR over the full view, and the picture beside its rendering."""
        truth = batch["image"].to(outputs["rgb"].device)[..., :3]
        error = torch.mean((outputs["rgb"].clamp(0, 1) - truth) ** 2).clamp_min(1e-10)
        images = {"img": torch.cat([truth, outputs["rgb"]], dim=1)}
        images |= {name: outputs[name].expand(-1, -1, 3) for name in ("accumulation", "objectness") if name in outputs}
        nearest = outputs["disparity"].max().clamp_min(1e-6)
        images["disparity"] = (outputs["disparity"] / nearest).expand(-1, -1, 3)
        return {"psnr": float(-10 * torch.log10(error))}, images


def method_config(config: SpinNerfModelConfig) -> dict[str, Any]:
    """Config of `SPInNeRF` from the choices of nerfstudio's command line."""
    options: dict[str, Any] = {"type": FIELDS[config.field], "objectness": config.stage == "segmentation"}
    if config.field != "vanilla":
        options["coordinates"] = {"type": COORDINATES[config.coordinates]}
    if config.field in ("hash", "studio_hash"):
        options |= {"finest": config.finest, "own_colour_grid": config.preset == "fixed"}
    settings: dict[str, Any] = {
        "renderer": {
            "type": StudioRenderer if config.renderer == "studio" else Renderer,
            "fine": options,
            "num_samples": config.num_samples,
            "num_fine_samples": config.num_fine_samples,
            "activation": "relu" if config.preset == "published" else "softplus",
        },
        "preset": config.preset,
    }
    if config.perceptual != "none":
        weights = {"vgg": "lpips_vgg16", "alex": "lpips_alexnet"}[config.perceptual]
        settings["perceptual"] = {"type": "LPIPS", "net": config.perceptual, "weights": weights}
    return settings
