"""Scans a room from a few places, as a laser scanner would: rays of equal solid angle, only what they meet first.

So points thin out with the square of the distance, and nothing behind other things is seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.room_shapes import Part, Thing, cast_rays
from sparsevision.synthetic.room_styles import Room

LOWEST, HIGHEST = -0.95, 0.995  # sines of the elevations that a scanner on its tripod sees
GRAZING = 0.04  # cosine to the surface below which nothing returns
AMBIENT = 0.55
CANDIDATES = 400


@dataclass(frozen=True)
class ScanSettings:
    """How a room is scanned.

    Attributes:
        points: about so many in all.
        positions: of the scanner.
        noise: standard deviation of the range, metres.
        colour_noise: standard deviation of a colour, in units of 255.
        heights: of the scanner above the floor, metres, lowest and highest.
    """

    points: int = 60_000
    positions: int = 5
    noise: float = 0.003
    colour_noise: float = 4.0
    heights: tuple[float, float] = (1.2, 1.7)


@dataclass(frozen=True)
class RoomScan:
    """Points of a room, in the order of the scan.

    Attributes:
        points: float64 (n,3) metres.
        colours: uint8 (n,3) RGB.
        thing: int64 (n,), number of the thing in the room.
        surface: int64 (n,), a number for each face of each part.
        triangles: int64 (m,3), rows of neighbours on the scan's grid that lie on one surface or close to each other.
    """

    points: NDArray
    colours: NDArray
    thing: NDArray
    surface: NDArray
    triangles: NDArray


def scan_room(room: Room, settings: ScanSettings, *, rng: np.random.Generator) -> RoomScan:
    """Scan from `settings.positions` free places in the room."""
    places = scanner_places(room, settings, rng)
    lamps = _lamps(room)
    rows = max(8, round(np.sqrt(settings.points / len(places) / 1.93)))
    scans = [_scan_from(room.things, place, rows, lamps, settings, rng) for place in places]
    starts = np.cumsum([0, *(len(scan.points) for scan in scans)])[:-1]
    fields = ("points", "colours", "thing", "surface")
    return RoomScan(
        *(np.concatenate([getattr(scan, field) for scan in scans]) for field in fields),
        np.concatenate([scan.triangles + start for scan, start in zip(scans, starts, strict=True)]),
    )


def scanner_places(room: Room, settings: ScanSettings, rng: np.random.Generator) -> NDArray:
    """Places (p,3) that lie in nothing and far from each other."""
    margin = np.minimum(0.9, np.array(room.size[:2]) / 2 - 0.6)
    low = np.array([*margin, settings.heights[0]])
    high = np.array([*(np.array(room.size[:2]) - margin), settings.heights[1]])
    candidates = rng.uniform(low, high, (CANDIDATES, 3))
    bounds = np.stack([thing.bounds() for thing in room.things])
    inside = (candidates[:, None] > bounds[:, 0] - 0.15) & (candidates[:, None] < bounds[:, 1] + 0.15)
    candidates = candidates[~inside.all(2).any(1)]
    chosen = [0]
    while len(chosen) < min(settings.positions, len(candidates)):
        away = np.linalg.norm(candidates[:, None, :2] - candidates[None, chosen, :2], axis=2)
        chosen.append(int(away.min(1).argmax()))
    return candidates[chosen]


def _scan_from(
    things: Sequence[Thing], place: NDArray, rows: int, lamps: NDArray, settings: ScanSettings, rng: np.random.Generator
) -> RoomScan:
    directions = _rays(rows, rng)
    hits = cast_rays(things, place, directions)
    seen = np.isfinite(hits.distance)
    at = place + np.where(seen, hits.distance, 0)[:, None] * directions
    colours, facing = np.zeros((len(at), 3)), np.zeros(len(at))
    opacity = np.ones(len(at))
    for rays, part in rays_by_part(things, hits.thing, hits.part):
        local = part.local(at[rays] - np.asarray(part.centre))
        normals, across = part.skin(local, hits.face[rays])
        normals = part.world(normals)
        facing[rays] = -(normals * directions[rays]).sum(1)
        colours[rays] = part.material.colours(across) * _light(at[rays], normals, lamps)[:, None]
        opacity[rays] = part.material.opacity
    seen &= (facing > GRAZING) & (rng.random(len(at)) < opacity)
    at += (rng.normal(0, settings.noise, len(at)))[:, None] * directions
    colours = 255 * colours * rng.uniform(0.94, 1.06) + rng.normal(0, settings.colour_noise, colours.shape)
    surface = (hits.thing * 1000 + hits.part) * 10 + hits.face
    triangles = _mesh(at, np.where(seen, surface, -1), rows)
    return RoomScan(
        at[seen], np.clip(np.rint(colours[seen]), 0, 255).astype(np.uint8), hits.thing[seen], surface[seen], triangles
    )


def _rays(rows: int, rng: np.random.Generator) -> NDArray:
    """Directions (rows * 2 rows, 3): a grid of equal solid angles, each ray somewhere in the middle of its cell."""
    jitter = rng.uniform(0.2, 0.8, (2, rows, 2 * rows))
    sine = LOWEST + (HIGHEST - LOWEST) * (np.arange(rows)[:, None] + jitter[0]) / rows
    azimuth = np.pi * (np.arange(2 * rows)[None] + jitter[1]) / rows
    flat = np.sqrt(1 - sine**2)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), sine], axis=2).reshape(-1, 3)


def rays_by_part(things: Sequence[Thing], thing: NDArray, part: NDArray) -> Iterator[tuple[NDArray, Part]]:
    """(numbers of the rays, the part that they met), for each part that was met; thing and part (n,), -1: nothing."""
    keys = np.where(thing < 0, -1, thing * 1000 + part)
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-2))
    for rays in np.split(order, starts[1:]):
        key = keys[rays[0]]
        if key >= 0:
            yield rays, things[key // 1000].parts[key % 1000]


def _lamps(room: Room) -> NDArray:
    """Two lights under the ceiling, (2,3)."""
    width, depth, height = room.size
    return np.array([[width * 0.3, depth * 0.4, height - 0.3], [width * 0.72, depth * 0.6, height - 0.3]])


def _light(at: NDArray, normals: NDArray, lamps: NDArray) -> NDArray:
    """Brightness (n,) of surfaces: ambient light and the lamps', less with distance and at a slant."""
    bright = np.full(len(at), AMBIENT)
    for lamp in lamps:
        way = lamp - at
        distance = np.linalg.norm(way, axis=1)
        bright += 0.4 * np.clip((way * normals).sum(1) / distance, 0, 1) / (1 + (distance / 3.5) ** 2)
    return bright


def _mesh(at: NDArray, surface: NDArray, rows: int, *, near: float = 0.12, far: float = 0.6) -> NDArray:
    """Two triangles for each cell of the grid whose corners were seen and lie on one surface or close to each other.

    at (rows * 2 rows, 3); surface (rows * 2 rows,), -1 where nothing was seen; returns rows of the seen points.
    """
    number = (np.cumsum(surface >= 0) - 1).reshape(rows, -1)
    grid = np.arange(len(at)).reshape(rows, -1)
    right = np.roll(grid, -1, axis=1)
    corners = np.stack([grid[:-1], right[:-1], right[1:], grid[1:]], axis=2).reshape(-1, 4)
    own = surface[corners]
    sides = np.linalg.norm(at[corners] - at[np.roll(corners, 1, axis=1)], axis=2).max(1)
    joined = (own >= 0).all(1) & (((own == own[:, :1]).all(1) & (sides < far)) | (sides < near))
    corners = number.ravel()[corners[joined]]
    return np.concatenate([corners[:, [0, 2, 1]], corners[:, [0, 3, 2]]])
