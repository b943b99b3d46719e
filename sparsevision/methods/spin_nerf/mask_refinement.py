"""Multi-view mask refinement: what one view hides and another shows is copied, so that only never-seen pixels are left.

Mirzaei et al. (2023), supplement; the published code has it as a script of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sparsevision.datasets.views.labels import dilate_mask
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.methods.spin_nerf.projection import nearest_pixels, pixels_of, project, unproject
from sparsevision.utils import UserError

PUBLISHED_DILATION = 5
PUBLISHED_TOLERANCE = 0.01  # of depths between views, relative, and of disparities between neighbours, absolute
PUBLISHED_ALPHA = 0.1  # of the ray's largest alpha: below it a sample is no surface

RaySamples = Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class RefinedViews:
    """What is left to be inpainted, and what was found elsewhere.

    Attributes:
        images: (V, H, W, 3) uint8, colours of other views where these show what the object hides.
        disparities: (V, H, W) float32, likewise.
        masks: (V, H, W) bool, true where no view shows the background.
    """

    images: np.ndarray
    disparities: np.ndarray
    masks: np.ndarray


def refine_masks(
    images: np.ndarray,
    masks: np.ndarray,
    disparities: np.ndarray,
    *,
    scene: ViewScene,
    preset: Literal["published", "fixed"] = "published",
    ray_samples: RaySamples | None = None,
    undistort: bool = False,
) -> RefinedViews:
    """Copy masked pixels from views that see their background.

    Args:
        images: (V, H, W, 3) uint8 RGB.
        masks: (V, H, W) bool of the object.
        disparities: (V, H, W) float. For "fixed" those of the field without the object: under the mask too they are
            the background's, and stay as they are. For "published" those of the field with it.
        scene: the cameras of the V views.
        preset: "published": masks grow first (5 x 5, 5 times); the first view's background is searched in all others
            from the last to the second, every other view's in the first one only, see `search_along_rays`. "fixed":
            each view's in all others, the nearest camera first, see `warp_from_others`.
        ray_samples: for "published": (view, xy (n, 2)) -> depths (n, S), rising, and alphas (n, S) along these rays.
        undistort: for "fixed": follow the cameras' lens distortion. "published" ignores it.

    Raises:
        UserError: arrays of different sizes, "published" without `ray_samples`, an unknown preset.
    """
    _check(images, masks, disparities, scene)
    views = RefinedViews(images=images.copy(), disparities=disparities.astype(np.float32), masks=masks.copy())
    if preset == "fixed":
        return warp_from_others(views, scene, undistort=undistort)
    if preset != "published" or ray_samples is None:
        raise UserError(f"refine_masks: preset '{preset}': 'fixed', or 'published' with ray_samples.")
    views = RefinedViews(
        images=views.images,
        disparities=views.disparities,
        masks=np.stack([dilate_mask(mask, PUBLISHED_DILATION) for mask in masks]),
    )
    hidden = views.masks.copy()
    for source in range(len(images)):
        pixels = pixels_of(hidden[source])
        depth, alpha = ray_samples(source, pixels)
        for target in range(len(images) - 1, 0, -1) if source == 0 else (0,):
            search_along_rays(views, source, target, scene=scene, pixels=pixels, depth=depth, alpha=alpha)
    return views


def warp_from_others(
    views: RefinedViews, scene: ViewScene, *, tolerance: float = 0.01, margin: int = 1, undistort: bool = False
) -> RefinedViews:
    """Each masked pixel takes the colour of the nearest camera that sees its background unmasked.

    Args:
        views: disparities are those of the background everywhere.
        scene: the cameras.
        tolerance: of the background's depth in the other view, relative.
        margin: pixels this near to a mask of the other view are not trusted; at least 1, for bilinear colours.
        undistort: follow the cameras' lens distortion.
    """
    refined = RefinedViews(images=views.images.copy(), disparities=views.disparities.copy(), masks=views.masks.copy())
    free = ~np.stack([dilate_mask(mask, 1, side=2 * margin + 1) for mask in views.masks])
    with np.errstate(divide="ignore"):
        depths = 1 / views.disparities.astype(np.float64)
    for source, nearest_first in enumerate(_nearest_cameras(scene.poses)):
        pixels = pixels_of(views.masks[source])
        pixels = pixels[np.isfinite(depths[source][pixels[:, 1], pixels[:, 0]])]
        for target in nearest_first:
            depth = depths[source][pixels[:, 1], pixels[:, 0]]
            points = unproject(pixels, depth, scene.poses[source], scene.camera(source), undistort=undistort)
            xy, z = project(points, scene.poses[target], scene.camera(target), undistort=undistort)
            rows, columns, seen = nearest_pixels(xy, z, views.masks.shape[1:])
            seen &= free[target][rows, columns]
            front = _bilinear(views.disparities[target], xy[seen])  # between pixels: a slanted plane has one at each
            seen[seen] = np.abs(z[seen] * front - 1) < tolerance
            own = pixels[seen, 1], pixels[seen, 0]
            refined.images[source][own] = np.rint(_bilinear(views.images[target], xy[seen])).astype(np.uint8)
            refined.masks[source][own] = False
            pixels = pixels[~seen]
    return refined


def search_along_rays(
    views: RefinedViews,
    source: int,
    target: int,
    *,
    scene: ViewScene,
    pixels: np.ndarray,
    depth: np.ndarray,
    alpha: np.ndarray,
) -> None:
    """The published search of one view's hidden pixels in another; changes `views`.

    Samples of a ray that are a surface (a tenth of its largest alpha) and not before the rendered depth are looked up
    in the other view: the nearest that falls on an unmasked pixel of the same depth, within 1 %, is what the object
    hides. It is taken where it continues the disparity of one of the eight neighbours, within 0.01, and is still hidden
    or nearer than what was taken before. The published code goes through the pixels row by row, so that pixels taken
    serve as neighbours of later ones; here all go at once, again and again until none is taken.

    Args:
        views: colours, disparities of the field with the object, masks so far.
        source, target: indices of the views.
        scene: the cameras.
        pixels: (n, 2) as (x, y), those that were hidden in the source view at first.
        depth, alpha: (n, S) samples along their rays, depths rising.
    """
    rows, columns = pixels[:, 1], pixels[:, 0]
    with np.errstate(divide="ignore"):
        surface = 1 / views.disparities[source][rows, columns].astype(np.float64)
        target_depth = 1 / views.disparities[target].astype(np.float64)
    candidate = (alpha >= PUBLISHED_ALPHA * alpha.max(axis=1, keepdims=True)) & (depth >= surface[:, None])
    points = unproject(pixels[:, None], depth, scene.poses[source], scene.camera(source))
    xy, z = project(points, scene.poses[target], scene.camera(target))
    target_rows, target_columns, seen = nearest_pixels(xy, z, views.masks.shape[1:])
    seen &= candidate & ~views.masks[target][target_rows, target_columns]
    there = target_depth[target_rows, target_columns]
    seen &= np.abs(z - there) < PUBLISHED_TOLERANCE * z
    found = np.flatnonzero(seen.any(axis=1))
    first = seen[found].argmax(axis=1)
    place = target_rows[found, first], target_columns[found, first]
    back = unproject(np.stack(place[::-1], axis=-1), target_depth[place], scene.poses[target], scene.camera(target))
    disparity = (1 / project(back, scene.poses[source], scene.camera(source))[1]).astype(np.float32)
    _take(views, source, (rows[found], columns[found]), disparity, views.images[target][place])


def _take(
    views: RefinedViews,
    source: int,
    own: tuple[np.ndarray, np.ndarray],
    disparity: np.ndarray,
    colours: np.ndarray,
) -> None:
    """Copy what continues a neighbour's disparity, in rounds until nothing is copied."""
    mask, current, image = views.masks[source], views.disparities[source], views.images[source]
    while True:
        better = mask[own] | (current[own] < disparity)
        taken = better & (_nearest_neighbour(current, own, disparity) < PUBLISHED_TOLERANCE)
        if not taken.any():
            return
        place = own[0][taken], own[1][taken]
        image[place], current[place], mask[place] = colours[taken], disparity[taken], False


