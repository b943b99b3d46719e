"""Steps of the method's groups of rays in nerfstudio's training loop."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
import tyro
from mmengine.logging import MessageHub
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.data.datamanagers.base_datamanager import VanillaDataManager, VanillaDataManagerConfig
from nerfstudio.data.datasets.base_dataset import InputDataset
from nerfstudio.pipelines.base_pipeline import VanillaPipeline, VanillaPipelineConfig
from torch import Tensor

from sparsevision.datasets.views.dataset import SceneRays
from sparsevision.methods.spin_nerf.studio.cameras import bundle_of
from sparsevision.methods.spin_nerf.studio.plugin.dataparser import SpinNerfDataParserConfig, largest_factor
from sparsevision.methods.spin_nerf.studio.plugin.model import SpinNerfModelConfig
from sparsevision.methods.spin_nerf.studio.plugin.stages import rays_of_stage, stage_of


@dataclass
class SpinNerfDataManagerConfig(VanillaDataManagerConfig):
    """What a step sees."""

    _target: type = field(default_factory=lambda: SpinNerfDataManager)
    """target class to instantiate"""
    dataparser: SpinNerfDataParserConfig = field(default_factory=SpinNerfDataParserConfig)
    """the scene"""
    train_num_rays_per_batch: int = 1024
    """rays of each group in a step"""
    stage: Literal["auto", "scene", "segmentation", "masked", "removal"] = "auto"
    """set by the pipeline"""
    inpainted: str = "lama_images"
    """folder of inpainted images beside the scene's own"""
    patches: bool = False
    """set by the pipeline: draw patches for the perceptual term"""
    dilate: int = 5
    """times that the masks of the hole grow by a square of 5 x 5"""
    settings: tyro.conf.Suppress[dict[str, Any] | None] = None
    """settings of `SceneRays` instead of all of the above: what an exported checkpoint was trained with"""


class SpinNerfDataManager(VanillaDataManager[InputDataset]):
    """Training steps of `SceneRays`; evaluation as nerfstudio does it."""

    config: SpinNerfDataManagerConfig

    def setup_train(self) -> None:
        """Nothing: a viewer needs no steps. See `rays`."""

    @cached_property
    def rays(self) -> SceneRays:
        """The scene in memory, from which steps are drawn."""
        parser = self.config.dataparser
        options = {name: getattr(parser, name) for name in ("layout", "preset", "pixel_centre", "undistort")}
        options["factor"] = parser.factor or largest_factor(parser.data, parser.labels)
        settings = self.config.settings or self._settings_of_stage()
        return SceneRays(**options | settings | {"data_root": str(parser.data)})

    def _settings_of_stage(self) -> dict[str, Any]:
        config, parser = self.config, self.config.dataparser
        folders = {"labels": parser.labels, "images": config.inpainted}
        return rays_of_stage(
            self.dataparser.scene,
            stage_of(self.dataparser.scene, config.stage, **folders),
            rays=config.train_num_rays_per_batch,
            patches=config.patches,
            disparities=parser.disparities,
            dilate=config.dilate,
            **folders,
        )

    def next_train(self, step: int) -> tuple[RayBundle, dict[str, Tensor]]:
        """All rays of a step as one bundle, and the groups with what is known of them."""
        self.train_count += 1
        inputs = {name: value.to(self.device) for name, value in self.rays[step]["inputs"].items()}
        rays = torch.cat([value.reshape(-1, 6) for name, value in inputs.items() if name.endswith("_rays")])
        return bundle_of(rays), inputs

    def get_train_rays_per_batch(self) -> int:
        """For nerfstudio's display of speed: of one group."""
        return self.config.train_num_rays_per_batch


@dataclass
class SpinNerfPipelineConfig(VanillaPipelineConfig):
    """The stage, and its parts."""

    _target: type = field(default_factory=lambda: SpinNerfPipeline)
    """target class to instantiate"""
    datamanager: SpinNerfDataManagerConfig = field(default_factory=SpinNerfDataManagerConfig)
    """what a step sees"""
    model: SpinNerfModelConfig = field(default_factory=SpinNerfModelConfig)
    """the field"""
    stage: Literal["auto", "scene", "segmentation", "masked", "removal"] = "auto"
    """scene: as it is; segmentation: masks too; masked: without the hole; removal: with inpainted priors; auto: what
    the files allow of removal, masked and scene"""


class SpinNerfPipeline(VanillaPipeline):
    """The method's own losses in nerfstudio's loop."""

    config: SpinNerfPipelineConfig

    def __init__(self, config: SpinNerfPipelineConfig, **kwargs: Any) -> None:
        config.model.stage = config.datamanager.stage = config.stage
        config.datamanager.patches = config.model.perceptual != "none"
        super().__init__(config, **kwargs)

    def get_train_loss_dict(self, step: int) -> tuple[dict, dict[str, Tensor], dict]:
        """Weighted losses of a step."""
        MessageHub.get_current_instance().update_info("iter", step)
        _, inputs = self.datamanager.next_train(step)
        return {}, self.model.get_losses_of_groups(inputs), {}
