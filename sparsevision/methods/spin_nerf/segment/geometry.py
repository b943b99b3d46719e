"""A mask of one view carried into every view by the scene's geometry, and asked again there (Proj. + segmenter).

The masked pixels of the source view are lifted into the world by depths (of COLMAP or rendered),
seen from every other view, and the region that they cover there prompts a segmenter.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.spatial import QhullError

from sparsevision.datasets.views.keypoints import KeyPoints
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.layers.promptable import GrabCut, PromptableSegmenter
from sparsevision.methods.spin_nerf.projection import nearest_pixels, pixels_of, project, unproject
from sparsevision.methods.spin_nerf.segment.prompts import RegionPrompts, segment_region
from sparsevision.utils import UserError

MAX_KNOWN = 5000  # depths that are interpolated between; more only cost time
OUTLIER = 6.0  # disparities this many median deviations from the median belong to something else
RIM = 2  # pixels at the mask's rim whose rendered depth mixes object and background
DEPTH_TOLERANCE = 0.05
CLOSING = 5


def propagate_by_geometry(
    images: np.ndarray,
    mask: np.ndarray,
    source: int,
    *,
    scene: ViewScene,
    keypoints: Sequence[KeyPoints] | None = None,
    depths: np.ndarray | None = None,
    segmenter: PromptableSegmenter | None = None,
    prompts: RegionPrompts | None = None,
    undistort: bool = False,
) -> np.ndarray:
    """The object's masks (V, H, W) bool in all views; the source view keeps its own.

    Args:
        images: (V, H, W, 3) uint8 RGB.
        mask: (H, W) bool of the source view.
        source: its index.
        scene: the cameras of the V views.
        keypoints: of each view (`keypoint_depths(scene)`); those of the source view in the mask are used.
        depths: (V, H, W) rendered depths instead, 0 or NaN where unknown; they also tell where something else hides the
            object.
        segmenter: asked in every view; None for GrabCut, which starts from the region.
        prompts: how the region becomes a prompt.
        undistort: follow the cameras' lens distortion; published: ignored.

    Raises:
        UserError: neither key points nor depths, none of them in the mask, an empty mask, or arrays of other sizes than
            the scene's.
    """
    _check_sizes(images, mask, scene, depths)
    surface = object_surface(mask, source, scene=scene, keypoints=keypoints, depths=depths, undistort=undistort)
    segmenter = GrabCut(max_side=max(mask.shape)) if segmenter is None else segmenter
    prompts = RegionPrompts() if prompts is None else prompts
    masks = np.zeros((len(images), *mask.shape), bool)
    masks[source] = mask
    for view in (view for view in range(len(images)) if view != source):
        hiding = None if depths is None else depths[view]
        region = projected_region(surface, view, scene=scene, size=mask.shape, depth=hiding, undistort=undistort)
        if region.any():
            masks[view] = segment_region(segmenter, segmenter.set_image(images[view]), region, prompts)
    return masks


def _check_sizes(images: np.ndarray, mask: np.ndarray, scene: ViewScene, depths: np.ndarray | None) -> None:
    expected = (len(scene), *mask.shape)
    if images.shape[:3] != expected or (depths is not None and depths.shape != expected):
        given = f"images {images.shape}" + ("" if depths is None else f", depths {depths.shape}")
        raise UserError(f"the scene has {len(scene)} views and the mask is {mask.shape}; got {given}.")


def object_surface(
    mask: np.ndarray,
    source: int,
    *,
    scene: ViewScene,
    keypoints: Sequence[KeyPoints] | None = None,
    depths: np.ndarray | None = None,
    undistort: bool = False,
) -> np.ndarray:
    """The object's visible surface (n, 3) in the world: a point for each masked pixel. See `propagate_by_geometry`."""
    if not mask.any():
        raise UserError("the mask of the source view is empty; check the clicks.")
    if (keypoints is None) == (depths is None):
        raise UserError("give either the key points of COLMAP or rendered depths, to carry the mask into other views.")
    known = _keypoints_in(mask, keypoints[source]) if depths is None else _depths_in(mask, depths[source])
    xy, disparity = _without_outliers(*known)
    if not len(xy):
        kind, remedy = ("known depth", "train the field longer") if keypoints is None else ("key point", "give depths")
        raise UserError(f"view {source}: no {kind} lies in the mask; check the clicks, or {remedy}.")
    pixels = pixels_of(mask).astype(np.float64)
    depth = 1 / interpolate(xy, disparity, pixels)
    return unproject(pixels, depth, scene.poses[source], scene.camera(source), undistort=undistort)


def projected_region(
    surface: np.ndarray,
    view: int,
    *,
    scene: ViewScene,
    size: tuple[int, int],
    depth: np.ndarray | None = None,
    undistort: bool = False,
) -> np.ndarray:
    """The pixels (H, W) bool that the surface covers in a view, holes closed.

    Args:
        depth: (H, W) of what is seen there; points clearly behind it are hidden. None: nothing hides them.
    """
    xy, z = project(surface, scene.poses[view], scene.camera(view), undistort=undistort)
    rows, columns, seen = nearest_pixels(xy, z, size)
    if depth is not None:
        front = depth[rows, columns]
        hidden = np.isfinite(front) & (front > 0) & (z > front * (1 + DEPTH_TOLERANCE))
        seen &= ~hidden
    region = np.zeros(size, np.uint8)
    region[rows[seen], columns[seen]] = 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSING, CLOSING))
    return cv2.morphologyEx(region, cv2.MORPH_CLOSE, disc).astype(bool)


def interpolate(xy: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Values (m,) at targets (m, 2) from those at xy (n, 2), n >= 1: linear between them, the nearest one outside."""
    nearest = NearestNDInterpolator(xy, values)(targets)
    try:
        linear = LinearNDInterpolator(xy, values)(targets)
    except (QhullError, ValueError):  # fewer than three points, or all on one line
        return nearest
    return np.where(np.isnan(linear), nearest, linear)


def _keypoints_in(mask: np.ndarray, keypoints: KeyPoints) -> tuple[np.ndarray, np.ndarray]:
    rows, columns, inside = nearest_pixels(keypoints.xy, keypoints.depth, mask.shape)
    chosen = inside & mask[rows, columns]
    return keypoints.xy[chosen].astype(np.float64), 1 / keypoints.depth[chosen]


def _depths_in(mask: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = np.isfinite(depth) & (depth > 0) & mask
    core = known & cv2.erode(mask.astype(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)).astype(bool)
    xy = pixels_of(core if core.any() else known)
    xy = xy[:: max(1, len(xy) // MAX_KNOWN)]
    return xy.astype(np.float64), 1 / depth[xy[:, 1], xy[:, 0]].astype(np.float64)


def _without_outliers(xy: np.ndarray, disparity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not len(xy):
        return xy, disparity
    deviation = np.abs(disparity - np.median(disparity))
    kept = deviation <= OUTLIER * np.median(deviation) + 1e-9
    return xy[kept], disparity[kept]
