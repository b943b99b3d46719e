"""Draws a street: flat textured surfaces in space, seen by a pinhole camera, with exact labels and depth.

A surface is a parallelogram O + u U + v V, u, v in [0, 1]. For the ray d of a pixel, (a, b, w) = [U V O]^-1 d is linear
in the pixel's place, and the surface is hit at u = a / w, v = b / w, in depth 1 / w: no clipping is needed.

Frames: x to the right, y down, z forward, in metres; the ground is y = 0. Pixels are (column, row), whole numbers at
their centres.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsevision.utils.compiled import compiled, prange

NEAR = 0.2  # metres
NOTHING = -1
SMALLEST_VOLUME = 1e-9  # of [U V O]; a surface seen edge-on has none


@dataclass(frozen=True)
class Surfaces:
    """Everything in a scene. N surfaces; lengths in metres, times in seconds.

    Attributes:
        origin, u, v: float64 (N, 3), the parallelogram at time 0.
        velocity: float64 (N, 3).
        texture: int64 (N,), number of the (first) texture.
        repeat: float64 (N, 2), how often the texture repeats along u and v.
        label: uint8 (N,), class id.
        gain: float64 (N,), factor on the texture's brightness.
        phases: int64 (N,), how many textures in a row are shown in turn.
        phase_rate: float64 (N,), textures per second.
        phase_start: float64 (N,), in textures.
    """

    origin: NDArray
    u: NDArray
    v: NDArray
    velocity: NDArray
    texture: NDArray
    repeat: NDArray
    label: NDArray
    gain: NDArray
    phases: NDArray
    phase_rate: NDArray
    phase_start: NDArray

    def textures_at(self, time: float) -> NDArray:
        """The texture of each surface at a time, int64 (N,)."""
        turn = np.floor(self.phase_start + self.phase_rate * time).astype(np.int64)
        return self.texture + turn % self.phases


@dataclass(frozen=True)
class TextureAtlas:
    """Square textures of one size S (a power of two), with their halved copies.

    Attributes:
        levels: float32 (N, L, S, S); level l fills the corner [:S >> l, :S >> l].
        solid: bool (N, S, S), False where one sees through.
    """

    levels: NDArray
    solid: NDArray

    @classmethod
    def of(cls, values: NDArray, solid: NDArray) -> "TextureAtlas":
        """From brightness (N, S, S) and solid (N, S, S)."""
        count, side = values.shape[:2]
        levels = np.zeros((count, side.bit_length(), side, side), np.float32)
        current = values.astype(np.float32)
        for level in range(side.bit_length()):
            levels[:, level, : side >> level, : side >> level] = current
            if current.shape[1] > 1:
                current = current.reshape(count, side >> level + 1, 2, side >> level + 1, 2).mean((2, 4))
        return cls(levels, solid)


@dataclass(frozen=True)
class Pose:
    """Where the camera is and looks: position (x, y, z) in metres; yaw to the right and pitch downwards in radians."""

    position: tuple[float, float, float]
    yaw: float = 0.0
    pitch: float = 0.0

    def rotation(self) -> NDArray:
        """float64 (3, 3) from the world's axes to the camera's."""
        sin_yaw, cos_yaw = math.sin(self.yaw), math.cos(self.yaw)
        sin_pitch, cos_pitch = math.sin(self.pitch), math.cos(self.pitch)
        turn = np.array([[cos_yaw, 0, -sin_yaw], [0, 1, 0], [sin_yaw, 0, cos_yaw]])
        nod = np.array([[1, 0, 0], [0, cos_pitch, -sin_pitch], [0, sin_pitch, cos_pitch]])
        return nod @ turn


@dataclass(frozen=True)
class Raster:
    """The places at which a picture is sampled: column i, row j at (left + i step, top + j step) pixels."""

    height: int
    width: int
    left: float = 0.0
    top: float = 0.0
    step: float = 1.0


@dataclass(frozen=True)
class View:
    """A drawn picture: brightness float32, label uint8, depth float32 in metres (inf for the sky), all (H, W)."""

    brightness: NDArray
    label: NDArray
    depth: NDArray


def render(
    surfaces: Surfaces,
    atlas: TextureAtlas,
    sky: NDArray,
    *,
    pose: Pose,
    time: float,
    focal: float,
    centre: tuple[float, float],
    raster: Raster,
) -> View:
    """Draw a scene.

    Args:
        surfaces, atlas: what there is.
        sky: float32 (K,), brightness of the sky from straight up to straight down (class 0).
        pose: of the camera.
        time: in seconds; moving surfaces stand at origin + time * velocity.
        focal: in pixels.
        centre: principal point (column, row).
        raster: where to sample.
    """
    planes, known = _ray_planes(surfaces, pose, time, focal, centre, raster)
    boxes = _bounds(surfaces, pose, time, focal, centre, raster)
    boxes[~known] = 0
    textures = surfaces.textures_at(time)
    brightness = np.empty((raster.height, raster.width), np.float32)
    depth = np.empty((raster.height, raster.width), np.float32)
    label = np.empty((raster.height, raster.width), np.uint8)
    elevation = _elevations(pose, focal, centre, raster)
    _draw(
        planes, boxes, textures, surfaces.repeat, surfaces.gain, surfaces.label, atlas.levels, atlas.solid,
        sky, elevation, brightness, label, depth,
    )  # fmt: skip
    return View(brightness, label, depth)


def _corners(surfaces: Surfaces, pose: Pose, time: float) -> tuple[NDArray, NDArray, NDArray]:
    """O, U and V in the camera's frame, (N, 3) each."""
    rotation = pose.rotation()
    origin = surfaces.origin + time * surfaces.velocity - np.array(pose.position)
    return origin @ rotation.T, surfaces.u @ rotation.T, surfaces.v @ rotation.T


