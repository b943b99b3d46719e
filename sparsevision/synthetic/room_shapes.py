"""Solid parts of furniture (boxes, upright cylinders, balls) and where rays first meet them.

Frame: x and y across the floor, z up, in metres. `yaw` turns a part about the upright axis through its centre.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.room_materials import Material

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)


@dataclass(frozen=True)
class Part(ABC):
    """A solid. Subclasses say how rays meet it.

    Attributes:
        centre: (3,) metres.
        half: half its extents along its own axes; a cylinder's radius is half[0].
        material: what it is made of.
        yaw: radians, counter-clockwise seen from above.
    """

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    material: Material
    yaw: float = 0.0

    def moved(self, place: tuple[float, float, float], yaw: float) -> "Part":
        """Turned by `yaw` about the origin, then shifted by `place`."""
        x, y = turned(np.array([self.centre[:2]]), yaw)[0]
        centre = (float(x) + place[0], float(y) + place[1], self.centre[2] + place[2])
        return replace(self, centre=centre, yaw=self.yaw + yaw)

    def bounds(self) -> NDArray:
        """Lowest and highest corner, (2,3)."""
        corners = CORNERS * self.half
        corners[:, :2] = turned(corners[:, :2], self.yaw)
        return np.stack([corners.min(0), corners.max(0)]) + self.centre

    def local(self, vectors: NDArray) -> NDArray:
        """Vectors (n,3) in the part's own axes."""
        return np.concatenate([turned(vectors[:, :2], -self.yaw), vectors[:, 2:]], axis=1)

    def world(self, vectors: NDArray) -> NDArray:
        """Vectors (n,3) from the part's own axes back to the room's."""
        return np.concatenate([turned(vectors[:, :2], self.yaw), vectors[:, 2:]], axis=1)

    def cast(self, origin: NDArray, directions: NDArray) -> tuple[NDArray, NDArray]:
        """Where rays from outside enter: distances (n,), inf where they miss, and the numbers of the faces (n,)."""
        return self._enter(self.local((origin - np.asarray(self.centre))[None])[0], self.local(directions))

    @abstractmethod
    def _enter(self, origin: NDArray, directions: NDArray) -> tuple[NDArray, NDArray]:
        """`cast` in the part's own axes."""

    @abstractmethod
    def skin(self, places: NDArray, face: NDArray) -> tuple[NDArray, NDArray]:
        """At points of the surface (n,3), in the part's own axes: outward normals (n,3), and metres across it (n,2)."""


@dataclass(frozen=True)
class Box(Part):
    """Faces 0 to 5: low x, high x, low y, high y, low z, high z."""

    def _enter(self, origin: NDArray, directions: NDArray) -> tuple[NDArray, NDArray]:
        distance, axis = enter_slabs(origin, directions, np.asarray(self.half))
        side = np.take_along_axis(directions, axis[:, None], 1)[:, 0] < 0
        return distance, 2 * axis + side

    def skin(self, places: NDArray, face: NDArray) -> tuple[NDArray, NDArray]:
        """See `Part.skin`."""
        axis = face // 2
        normals = np.zeros_like(places)
        normals[np.arange(len(face)), axis] = np.where(face % 2, 1.0, -1.0)
        across = np.array([[1, 2], [0, 2], [0, 1]])[axis]
        return normals, np.take_along_axis(places, across, 1)


@dataclass(frozen=True)
class Cylinder(Part):
    """Upright. Faces: 0 its side, 1 its top, 2 its bottom."""

    def _enter(self, origin: NDArray, directions: NDArray) -> tuple[NDArray, NDArray]:
        radius, height = self.half[0], self.half[2]
        side = _nearest_root(origin[:2], directions[:, :2], radius)
        side[np.abs(origin[2] + side * directions[:, 2]) > height] = np.inf
        with np.errstate(divide="ignore", invalid="ignore"):
            cap = (np.copysign(height, origin[2]) - origin[2]) / directions[:, 2]
            across = origin[:2] + cap[:, None] * directions[:, :2]
        cap[~((cap > 0) & ((across**2).sum(1) <= radius**2))] = np.inf
        face = np.where(side <= cap, 0, 1 if origin[2] > 0 else 2)
        return np.minimum(side, cap), face

    def skin(self, places: NDArray, face: NDArray) -> tuple[NDArray, NDArray]:
        """See `Part.skin`."""
        normals = np.where((face == 0)[:, None], places * [1, 1, 0], [0.0, 0.0, 1.0])
        normals[face == 2] *= -1
        around = np.stack([np.arctan2(places[:, 1], places[:, 0]) * self.half[0], places[:, 2]], axis=1)
        return _unit(normals), np.where((face == 0)[:, None], around, places[:, :2])


