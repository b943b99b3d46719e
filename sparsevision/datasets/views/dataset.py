"""A scene in the Runner: steps of rays to learn from, and whole views to render."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sparsevision.datasets.views.colmap import find_model
from sparsevision.datasets.views.disparities import read_disparities
from sparsevision.datasets.views.images import read_images
from sparsevision.datasets.views.keypoints import KeyPoints, keypoint_depths
from sparsevision.datasets.views.labels import read_labels, read_test_labels, reference_view
from sparsevision.datasets.views.layouts import load_scene
from sparsevision.datasets.views.ray_groups import Pixels, make_groups
from sparsevision.datasets.views.rays import pixel_grid, rays_at
from sparsevision.datasets.views.sample import ViewSample
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError

VIEWS = ("train", "test", "all")


class SceneData(Dataset):
    """What steps and views have in common: the scene and which of its views.

    Args:
        data_root: folder of the scene, in any layout that `load_scene` knows.
        factor: the images are that much smaller than the photographs.
        layout: of the folder; "auto" looks.
        views: "train" (with the object), "test" (without) or "all".
        preset: "published" or "fixed", of everything that is read (see `load_llff`, `read_labels`, `keypoint_depths`).
        pixel_centre, undistort: see `Pixels`.
        prepare: how to get the data, said in the error when they are missing.

    Raises:
        UserError: no such scene or views.
    """

    def __init__(
        self,
        *,
        data_root: str,
        factor: int,
        layout: str = "auto",
        views: str = "train",
        preset: str = "fixed",
        pixel_centre: float = 0.0,
        undistort: bool = False,
        prepare: str = "",
    ) -> None:
        if views not in VIEWS:
            raise UserError(f"views={views!r}; expected one of {', '.join(VIEWS)}.")
        if not Path(data_root).is_dir():
            raise UserError(f"{data_root}: there is no such folder. {prepare}".strip())
        self.scene = load_scene(Path(data_root), factor=factor, layout=layout, preset=preset)
        self.views = tuple(range(len(self.scene))) if views == "all" else getattr(self.scene, views)
        if not self.views:
            raise UserError(f"{data_root}: the scene has no views of the kind '{views}'.")
        self.preset, self.pixel_centre, self.undistort = preset, pixel_centre, undistort
        self.near_far = torch.tensor([self.scene.near, self.scene.far], dtype=torch.float32)

    @property
    def metainfo(self) -> dict[str, Any]:
        """What metrics and pictures ask for."""
        return {"classes": ("background", "object"), "palette": [[0, 0, 0], [220, 60, 60]], "scene": self.scene.name}


@DATASETS.register_module()
class SceneRays(SceneData):
    """Steps of training: item n is a whole step, {"inputs": {"near_far" (2,), "extent" (n,3), "<group>_rays", ...}}.

    The rays of an item depend on (seed, position in the stream) alone, see `SampleIndex`.

    Args:
        groups: name -> settings of `PixelRays` (rays, where), `KeypointRays` ("keypoints") or `PatchRays` ("patches");
            None leaves a group out.
        images: folder of other images than the scene's own, by their names (inpainted ones); relative to theirs.
        labels: folder of masks, relative to the images; None: no view has one.
        dilate: times a mask grows by a square of 5 x 5 (published: 5 for the disparities and the final field).
        disparities: folder of inpainted disparities, relative to the images.
        reference: index of the view whose hole shows how it is to look; None: see `reference_view`.
        steps: length of a pass over the data.
        kwargs: of `SceneData`.
    """

    def __init__(
        self,
        *,
        groups: Mapping[str, Mapping | None],
        images: str | None = None,
        labels: str | None = "label",
        dilate: int = 0,
        disparities: str | None = None,
        reference: int | None = None,
        steps: int = 1000,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        groups = {name: options for name, options in groups.items() if options is not None}
        views = list(self.views)
        masks = read_labels(self.scene, labels, dilate=dilate, preset=self.preset) if labels else None
        pixels = Pixels(
            scene=self.scene,
            views=self.views,
            images=read_images(self.scene, images)[views],
            labels=np.full(self._shape(), -1, np.int8) if masks is None else masks[views],
            disparities=read_disparities(self.scene, disparities)[views] if disparities else None,
            reference=None if masks is None else self._reference(masks, reference, groups),
            pixel_centre=self.pixel_centre,
            undistort=self.undistort,
        )
        points = self._key_points() if "keypoints" in groups else None
        self.groups = make_groups(pixels, groups, key_points=points)
        self.extent = extent_of(self.scene)
        self.steps = steps

    def _shape(self) -> tuple[int, int, int]:
        camera = self.scene.camera(self.views[0])
        return len(self.views), camera.height, camera.width

    def _key_points(self) -> list[KeyPoints]:
        if find_model(self.scene.root) is None:
            raise UserError(
                f"{self.scene.root}: has no COLMAP model (sparse/0), whose points the group 'keypoints' learns depths "
                "from. Add it, or leave the group out: train_dataloader.dataset.groups.keypoints=None."
            )
        every = keypoint_depths(self.scene, preset=self.preset)
        return [every[view] for view in self.views]

    def _reference(self, masks: np.ndarray, index: int | None, groups: Mapping[str, Mapping]) -> int | None:
        """Position among the views to learn from; None where no group asks for it."""
        if not any(options.get("where") == "reference" for options in groups.values()):
            return None
        view = reference_view(self.scene, masks, preset=self.preset, index=index)
        if view not in self.views:
            raise UserError(f"reference={view}: is no view to learn from.")
        return self.views.index(view)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One step."""
        rng = np.random.default_rng((getattr(index, "seed", 0), getattr(index, "draw", int(index))))
        inputs = {"near_far": self.near_far, "extent": self.extent}
        for name, group in self.groups.items():
            inputs |= {f"{name}_{key}": value for key, value in group.draw(rng).items()}
        return {"inputs": inputs, "data_samples": ViewSample(metainfo={"scene": self.scene.name})}