def _ray_planes(surfaces, pose, time, focal, centre, raster) -> tuple[NDArray, NDArray]:
    """[U V O]^-1 of each surface times the ray of raster place (i, j, 1): (N, 3, 3); and whether there is one (N,)."""
    origin, u, v = _corners(surfaces, pose, time)
    matrices = np.stack([u, v, origin], axis=2)
    known = np.abs(np.linalg.det(matrices)) > SMALLEST_VOLUME
    inverse = np.zeros_like(matrices)
    inverse[known] = np.linalg.inv(matrices[known])
    rays = np.array(
        [
            [raster.step / focal, 0, (raster.left - centre[0]) / focal],
            [0, raster.step / focal, (raster.top - centre[1]) / focal],
            [0, 0, 1],
        ]
    )
    return inverse @ rays, known


def _bounds(surfaces, pose, time, focal, centre, raster) -> NDArray:
    """Raster places that a surface may cover: int64 (N, 4), first and last + 1 column, first and last + 1 row."""
    origin, u, v = _corners(surfaces, pose, time)
    corners = np.stack([origin, origin + u, origin + v, origin + u + v], axis=1)
    ahead = corners[..., 2] > NEAR
    depth = np.where(ahead, corners[..., 2], 1.0)
    columns = (corners[..., 0] / depth * focal + centre[0] - raster.left) / raster.step
    rows = (corners[..., 1] / depth * focal + centre[1] - raster.top) / raster.step
    boxes = np.empty((len(origin), 4), np.int64)
    for axis, (places, end) in enumerate(((columns, raster.width), (rows, raster.height))):
        boxes[:, 2 * axis] = np.clip(np.floor(places.min(1)), 0, end)
        boxes[:, 2 * axis + 1] = np.clip(np.ceil(places.max(1)) + 1, 0, end)
    boxes[~ahead.all(1)] = (0, raster.width, 0, raster.height)
    boxes[~ahead.any(1)] = 0
    return boxes


def _elevations(pose: Pose, focal: float, centre: tuple[float, float], raster: Raster) -> NDArray:
    """For each row of the raster where its middle looks: 0 straight up, 1 straight down; float64 (H,)."""
    rows = (raster.top + np.arange(raster.height) * raster.step - centre[1]) / focal
    return (np.arctan(rows) + pose.pitch) / math.pi + 0.5