def _nearest_neighbour(disparities: np.ndarray, own: tuple[np.ndarray, np.ndarray], values: np.ndarray) -> np.ndarray:
    """(n,) the smallest difference between a value and the eight neighbours of its pixel."""
    padded = np.pad(disparities, 1, constant_values=np.inf)
    steps = [(row, column) for row in range(3) for column in range(3) if (row, column) != (1, 1)]
    around = np.stack([padded[own[0] + row, own[1] + column] for row, column in steps])
    return np.nanmin(np.abs(around - values), axis=0, initial=np.inf)


def _nearest_cameras(poses: np.ndarray) -> list[list[int]]:
    """For each view the others, by the distance of their cameras."""
    distance = np.linalg.norm(poses[:, None, :, 3] - poses[None, :, :, 3], axis=-1)
    order = np.argsort(distance, axis=1, kind="stable")
    return [[int(view) for view in row if view != source] for source, row in enumerate(order)]


def _bilinear(values: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """What (H, W) or (H, W, C) holds between pixels, (n,) or (n, C) float64; places outside take the border's."""
    height, width = values.shape[:2]
    x, y = np.clip(xy[:, 0], 0, width - 1), np.clip(xy[:, 1], 0, height - 1)
    left, top = np.minimum(x.astype(int), max(width - 2, 0)), np.minimum(y.astype(int), max(height - 2, 0))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (share.reshape(-1, *[1] * (values.ndim - 2)) for share in (x - left, y - top))
    upper = values[top, left] * (1 - across) + values[top, right] * across
    lower = values[bottom, left] * (1 - across) + values[bottom, right] * across
    return upper * (1 - down) + lower * down


def _check(images: np.ndarray, masks: np.ndarray, disparities: np.ndarray, scene: ViewScene) -> None:
    count, sizes = len(scene), {images.shape[1:3], masks.shape[1:], disparities.shape[1:]}
    if {len(images), len(masks), len(disparities)} != {count} or len(sizes) != 1 or masks.dtype != bool:
        raise UserError(
            f"refine_masks: the scene has {count} views; got images {images.shape}, masks {masks.shape} {masks.dtype}, "
            f"disparities {disparities.shape}; expected (V, H, W, 3) uint8, (V, H, W) bool and (V, H, W) float."
        )
