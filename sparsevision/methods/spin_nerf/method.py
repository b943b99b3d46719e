"""SPIn-NeRF: fields of a scene that learn masks, or forget an object, from groups of rays."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparsevision.datasets.views.preprocessor import RayPreprocessor
from sparsevision.datasets.views.sample import ViewSample
from sparsevision.engine.model import MethodModel
from sparsevision.engine.state import training_iteration
from sparsevision.methods.spin_nerf.build import build_renderer
from sparsevision.methods.spin_nerf.losses import (
    accumulation_loss,
    colour_loss,
    depth_loss,
    disparity_loss,
    objectness_loss,
)
from sparsevision.methods.spin_nerf.patch_distance import PatchDistance
from sparsevision.methods.spin_nerf.presets import PRESETS, LossWeights
from sparsevision.methods.spin_nerf.radiance.coordinates import Coordinates
from sparsevision.methods.spin_nerf.radiance.ray_losses import interlevel_loss
from sparsevision.methods.spin_nerf.radiance.removal import ObjectRemoval
from sparsevision.methods.spin_nerf.radiance.renderer import PER_SAMPLE
from sparsevision.registry import MODELS
from sparsevision.utils import UserError
from sparsevision.utils.settings import settings_of, switches_of_preset

COLOURS = ("colours", "background")  # groups whose colour is the photograph's
GROUPS = (*COLOURS, "labels", "hole", "keypoints", "reference", "patches")
# Groups that are rendered together; whether their colours leave density alone; whether as in testing.
PASSES = (
    ((*COLOURS, "labels", "hole", "keypoints"), False, False),
    (("reference",), True, False),
    (("patches",), True, True),
)


@MODELS.register_module()
class SPInNeRF(MethodModel):
    """A radiance field, with or without objectness, that learns from the groups of rays of a batch (CVPR 2023, Sec. 3).

    Which stage of the chain this is, is a matter of the groups that `SceneRays` draws:

    * `colours`, `labels`, `keypoints`: the segmentation field (Sec. 3.2);
    * `colours`, `keypoints`: the field of the scene as it is, for disparities;
    * `background`, `hole`, `reference`, `patches`, `keypoints`: the field without the object (Sec. 3.3).

    `inputs` holds "near_far" (2,), "extent" (n,3), points between which all lies, and for each group g "g_rays" (n,6),
    for patches (B,h,w,6), with what is known of them: "g_colour", "g_label", "g_disparity", "g_depth". For `predict` it
    holds "rays" (H,W,6).

    Args:
        renderer: `Renderer`, built, or as a config in which the switches set what they concern.
        weights: settings of `LossWeights`.
        perceptual: `LPIPS`, built or as a config; needed for patches. It is frozen and not part of a checkpoint.
        perceptual_from: iteration from which on patches count (published: 301).
        remembered_patches: so many targets keep their features in memory.
        weighted_depth, relative_depth: of the depth term, see `depth_loss`.
        preset: "published" or "fixed" (see `Switches`).
        switches: single switches that differ from the preset.
        remove_object: settings of `ObjectRemoval`: `predict` renders without what the objectness calls the object.
        chunk: rays rendered at once in `predict`.

    Raises:
        UserError: no such preset, switch or setting.
    """

    def __init__(
        self,
        *,
        renderer: nn.Module | dict,
        weights: Mapping | None = None,
        perceptual: nn.Module | dict | None = None,
        perceptual_from: int = 301,
        remembered_patches: int = 0,
        weighted_depth: bool = False,
        relative_depth: bool = False,
        preset: str = "published",
        switches: Mapping | None = None,
        remove_object: Mapping | None = None,
        chunk: int = 32768,
        data_preprocessor: nn.Module | dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor or RayPreprocessor(), init_cfg=init_cfg)
        self.preset, self.switches = preset, switches_of_preset(PRESETS, preset, switches)
        self.renderer = build_renderer(renderer, self.switches) if isinstance(renderer, dict) else renderer
        self.weights = settings_of(LossWeights, weights or {})
        distance = MODELS.build(perceptual) if isinstance(perceptual, dict) else perceptual
        self.patch_distance = distance and PatchDistance(distance, remembered=remembered_patches)
        self.perceptual_from = perceptual_from
        self.weighted_depth, self.relative_depth = weighted_depth, relative_depth
        self.removal = settings_of(ObjectRemoval, remove_object)
        self.chunk = chunk

    def outputs(self, inputs: dict[str, Tensor], data_samples: list[ViewSample] | None = None) -> dict[str, Tensor]:
        """Rendered values of "rays"."""
        return self.render(inputs["rays"], inputs["near_far"])

    def loss(self, inputs: dict[str, Tensor], data_samples: list[ViewSample] | None = None) -> dict[str, Tensor]:
        """Weighted terms of the groups that the batch holds.

        Raises:
            UserError: the batch holds no group of rays, or patches without `perceptual`, labels without objectness, or
                a hole without disparities.
        """
        if "extent" in inputs and training_iteration() == 0:
            fit_coordinates(self.renderer, inputs["extent"])
        groups = {name: _group(inputs, name) for name in GROUPS if f"{name}_rays" in inputs}
        if not groups:
            raise UserError(f"SPInNeRF learns from groups of rays, and the batch has none of {', '.join(GROUPS)}.")
        if "patches" in groups and (not self.weights.perceptual or training_iteration() + 1 < self.perceptual_from):
            del groups["patches"]
        renderings = self._renderings({name: group["rays"] for name, group in groups.items()}, inputs["near_far"])
        losses: dict[str, Tensor] = {}
        for name, group in groups.items():
            losses |= self._terms(name, renderings[name], group)
        return losses

    def _renderings(self, rays: dict[str, Tensor], near_far: Tensor) -> dict[str, list[dict[str, Tensor]]]:
        """[fine, coarse] of each group, rendered in as few calls as their gradients allow."""
        found = {}
        for names, detached, quiet in PASSES:
            names = [name for name in names if name in rays]
            if not names:
                continue
            flat = [rays[name].reshape(-1, 6) for name in names]
            leaks = not detached or self.switches.leak_trunk
            with without_noise(self.renderer) if quiet else nullcontext():
                both = self.renderer(torch.cat(flat), *near_far, detach_weights=detached, detach_geometry=not leaks)
            found |= zip(names, _split(both, [len(one) for one in flat]), strict=True)
        return found

    def _terms(self, name: str, renderings: list[dict[str, Tensor]], group: dict[str, Tensor]) -> dict[str, Tensor]:
        weights, fine = self.weights, renderings[0]
        if name in COLOURS:
            terms = {f"loss_{name}": weights.colour * colour_loss(renderings, group["colour"])}
            if len(renderings) > 1 and "rgb" not in renderings[1]:
                terms["loss_proposal"] = weights.proposal * interlevel_loss(fine, renderings[1])
            return terms
        if name == "reference":
            return {"loss_reference": weights.reference * colour_loss(renderings, group["colour"])}
        if name == "labels":
            if "logit" not in fine:
                raise UserError("The group 'labels' needs a field with an objectness: fine=dict(objectness=True, ...).")
            return {
                "loss_objectness": weights.objectness
                * objectness_loss(renderings, group["label"], object_weight=weights.object_pixel)
            }
        if name == "keypoints":
            trust = group["weight"] if self.weighted_depth else None
            term = depth_loss(fine, group["depth"], weight=trust, relative=self.relative_depth)
            return {"loss_depth": weights.depth * term}
        if name == "patches":
            return {"loss_perceptual": weights.perceptual * self._perceptual_term(fine, group)}
        terms = {}
        if weights.accumulation:
            terms["loss_accumulation"] = weights.accumulation * accumulation_loss(fine)
        if weights.disparity and "disparity" in group:
            terms["loss_disparity"] = weights.disparity * disparity_loss(renderings, group["disparity"])
        if not terms:
            raise UserError(
                "The group 'hole' has nothing to learn: give the data set disparities=FOLDER of inpainted ones, or the "
                "model weights=dict(accumulation=...), or leave the group out."
            )
        return terms

    def _perceptual_term(self, fine: dict[str, Tensor], group: dict[str, Tensor]) -> Tensor:
        if self.patch_distance is None:
            raise UserError("patches need a perceptual distance: model.perceptual=dict(type=LPIPS, net='vgg').")
        wanted = group["colour"]
        return self.patch_distance(fine["rgb"].view(wanted.shape), wanted, places=group["place"]).mean()

    @torch.no_grad()
    def render(self, rays: Tensor, near_far: Tensor) -> dict[str, Tensor]:
        """Fine values of rays (...,6), each (...,) or (...,3), without noise, chunk after chunk."""
        with without_noise(self.renderer):
            parts = [
                self.renderer(part, *near_far, removal=self.removal)["fine"]
                for part in rays.reshape(-1, 6).split(self.chunk)
            ]
        names = [name for name in parts[0] if name not in PER_SAMPLE]
        return {name: torch.cat([part[name] for part in parts]).unflatten(0, rays.shape[:-1]) for name in names}

    def predict(self, inputs: dict[str, Tensor], data_samples: list[ViewSample] | None = None) -> list[ViewSample]:
        """Add `pred_view`, `pred_disparity`, `pred_accumulation`; with objectness `pred_objectness`, `pred_mask`."""
        fine = self.render(inputs["rays"], inputs["near_far"])
        sample = data_samples[0] if data_samples else ViewSample()
        sample.pred_view = fine["rgb"].permute(2, 0, 1).clamp(0, 1)
        sample.pred_disparity = fine["disparity"].nan_to_num(nan=0.0)
        sample.pred_accumulation = fine["accumulation"]
        if "logit" in fine:
            sample.pred_objectness = fine["logit"].sigmoid()
            sample.pred_mask = fine["logit"] > 0
        return [sample]

    def example_batch(self, *, size: tuple[int, int], count: int, rng: np.random.Generator) -> dict[str, Any]:
        """Rays of a camera that looks at nothing in particular, in every group: for benchmarks and tests of configs."""
        height, width = size
        y, x = np.mgrid[:height, :width]
        directions = np.stack([(x - width / 2) / width, (height / 2 - y) / width, -np.ones(size)], axis=-1)
        rays = torch.from_numpy(np.concatenate([np.zeros_like(directions), directions], axis=-1).astype(np.float32))
        flat = rays.view(-1, 6)
        inputs = {"rays": rays, "near_far": torch.tensor([1.2, 8.0])}
        inputs |= {"colours_rays": flat, "keypoints_rays": flat}
        inputs["colours_colour"] = torch.from_numpy(rng.random((len(flat), 3)).astype(np.float32))
        inputs["keypoints_depth"] = torch.from_numpy(rng.uniform(1.2, 8.0, len(flat)).astype(np.float32))
        sample = ViewSample(gt_view=torch.from_numpy(rng.random((3, height, width)).astype(np.float32)))
        sample.gt_mask = torch.from_numpy(rng.random(size) < 0.5)
        return {"inputs": {name: [value] for name, value in inputs.items()}, "data_samples": [sample]}


@contextmanager
def without_noise(renderer: nn.Module) -> Iterator[None]:
    """Render as in testing for a while."""
    training = renderer.training
    renderer.eval()
    try:
        yield
    finally:
        renderer.train(training)


def fit_coordinates(renderer: nn.Module, points: Tensor) -> None:
    """Let the grids of its fields hold these points (n,3) of the world; a box that was given, as published, stays."""
    for part in renderer.modules():
        if isinstance(part, Coordinates) and part.to_be_fitted:
            part.fit(points)


def _group(inputs: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """What the batch knows of the rays of a group, by the last part of its names."""
    start = f"{name}_"
    return {key.removeprefix(start): value for key, value in inputs.items() if key.startswith(start)}


def _split(rendering: dict[str, Any], lengths: list[int]) -> list[list[dict[str, Tensor]]]:
    """Per group [fine, coarse], without coarse where there is none."""
    both = [part for part in (rendering["fine"], rendering["coarse"]) if part is not None]
    pieces = [{name: value.split(lengths) for name, value in part.items()} for part in both]
    return [[{name: value[index] for name, value in part.items()} for part in pieces] for index in range(len(lengths))]
