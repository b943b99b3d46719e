"""Pictures of a removal room: rays from a pinhole camera, textures, and soft shadows of a few lamps close together.

What a lamp sees first is kept in a map; a place is lit if nothing on that map lies before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.views.poses import look_at
from sparsevision.synthetic.removal_room import RemovalRoom
from sparsevision.synthetic.room_scanner import rays_by_part
from sparsevision.synthetic.room_shapes import Hits, Thing, cast_rays

LAMP_PLACE, LAMP_SPREAD = (-0.75, -0.85, 1.75), 0.14  # metres: middle of the lamps, and between neighbours
LAMPS_A_SIDE = 3
LIT_PLACE = (0.0, 0.15, 0.05)  # where the lamps point
MAP_SIDE, MAP_REACH = 256, 0.85  # texels of a lamp's map, and the tangent of half its angle
BIAS = 0.012  # metres by which a place is lifted off its surface
AMBIENT, SKY, LAMP = 0.45, 0.12, 0.75


@dataclass(frozen=True)
class View:
    """A pinhole camera whose pixels' centres lie at whole numbers and a half.

    Attributes:
        height, width: pixels.
        focal: pixels; the principal point is the middle of the image.
        pose: (3,4) camera to world, columns right, up, back, centre.
    """

    height: int
    width: int
    focal: float
    pose: NDArray

    def directions(self, samples: int = 1) -> NDArray:
        """Unit vectors (height * samples * width * samples, 3), row by row, `samples` squared a pixel."""
        y, x = np.mgrid[: self.height * samples, : self.width * samples].reshape(2, -1)
        right = ((x + 0.5) / samples - self.width / 2) / self.focal
        down = ((y + 0.5) / samples - self.height / 2) / self.focal
        local = np.stack([right, -down, -np.ones_like(right)], axis=1)
        return (local / np.linalg.norm(local, axis=1, keepdims=True)) @ self.pose[:, :3].T

    def depths(self, points: NDArray) -> NDArray:
        """Distance (n,) of points (n,3) along the viewing direction."""
        return -(points - self.pose[:, 3]) @ self.pose[:, 2]

    def project(self, points: NDArray) -> NDArray:
        """Where points (n,3) appear, (n,2) as (x, y) pixels from the corner of the image."""
        local = (points - self.pose[:, 3]) @ self.pose[:, :3]
        return local[:, :2] * (1, -1) / -local[:, 2:] * self.focal + (self.width / 2, self.height / 2)


@dataclass(frozen=True)
class Surfaces:
    """What rays met: places (n,3), normals (n,3), colours (n,3) without light."""

    places: NDArray
    normals: NDArray
    colours: NDArray


@dataclass(frozen=True)
class Lamp:
    """A point of light and how far it sees: `first` (K, MAP_SIDE, MAP_SIDE) metres, one map for each of K scenes."""

    view: View
    first: NDArray

    def lights(self, surfaces: Surfaces) -> NDArray:
        """Brightness (K,n) in each scene: the cosine to the lamp, 0 in shadow. Beyond its map there is no shadow."""
        way = self.view.pose[:, 3] - surfaces.places
        distance = np.sqrt((way**2).sum(1))
        column, row = np.floor(self.view.project(surfaces.places + BIAS * surfaces.normals)).astype(int).T
        inside = (column >= 0) & (column < MAP_SIDE) & (row >= 0) & (row < MAP_SIDE)
        first = self.first[:, np.where(inside, row, 0), np.where(inside, column, 0)]
        free = ~inside | (distance - BIAS < first)
        return free * np.clip((way * surfaces.normals).sum(1) / distance, 0, None)


def make_lamps(scenes: Sequence[Sequence[Thing]]) -> list[Lamp]:
    """The lamps, with the shadows of the things in each scene."""
    steps = (np.arange(LAMPS_A_SIDE) - (LAMPS_A_SIDE - 1) / 2) * LAMP_SPREAD
    places = [np.add(LAMP_PLACE, (across, along, 0)) for across in steps for along in steps]
    return [_lamp(place, scenes) for place in places]


def _lamp(place: NDArray, scenes: Sequence[Sequence[Thing]]) -> Lamp:
    pose = look_at(place - LIT_PLACE, np.array([0.0, 1.0, 0.0]), place)
    view = View(MAP_SIDE, MAP_SIDE, MAP_SIDE / (2 * MAP_REACH), pose)
    maps = [cast_rays(things, place, view.directions()).distance for things in scenes]
    return Lamp(view, np.reshape(maps, (len(scenes), MAP_SIDE, MAP_SIDE)))


def surfaces_of(things: Sequence[Thing], hits: Hits, origin: NDArray, directions: NDArray) -> Surfaces:
    """Where the rays met the things and what is there; a ray that met nothing sees black."""
    places = origin + np.where(np.isfinite(hits.distance), hits.distance, 0)[:, None] * directions
    normals, colours = np.zeros_like(places), np.zeros_like(places)
    for rays, part in rays_by_part(things, hits.thing, hits.part):
        local = part.local(places[rays] - np.asarray(part.centre))
        facing, across = part.skin(local, hits.face[rays])
        normals[rays] = part.world(facing)
        colours[rays] = part.material.colours(across)
    return Surfaces(places, normals, colours)


def shaded(surfaces: Surfaces, lamps: Sequence[Lamp]) -> NDArray:
    """Colours (K,n,3) in the light of the lamps and of the room, in each scene that the lamps know."""
    bright = LAMP * sum(lamp.lights(surfaces) for lamp in lamps) / len(lamps)
    bright += AMBIENT + SKY * surfaces.normals[:, 2]
    return surfaces.colours * bright[..., None]


@dataclass(frozen=True)
class Pictures:
    """One view of a room.

    Attributes:
        empty, full: uint8 RGB (H,W,3), without and with the target.
        coverage: (H,W) share of each pixel that the target covers.
    """

    empty: NDArray
    full: NDArray
    coverage: NDArray


@dataclass(frozen=True)
class Studio:
    """A room with its lamps: the shadows in it without the target and with it, in this order."""

    room: RemovalRoom
    lamps: tuple[Lamp, ...]

    @classmethod
    def of(cls, room: RemovalRoom, *, target_shadow: bool = True) -> "Studio":
        """Hang up the lamps; without `target_shadow` the target throws none."""
        return cls(room, tuple(make_lamps([room.things, room.everything if target_shadow else room.things])))

    def photograph(self, view: View, *, samples: int) -> Pictures:
        """Take both pictures with `samples` squared rays a pixel."""
        origin, directions = view.pose[:, 3], view.directions(samples)
        hits = cast_rays(self.room.things, origin, directions)
        empty, full = shaded(surfaces_of(self.room.things, hits, origin, directions), self.lamps)
        target = cast_rays([self.room.target], origin, directions)
        covered = np.flatnonzero(target.distance < hits.distance)
        seen = Hits(target.distance[covered], target.thing[covered], target.part[covered], target.face[covered])
        surfaces = surfaces_of([self.room.target], seen, origin, directions[covered])
        full[covered] = shaded(surfaces, self.lamps)[1]
        coverage = np.zeros(len(full))
        coverage[covered] = 1
        mean = partial(_mean, view=view, samples=samples)
        return Pictures(_eight_bits(mean(empty)), _eight_bits(mean(full)), mean(coverage))

    def depths(self, view: View, *, target: bool) -> NDArray:
        """Distance along the viewing direction at the centres of the pixels (H,W), metres."""
        directions = view.directions()
        distance = cast_rays(self.room.everything if target else self.room.things, view.pose[:, 3], directions).distance
        return (distance * -(directions @ view.pose[:, 2])).reshape(view.height, view.width)


def _mean(values: NDArray, *, view: View, samples: int) -> NDArray:
    """Means over the samples of each pixel, (H,W) or (H,W,3)."""
    cells = (view.height, samples, view.width, samples, *values.shape[1:])
    return values.reshape(cells).mean((1, 3))


def _eight_bits(colours: NDArray) -> NDArray:
    return np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8)