@compiled(extra="event", parallel=True)
def _draw(planes, boxes, textures, repeat, gain, labels, levels, solid, sky, elevation, brightness, label, depth):
    height, width = brightness.shape
    for row in prange(height):
        nearest = np.full(width, 0.0)  # 1 / depth; the sky has 0
        hit = np.full(width, NOTHING)
        for surface in range(len(planes)):
            if boxes[surface, 2] <= row < boxes[surface, 3]:
                _cover(surface, row, planes, boxes, textures, repeat, solid, nearest, hit)
        for column in range(width):
            surface = hit[column]
            if surface == NOTHING:
                brightness[row, column] = _blend(sky, elevation[row] * (len(sky) - 1))
                label[row, column], depth[row, column] = 0, np.inf
            else:
                shade = _shade(planes[surface], column, row, levels[textures[surface]], repeat[surface])
                brightness[row, column] = min(max(shade * gain[surface], 0.0), 1.0)
                label[row, column], depth[row, column] = labels[surface], 1 / nearest[column]


@compiled(extra="event")
def _cover(surface, row, planes, boxes, textures, repeat, solid, nearest, hit):
    """Enter a surface in the row's depth buffer."""
    plane, holes = planes[surface], solid[textures[surface]]
    side = len(holes)
    for column in range(boxes[surface, 0], boxes[surface, 1]):
        w = plane[2, 0] * column + plane[2, 1] * row + plane[2, 2]
        if w <= nearest[column] or w * NEAR >= 1:
            continue
        a = plane[0, 0] * column + plane[0, 1] * row + plane[0, 2]
        b = plane[1, 0] * column + plane[1, 1] * row + plane[1, 2]
        if a < 0 or b < 0 or a > w or b > w:
            continue
        i = int(a / w * repeat[surface, 0] * side) % side
        j = int(b / w * repeat[surface, 1] * side) % side
        if holes[j, i]:
            nearest[column], hit[column] = w, surface


@compiled(extra="event")
def _shade(plane, column, row, levels, repeat):
    """Brightness of the texture where a ray hits a surface, from the two levels whose texels are about a step wide."""
    side = levels.shape[1]
    w = plane[2, 0] * column + plane[2, 1] * row + plane[2, 2]
    u = (plane[0, 0] * column + plane[0, 1] * row + plane[0, 2]) / w
    v = (plane[1, 0] * column + plane[1, 1] * row + plane[1, 2]) / w
    stretch = 0.0
    for axis in range(2):
        along_u = (plane[0, axis] - u * plane[2, axis]) / w * repeat[0] * side
        along_v = (plane[1, axis] - v * plane[2, axis]) / w * repeat[1] * side
        stretch = max(stretch, along_u * along_u + along_v * along_v)
    level = min(max(0.5 * math.log2(max(stretch, 1e-12)), 0.0), len(levels) - 1.001)
    fine = int(level)
    weight = level - fine
    u, v = u * repeat[0], v * repeat[1]
    u, v = u - math.floor(u), v - math.floor(v)
    near = _texel(levels[fine], side >> fine, u, v)
    return near + weight * (_texel(levels[fine + 1], side >> (fine + 1), u, v) - near)


@compiled(extra="event")
def _texel(level, side, u, v):
    """Bilinear value at (u, v) in [0, 1) of a texture that repeats."""
    x, y = u * side - 0.5, v * side - 0.5
    i, j = math.floor(x), math.floor(y)
    x, y = x - i, y - j
    left, right = i % side, (i + 1) % side
    upper, lower = j % side, (j + 1) % side
    above = level[upper, left] + x * (level[upper, right] - level[upper, left])
    below = level[lower, left] + x * (level[lower, right] - level[lower, left])
    return above + y * (below - above)


@compiled(extra="event")
def _blend(values, place):
    """Linear interpolation in a table."""
    first = min(max(int(place), 0), len(values) - 2)
    return values[first] + (place - first) * (values[first + 1] - values[first])
