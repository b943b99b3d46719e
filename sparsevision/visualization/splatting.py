"""A camera and a depth buffer in numpy: clouds and meshes become pixels that know which points they show."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

NEAR = 1e-3  # of the distance to the target: what is nearer than that is not drawn
CHUNK = 1 << 21  # samples that are held at once
OVERSAMPLED = 1.3  # samples a pixel along the edge of a triangle
STEPS = np.unique(np.round(2 ** np.arange(0, 13, 0.5)).astype(np.int64))  # into which edges are divided
LARGEST_SPLAT = 24  # pixels
EDGE_REACH = 2  # pixels
EDGE_STRENGTH = 12.0


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera.

    Args:
        rotation: (3,3) rows right, down, forward in the cloud's axes.
        eye: (3,) where it stands.
        focal: pixels.
        size: (height, width) in pixels.
    """

    rotation: NDArray[np.float64]
    eye: NDArray[np.float64]
    focal: float
    size: tuple[int, int]

    def project(self, points: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points (...,3) -> columns and rows (...,2) in pixels, and depths (...); behind the eye all are NaN."""
        seen = (np.asarray(points, dtype=np.float64) - self.eye) @ self.rotation.T
        depth = np.where(seen[..., 2] > NEAR, seen[..., 2], np.nan)
        centre = (self.size[1] / 2, self.size[0] / 2)
        return seen[..., :2] * (self.focal / depth)[..., None] + centre, depth


def camera_around(
    points: NDArray, *, azimuth: float, elevation: float, size: tuple[int, int], field_of_view: float = 40.0
) -> Camera:
    """A camera that looks down at a cloud with z upward, as near as it can be with all of these points in the picture.

    Args:
        points: (n,3) to be seen; a few of them may be enough.
        azimuth: degrees from x towards y, where the camera stands.
        elevation: degrees above the horizon, below 90.
        size: (height, width) in pixels.
        field_of_view: degrees of the smaller side of the picture.
    """
    azimuth, elevation = math.radians(azimuth), math.radians(elevation)
    outward = np.array(
        [math.cos(azimuth) * math.cos(elevation), math.sin(azimuth) * math.cos(elevation), math.sin(elevation)]
    )
    right = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
    rotation = np.stack([right, np.cross(-outward, right), -outward])
    target = (points.min(axis=0) + points.max(axis=0)) / 2
    relative = (points - target) @ rotation.T
    focal = min(size) / 2 / math.tan(math.radians(field_of_view) / 2)
    reach = np.array([size[1], size[0]]) / 2 / focal
    needed = (np.abs(relative[:, :2]) / reach).max(axis=1) - relative[:, 2]
    distance = 1.02 * max(needed.max(), 1e-3)
    return Camera(rotation=rotation, eye=target + outward * distance, focal=focal, size=size)


@dataclass(frozen=True)
class Pixels:
    """What a camera sees of n points, pixel by pixel.

    Attributes:
        rows: (H,W,3) int64, the corners of the triangle that is seen, or a point three times; -1 where nothing is.
        weights: (H,W,3) float32 shares of the three.
        depth: (H,W) float32; infinite where nothing is.
    """

    rows: NDArray[np.int64]
    weights: NDArray[np.float32]
    depth: NDArray[np.float32]

    @property
    def covered(self) -> NDArray[np.bool_]:
        """(H,W) where something is seen."""
        return np.isfinite(self.depth)

    def paint(self, colours: NDArray, *, blend: bool, background: int = 255) -> NDArray[np.uint8]:
        """Colours (n,3) in 0..255 as a picture (H,W,3), darker behind edges of depth.

        Args:
            colours: of the points.
            blend: mix the three corners; else the nearest one decides, as classes want it.
            background: grey of what shows nothing.
        """
        weights = self.weights if blend else np.eye(3, dtype=np.float32)[self.weights.argmax(axis=-1)]
        mixed = np.einsum("hwk,hwkc->hwc", weights, np.asarray(colours, dtype=np.float32)[self.rows])
        shaded = mixed * edge_shade(self.depth)[..., None]
        return np.where(self.covered[..., None], np.rint(shaded), background).astype(np.uint8)


def without_gaps(pixels: Pixels, reach: int) -> Pixels:
    """Fill gaps of at most about 2 * reach pixels between pixels that show something with the nearest of these."""
    covered = pixels.covered.astype(np.uint8)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    gaps = cv2.morphologyEx(covered, cv2.MORPH_CLOSE, brush) > covered
    if not gaps.any():
        return pixels
    _, nearest = cv2.distanceTransformWithLabels(
        1 - covered, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros(nearest.max() + 1, dtype=np.int64)
    place[nearest[covered > 0]] = np.flatnonzero(covered)
    source = np.where(gaps, place[nearest], np.arange(covered.size).reshape(covered.shape))
    return Pixels(
        pixels.rows.reshape(-1, 3)[source], pixels.weights.reshape(-1, 3)[source], pixels.depth.ravel()[source]
    )


def edge_shade(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Eye-dome lighting: (H,W) factors, 1 on even ground, smaller just behind something nearer. Boucheny 2009."""
    finite = np.isfinite(depth)
    logarithm = np.log(np.where(finite, depth, 1.0))
    obscured = np.zeros(depth.shape, dtype=np.float32)
    for rows, columns in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        for step in range(1, EDGE_REACH + 1):
            shift = (rows * step, columns * step)
            nearer = logarithm - np.roll(logarithm, shift, axis=(0, 1))
            obscured += np.where(np.roll(finite, shift, axis=(0, 1)) & finite, np.maximum(nearer, 0), 0)
    return np.exp(-EDGE_STRENGTH * obscured / (4 * EDGE_REACH)).clip(0.25, 1)


def look(
    points: NDArray,
    camera: Camera,
    *,
    spacing: NDArray,
    faces: NDArray | None = None,
    loose: NDArray | None = None,
    one_sided: bool = False,
) -> Pixels:
    """What a camera sees of a mesh, or of points as discs.

    Args:
        points: (n,3).
        camera: where it is seen from.
        spacing: (n,) diameters of the discs, in the cloud's unit.
        faces: (m,3) rows of points.
        loose: (k,) rows of the points that are drawn as discs; None: those that no face holds.
        one_sided: leave out the faces whose corners are clockwise for the camera.
    """
    height, width = camera.size
    depth = np.full(height * width, np.inf, dtype=np.float32)
    rows = np.full((height * width, 3), -1, dtype=np.int64)
    weights = np.zeros((height * width, 3), dtype=np.float32)
    faces = np.empty((0, 3), dtype=np.int64) if faces is None else faces
    loose = np.setdiff1d(np.arange(len(points)), faces) if loose is None else loose
    for samples in chain(
        _triangle_samples(points, faces, camera, one_sided=one_sided),
        _disc_samples(points, loose, camera, spacing),
    ):
        nearer = np.flatnonzero(samples.depth < depth[samples.pixel])
        last = nearer[np.argsort(-samples.depth[nearer], kind="stable")]  # the nearest is written last, and stays
        pixel = samples.pixel[last]
        depth[pixel] = samples.depth[last]
        rows[pixel] = samples.rows[samples.item[last]]
        weights[pixel] = samples.weights[samples.node[last]]
    shape = (height, width)
    return Pixels(rows.reshape(*shape, 3), weights.reshape(*shape, 3), depth.reshape(shape))


class Samples(NamedTuple):
    """Places of k samples in the picture: pixel (k,), depth (k,), the rows (item,3) and weights (node,3) of each."""

    pixel: NDArray[np.int64]
    depth: NDArray[np.float32]
    item: NDArray[np.int64]
    node: NDArray[np.int64]
    rows: NDArray[np.int64]
    weights: NDArray[np.float32]


def _triangle_samples(points: NDArray, faces: NDArray, camera: Camera, *, one_sided: bool) -> Iterator[Samples]:
    """Places spread over every triangle so evenly that no pixel of it is missed."""
    places, depth = camera.project(points)
    corners = np.concatenate([places, depth[:, None]], axis=1).astype(np.float32)[
        faces
    ]  # (m, corner, column row depth)
    edges = np.linalg.norm((corners - np.roll(corners, 1, axis=1))[..., :2], axis=2).max(axis=1, initial=0)
    visible = np.isfinite(edges) & _touches(corners, camera)
    if one_sided:
        visible &= _counter_clockwise(corners)
    steps = STEPS[np.searchsorted(STEPS, np.minimum(edges * OVERSAMPLED, STEPS[-1]))]
    for count in np.unique(steps[visible]):
        grid = _barycentric(int(count))
        chosen = np.flatnonzero(visible & (steps == count))
        size = max(1, CHUNK // len(grid))
        for start in range(0, len(chosen), size):
            own = chosen[start : start + size]
            spread = np.matmul(corners[own].transpose(0, 2, 1), grid.T).transpose(1, 0, 2).reshape(3, -1)
            pixel, kept = _pixels(spread[0], spread[1], camera)
            item, node = np.divmod(kept, len(grid))
            yield Samples(pixel, spread[2, kept], item, node, faces[own], grid)


def _disc_samples(points: NDArray, chosen: NDArray, camera: Camera, spacing: NDArray) -> Iterator[Samples]:
    """Each of the chosen points as a disc of pixels."""
    places, depth = camera.project(points[chosen])
    columns, rows = places.astype(np.float32).T
    depth = depth.astype(np.float32)
    radius = np.clip(0.5 * spacing[chosen] * camera.focal / depth, 0.5, LARGEST_SPLAT)
    corners = np.repeat(chosen[:, None], 3, axis=1)
    whole = np.array([[1, 0, 0]], dtype=np.float32)
    reach = np.arange(-LARGEST_SPLAT, LARGEST_SPLAT + 1)
    for row, column in np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2):
        reached = np.flatnonzero(row * row + column * column <= radius * radius)
        if len(reached):
            pixel, kept = _pixels(columns[reached] + column, rows[reached] + row, camera)
            item = reached[kept]
            yield Samples(pixel, depth[item], item, np.zeros_like(item), corners, whole)


def _pixels(columns: NDArray, rows: NDArray, camera: Camera) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the pixels of the places (k,) that are inside of the picture, and which places these are."""
    height, width = camera.size
    kept = np.flatnonzero((columns >= 0) & (columns < width) & (rows >= 0) & (rows < height))
    return rows[kept].astype(np.int64) * width + columns[kept].astype(np.int64), kept


def _counter_clockwise(corners: NDArray) -> NDArray[np.bool_]:
    """(m,) the triangles that turn their front to the camera; rows of a picture count downward."""
    first, second = corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0


def _touches(corners: NDArray, camera: Camera) -> NDArray[np.bool_]:
    """(m,) the triangles whose bounds overlap the picture."""
    low, high = corners[..., :2].min(axis=1), corners[..., :2].max(axis=1)
    return (high >= 0).all(axis=1) & (low < (camera.size[1], camera.size[0])).all(axis=1)


def _barycentric(steps: int) -> NDArray[np.float32]:
    """(k,3) shares of the corners at the nodes of a triangle whose edges are cut into so many steps."""
    first, second = np.meshgrid(np.arange(steps + 1), np.arange(steps + 1), indexing="ij")
    inside = first + second <= steps
    first, second = first[inside], second[inside]
    return (np.stack([first, second, steps - first - second], axis=1) / steps).astype(np.float32)
