"""Our cameras as nerfstudio's, and its rays as ours."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sparsevision.datasets.views.scene import ViewScene
from sparsevision.methods.spin_nerf.studio.package import nerfstudio

CENTRE = 0.5  # what nerfstudio adds to a pixel's index


def studio_cameras(
    scene: ViewScene, views: Sequence[int], *, pixel_centre: float = 0.0, undistort: bool = False
) -> Any:
    """nerfstudio's Cameras of some views of a scene; their rays go through the same points as ours.

    nerfstudio looks through the middle of a pixel. Where ours go through its index (`pixel_centre` 0, published), the
    principal point moves by half a pixel instead.

    Args:
        scene: whose frame is kept: nerfstudio has the same axes.
        views: indices.
        pixel_centre: what lies between a pixel's index and its ray.
        undistort: give nerfstudio the lens as well; it follows it.

    Raises:
        ImportError: nerfstudio is not installed.
    """
    module = nerfstudio("cameras.cameras", why="studio_cameras")
    own = [scene.camera(view) for view in views]
    shift = CENTRE - pixel_centre
    columns = {name: [[getattr(camera, name)] for camera in own] for name in ("fx", "fy", "width", "height")}
    lens = [_lens(camera.distortion) for camera in own] if undistort else None
    return module.Cameras(
        camera_to_worlds=torch.from_numpy(scene.poses[list(views)]).float(),
        cx=torch.tensor([[camera.cx + shift] for camera in own]),
        cy=torch.tensor([[camera.cy + shift] for camera in own]),
        distortion_params=None if lens is None else torch.tensor(lens),
        **{name: torch.tensor(values) for name, values in columns.items()},
    )


def bundle_of(rays: Tensor) -> Any:
    """Rays (...,6) as a RayBundle: unit directions, and their lengths beside them. The inverse of `rays_of`.

    Raises:
        ImportError: nerfstudio is not installed.
    """
    lengths = rays[..., 3:6].norm(dim=-1, keepdim=True)
    return nerfstudio("cameras.rays", why="bundle_of").RayBundle(
        origins=rays[..., :3],
        directions=rays[..., 3:6] / lengths,
        pixel_area=torch.ones_like(lengths),
        metadata={"directions_norm": lengths},
    )


def rays_of(bundle: Any) -> Tensor:
    """A RayBundle as rays (...,6), whose directions have length 1 along the camera's axis: parameters are depths."""
    return torch.cat([bundle.origins, bundle.directions * lengths_of(bundle)], dim=-1)


def lengths_of(bundle: Any) -> Tensor:
    """(...,1) distance along each ray for a depth of 1; 1 where the bundle does not know."""
    return bundle.metadata.get("directions_norm", torch.ones_like(bundle.directions[..., :1]))


def _lens(distortion: tuple[float, ...]) -> list[float]:
    """OpenCV's k1, k2, p1, p2 in nerfstudio's order k1, k2, k3, k4, p1, p2."""
    k1, k2, p1, p2 = distortion or (0.0, 0.0, 0.0, 0.0)
    return [k1, k2, 0.0, 0.0, p1, p2]
