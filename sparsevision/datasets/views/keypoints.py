"""Depths of COLMAP's key points: the supervision of DS-NeRF (Deng et al., CVPR 2022), paired by image names."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sparsevision.datasets.views.colmap import Image, Model, read_model
from sparsevision.datasets.views.pairing import pair_cameras
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError


@dataclass(frozen=True)
class KeyPoints:
    """The K key points of a view whose depth is known.

    Attributes:
        xy: (K, 2) float32 place in pixels of the view's image.
        depth: (K,) float64 z in the scaled scene.
        weight: (K,) 2 exp(-(error / mean error)^2), error being the point's reprojection error.
    """

    xy: np.ndarray
    depth: np.ndarray
    weight: np.ndarray


def keypoint_depths(
    scene: ViewScene, model: Model | None = None, *, preset: Literal["published", "fixed"] = "published"
) -> list[KeyPoints]:
    """Key points within each view's bounds, in the order of the scene's views; none for a view that COLMAP lacks.

    Args:
        scene: its names decide which image of COLMAP is which view, see `pair_cameras`.
        model: COLMAP's; None reads it from the scene's folder.
        preset: "published" divides places by the scene's factor, "fixed" scales them by the sizes of the images, which
            differs where a size is no multiple of the factor.

    Raises:
        UserError: there is no model, or its cameras are not those of the scene.
    """
    model = read_model(scene.root) if model is None else model
    images = pair_cameras(scene, model)
    errors = model.points.errors
    weights = 2 * np.exp(-((errors / errors.mean()) ** 2)) if len(errors) else errors
    return [_view(scene, view, image, model, weights, preset) for view, image in enumerate(images)]


def count_key_points(scene: ViewScene, model: Model) -> int:
    """How many key points of all views together have a depth within the view's bounds."""
    return sum(len(points.depth) for points in keypoint_depths(scene, model))


def _view(
    scene: ViewScene, view: int, image: Image | None, model: Model, weights: np.ndarray, preset: str
) -> KeyPoints:
    if image is None:
        return KeyPoints(np.zeros((0, 2), np.float32), np.zeros(0), np.zeros(0))
    rows = model.points.rows(image.point_ids)
    known = (image.point_ids >= 0) & (rows >= 0)
    rows = rows[known]
    depth = image.depths(model.points.xyz[rows]) * scene.scale
    near, far = scene.bounds[view]
    inside = (depth >= near) & (depth <= far)
    xy = image.xy[known][inside] * _shrinking(scene, view, image, model, preset)
    return KeyPoints(xy.astype(np.float32), depth[inside], weights[rows[inside]])


def _shrinking(scene: ViewScene, view: int, image: Image, model: Model, preset: str) -> np.ndarray:
    if preset == "published":
        return np.full(2, 1 / scene.factor)
    if preset != "fixed":
        raise UserError(f"preset: expected 'published' or 'fixed', got {preset!r}.")
    small, large = scene.camera(view), model.cameras[image.camera_id]
    return np.array((small.width / large.width, small.height / large.height))
