"""Which pixels of one image, or points of one cloud, to annotate."""

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.annotation.errors import AnnotationError
from sparsevision.selection.selector import Selector, feature_matrix

MAX_VOXELS = 2**31  # along one side
HEIGHT = 2.0  # of the plane of features above the origin, in standard deviations


def select_pixels(
    image: ArrayLike,
    budget: int,
    *,
    selector: Selector,
    rng: np.random.Generator,
    spacing: int = 8,
    place_weight: float = 1.0,
    feature_map: ArrayLike | None = None,
) -> np.ndarray:
    """Pixels of an image to label, (budget, 2) int64 as (x, y), best first.

    Candidates are the middles of square cells; each is described by the mean of its cell and by where it is. All
    features are brought to mean 0 and, taken together, to standard deviation 1, so that neither grey levels nor the
    number of channels outweighs the place.

    Args:
        image: (H, W) or (H, W, C), any numbers.
        budget: how many pixels.
        selector: any selector of features.
        rng: handed to the selector.
        spacing: side of the cells in pixels; smaller cells at the right and the lower border.
        place_weight: of the position against the appearance; 0 leaves it out.
        feature_map: (h, w, F) of the same view at any resolution, instead of colours.

    Raises:
        AnnotationError: not such arrays, spacing below 1, or a larger budget than there are cells.
    """
    place, features = pixel_candidates(image, spacing=spacing, place_weight=place_weight, feature_map=feature_map)
    _check_candidates(budget, len(features), "cells", f"take a spacing below {spacing} pixels")
    return place[selector.select(features, budget, rng=rng)]


