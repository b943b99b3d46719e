"""Render views of a scene from a trained field, without a Runner."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from numpy.typing import NDArray

from sparsevision.apis.model import given_model
from sparsevision.datasets.views.dataset import view_rays
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class RenderedView:
    """What a field shows from one place.

    Attributes:
        image: (H,W,3) uint8 RGB.
        disparity: (H,W) float32, 1 / depth in units of the scene; 0 where nothing is.
        accumulation: (H,W) float32, the share of light that the scene stops.
        objectness: (H,W) float32 probability of the object, or None where the field has no such head.
    """

    image: NDArray[np.uint8]
    disparity: NDArray[np.float32]
    accumulation: NDArray[np.float32]
    objectness: NDArray[np.float32] | None

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H,W) where the object is more likely than not.

        Raises:
            UserError: the field has no objectness.
        """
        if self.objectness is None:
            raise UserError("This field has no objectness, so it shows no masks; train one with the group 'labels'.")
        return self.objectness > 0.5


class ViewInferencer:
    """`ViewInferencer(config, checkpoint)(scene)`: the views of a scene as its field shows them, one after the other.

    Args:
        model: a shipped config's name, a path, a Config, or a model of `init_model`.
        checkpoint: weights; None with a model.
        device: None takes a GPU if there is one, and leaves a model where it is.

    Raises:
        UserError: no such config or checkpoint, or not those of a radiance field.
    """

    def __init__(
        self,
        model: str | Path | Config | BaseModel,
        checkpoint: str | Path | None = None,
        *,
        device: str | None = None,
    ) -> None:
        model = given_model(model, checkpoint, device=device)
        if not hasattr(model, "renderer"):
            raise UserError(
                f"{type(model).__name__} is no radiance field; ViewInferencer needs e.g. a config of configs/spin_nerf."
            )
        self.model = model.eval()
        dataset = model.cfg.test_dataloader.dataset if hasattr(model, "cfg") else {}
        self.options = {name: dataset[name] for name in ("pixel_centre", "undistort") if name in dataset}

    def __call__(self, scene: ViewScene, views: Sequence[int] | None = None) -> Iterator[RenderedView]:
        """Views of the scene by their indices; None: all."""
        for view in range(len(scene)) if views is None else views:
            yield self._rendered(scene, view_rays(scene, view, **self.options))

    def along(self, scene: ViewScene, poses: NDArray) -> Iterator[RenderedView]:
        """Views of the scene's first camera from other poses (P,3,4)."""
        for pose in poses:
            yield self._rendered(scene, view_rays(scene, 0, pose=pose, **self.options))

    def _rendered(self, scene: ViewScene, rays: torch.Tensor) -> RenderedView:
        device = next(self.model.parameters()).device
        near_far = torch.tensor([scene.near, scene.far], dtype=torch.float32, device=device)
        found = {name: value.cpu() for name, value in self.model.render(rays.to(device), near_far).items()}
        logit = found.get("logit")
        return RenderedView(
            image=np.round(found["rgb"].clamp(0, 1).numpy() * 255).astype(np.uint8),
            disparity=found["disparity"].nan_to_num(nan=0.0).numpy(),
            accumulation=found["accumulation"].numpy(),
            objectness=None if logit is None else logit.sigmoid().numpy(),
        )