@dataclass(frozen=True)
class Ball(Part):
    """An ellipsoid; one face."""

    def _enter(self, origin: NDArray, directions: NDArray) -> tuple[NDArray, NDArray]:
        half = np.asarray(self.half)
        return _nearest_root(origin / half, directions / half, 1.0), np.zeros(len(directions), int)

    def skin(self, places: NDArray, face: NDArray) -> tuple[NDArray, NDArray]:
        """See `Part.skin`."""
        around = np.arctan2(places[:, 1], places[:, 0]) * self.half[0]
        return _unit(places / np.square(self.half)), np.stack([around, places[:, 2]], axis=1)


@dataclass(frozen=True)
class Thing:
    """One instance: what it is called, and its parts."""

    kind: str
    parts: tuple[Part, ...]

    def bounds(self) -> NDArray:
        """Lowest and highest corner, (2,3)."""
        bounds = np.stack([part.bounds() for part in self.parts])
        return np.stack([bounds[:, 0].min(0), bounds[:, 1].max(0)])


@dataclass(frozen=True)
class Hits:
    """What rays met first, (n,) each: distance (inf: nothing), and the numbers of thing, part in it, face of that."""

    distance: NDArray
    thing: NDArray
    part: NDArray
    face: NDArray


def cast_rays(things: Sequence[Thing], origin: NDArray, directions: NDArray) -> Hits:
    """The first surface on each ray. origin (3,) lies in no part; directions (n,3) of unit length."""
    distance = np.full(len(directions), np.inf)
    thing_of, part_of, face_of = np.full((3, len(directions)), -1, np.int64)
    for number, thing in enumerate(things):
        low, high = thing.bounds()
        outside = enter_slabs(origin - (low + high) / 2, directions, (high - low) / 2 + 1e-6)[0]
        near = np.flatnonzero(outside < distance)
        for index, part in enumerate(thing.parts):
            away, face = part.cast(origin, directions[near])
            closer = away < distance[near]
            rays = near[closer]
            distance[rays], face_of[rays] = away[closer], face[closer]
            thing_of[rays], part_of[rays] = number, index
    return Hits(distance, thing_of, part_of, face_of)


def enter_slabs(origin: NDArray, directions: NDArray, half: NDArray) -> tuple[NDArray, NDArray]:
    """Where rays enter a box about 0: distances (n,), 0 from inside, inf for a miss; and the axis of the face."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / np.ascontiguousarray(directions.T)  # an axis a row: several times faster than a ray a row
        first, second = (-half - origin)[:, None] * inverse, (half - origin)[:, None] * inverse
    into, out = np.fmin(first, second), np.fmax(first, second)
    axis = into.argmax(0)
    enter, leave = into.max(0), out.min(0)
    missed = ~((leave >= enter) & (leave > 0))
    return np.where(missed, np.inf, np.maximum(enter, 0)), axis


def turned(vectors: NDArray, yaw: float) -> NDArray:
    """Vectors (n,2) turned counter-clockwise."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return vectors @ np.array([[cos, sin], [-sin, cos]])


def _nearest_root(origin: NDArray, directions: NDArray, radius: float) -> NDArray:
    """Distance along rays to a circle or sphere about 0, inf where there is none ahead."""
    a, b = (directions**2).sum(1), directions @ origin
    root = b**2 - a * (origin @ origin - radius**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (-b - np.sqrt(root)) / a
    return np.where((root >= 0) & (distance > 0), distance, np.inf)


def _unit(vectors: NDArray) -> NDArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