def pixel_candidates(
    image: ArrayLike, *, spacing: int = 8, place_weight: float = 1.0, feature_map: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What `select_pixels` chooses from: places (M, 2) int64 as (x, y), and their features (M, D).

    Raises:
        AnnotationError: see `select_pixels`.
    """
    image = np.asarray(image)
    if image.ndim not in (2, 3) or 0 in image.shape or image.dtype.kind not in "biuf":
        raise AnnotationError(f"image: expected (H, W) or (H, W, C), got {image.dtype} of shape {image.shape}.")
    if spacing < 1:
        raise AnnotationError(f"spacing: expected at least 1 pixel, got {spacing}.")
    size = image.shape[:2]
    rows, columns = (_middles(length, spacing) for length in size)
    if feature_map is None:
        appearance = _cell_means(image.reshape(*size, -1).astype(np.float64), spacing)
    else:
        appearance = _looked_up(feature_map, rows, columns, size)
    place = np.stack(np.broadcast_arrays(columns[None, :] + 0.0, rows[:, None] + 0.0), axis=-1).reshape(-1, 2)
    return place.astype(np.int64), _joined(appearance, place, place_weight)


def select_points(
    cloud: ArrayLike,
    budget: int,
    *,
    selector: Selector,
    rng: np.random.Generator,
    voxel: float | None = None,
    place_weight: float = 1.0,
) -> np.ndarray:
    """Points of a cloud to label: indices (budget,) int64, best first.

    Candidates are one point a voxel, the one nearest to the voxel's mean. See `select_pixels` for the features.

    Args:
        cloud: (N, 3 + F) with x, y, z and then colours or other features, if any.
        budget: how many points.
        selector: any selector of features.
        rng: handed to the selector.
        voxel: side of a voxel in the cloud's unit; None takes 1/32 of the longest side of the cloud.
        place_weight: of the position against the appearance; 0 leaves it out where there are features.

    Raises:
        AnnotationError: not such an array, voxel not above 0, or a larger budget than there are voxels.
    """
    candidates, features = point_candidates(cloud, voxel=voxel, place_weight=place_weight)
    _check_candidates(budget, len(features), "voxels", "take a smaller voxel")
    return candidates[selector.select(features, budget, rng=rng)]


def point_candidates(
    cloud: ArrayLike, *, voxel: float | None = None, place_weight: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """What `select_points` chooses from: indices (M,) of points, ascending, and their features (M, D).

    Raises:
        AnnotationError: see `select_points`.
    """
    points = feature_matrix(cloud, field="cloud")
    if points.shape[1] < 3:
        raise AnnotationError(f"cloud: expected (N, 3 or more) with x, y, z first, got shape {points.shape}.")
    if voxel is not None and not voxel > 0:
        raise AnnotationError(f"voxel: expected a length above 0, got {voxel}.")
    candidates = _one_a_voxel(points[:, :3], voxel or float(np.ptp(points[:, :3], axis=0).max()) / 32 or 1.0)
    kept = points[candidates]
    return candidates, _joined(kept[:, 3:], kept[:, :3], place_weight if points.shape[1] > 3 else 1.0)


def _middles(length: int, spacing: int) -> np.ndarray:
    """Middle pixel of each cell along one side."""
    first = np.arange(0, length, spacing)
    return (first + np.minimum(first + spacing, length) - 1) // 2


def _cell_means(image: np.ndarray, spacing: int) -> np.ndarray:
    """image (H, W, C) -> means of the cells (cells, C)."""
    sums, sizes = image, np.ones((*image.shape[:2], 1))
    for axis in (0, 1):
        first = np.arange(0, image.shape[axis], spacing)
        sums, sizes = np.add.reduceat(sums, first, axis=axis), np.add.reduceat(sizes, first, axis=axis)
    return (sums / sizes).reshape(-1, image.shape[2])


def _looked_up(feature_map: ArrayLike, rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The features (cells, F) of the map's cell in which each pixel lies."""
    table = np.asarray(feature_map)
    if table.ndim != 3 or 0 in table.shape:
        raise AnnotationError(f"feature_map: expected (h, w, F), got shape {table.shape}.")
    down = (2 * rows + 1) * table.shape[0] // (2 * size[0])
    right = (2 * columns + 1) * table.shape[1] // (2 * size[1])
    return table[down[:, None], right[None, :]].reshape(-1, table.shape[2])


def _one_a_voxel(xyz: np.ndarray, voxel: float) -> np.ndarray:
    """The point nearest to the mean of each occupied voxel, ascending indices."""
    cells = np.floor((xyz - xyz.min(axis=0)) / voxel)
    if not cells.max() < MAX_VOXELS:
        raise AnnotationError(
            f"voxel: the cloud is over {MAX_VOXELS} voxels of {voxel} wide; take a larger one, or look for far points."
        )
    _, owner, counts = np.unique(cells.astype(np.int64), axis=0, return_inverse=True, return_counts=True)
    owner = owner.reshape(-1)
    means = np.stack([np.bincount(owner, weights=side) for side in xyz.T], axis=1) / counts[:, None]
    away = ((xyz - means[owner]) ** 2).sum(axis=1).astype(np.float32)
    order = np.lexsort((np.arange(len(xyz)), away, owner))
    return np.sort(order[np.cumsum(counts) - counts])


def _joined(appearance: np.ndarray, place: np.ndarray, place_weight: float) -> np.ndarray:
    """Both in one matrix, with a constant column: without it, cosines could not tell places on one ray apart."""
    appearance = feature_matrix(appearance, field="appearance") if appearance.shape[1] else appearance
    constant = np.full((len(place), 1), HEIGHT)
    return np.hstack([_standard(appearance), place_weight * _standard(place), constant])


def _standard(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0, divided by one number so that the rows' mean squared length is 1."""
    centred = values - values.mean(axis=0) if values.size else values
    length = np.sqrt((centred**2).sum(axis=1).mean()) if values.size else 0
    return centred / length if length > 0 else np.zeros_like(values, dtype=np.float64)


def _check_candidates(budget: int, count: int, what: str, remedy: str) -> None:
    if isinstance(budget, int | np.integer) and budget > count:
        raise AnnotationError(f"budget: {budget} is more than the {count} {what} to choose from; {remedy}.")