@DATASETS.register_module()
class SceneViews(SceneData):
    """Whole views: item n is {"inputs": {"rays" (H,W,6), "near_far"}, "data_samples": ViewSample with the truth}.

    Args:
        masks: folder of true masks, relative to the images; None without.
        truth: folder of true images by the views' names, relative to the images; None: the scene's own.
        kwargs: of `SceneData`.
    """

    def __init__(self, *, masks: str | None = None, truth: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        views = list(self.views)
        self.images = read_images(self.scene, truth)[views]
        self.masks = None if masks is None else self._masks(masks)[views]

    def _masks(self, folder: str) -> np.ndarray:
        """(V,H,W) int8; those of the test views come from the benchmark's own folder, where they are not beside."""
        masks = read_labels(self.scene, folder, preset=self.preset)
        if self.scene.num_test and (self.scene.image_folder / "test_label").is_dir():
            masks[list(self.scene.test)] = read_test_labels(self.scene)
        return masks

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One view."""
        view = self.views[index]
        rays = view_rays(self.scene, view, pixel_centre=self.pixel_centre, undistort=self.undistort)
        name = self.scene.image_names[view]
        height, width = rays.shape[:2]
        meta = {"scene": self.scene.name, "view": name, "sample_id": name, "height": height, "width": width}
        sample = ViewSample(metainfo=meta)
        sample.gt_view = torch.from_numpy(self.images[index].astype(np.float32) / 255).permute(2, 0, 1)
        if self.masks is not None and (self.masks[index] >= 0).all():
            sample.gt_mask = torch.from_numpy(self.masks[index] == 1)
        return {"inputs": {"rays": rays, "near_far": self.near_far}, "data_samples": sample}


def view_rays(
    scene: ViewScene, view: int, *, pose: np.ndarray | None = None, pixel_centre: float = 0.0, undistort: bool = False
) -> torch.Tensor:
    """(H,W,6) origins and directions through the pixels of a view, or of its camera at another pose (3,4)."""
    camera = scene.camera(view)
    grid = pixel_grid(camera.height, camera.width)
    c2w = scene.poses[view] if pose is None else pose
    return torch.cat(rays_at(grid, camera, c2w, pixel_centre=pixel_centre, undistort=undistort), dim=-1)


def extent_of(scene: ViewScene) -> torch.Tensor:
    """(V * 8, 3) the corners of what the cameras see between near and far."""
    corners = []
    for view in range(len(scene)):
        rays = view_rays(scene, view)[:: scene.camera(view).height - 1 or 1, :: scene.camera(view).width - 1 or 1]
        corners += [rays[..., :3] + depth * rays[..., 3:] for depth in (scene.near, scene.far)]
    return torch.stack(corners).reshape(-1, 3)
