"""A room while it is furnished: what stands where, so that nothing stands in anything else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.room_furniture import Piece, slab
from sparsevision.synthetic.room_materials import Palette
from sparsevision.synthetic.room_shapes import Part, Thing

THICK = 0.2  # of walls
GAP = 0.015  # metres between things
TRIES = 60


@dataclass(frozen=True)
class Opening:
    """A hole in a wall: limits along the wall and above the floor."""

    start: float
    stop: float
    low: float
    high: float


@dataclass(frozen=True)
class Placed:
    """Where a piece stands: its origin in the room and how it is turned."""

    piece: Piece
    place: tuple[float, float, float]
    yaw: float

    def thing(self) -> Thing:
        """The instance in the room."""
        return Thing(self.piece.kind, tuple(part.moved(self.place, self.yaw) for part in self.piece.parts))

    def at(self, x: float, y: float, z: float = 0.0) -> tuple[float, float, float]:
        """A place in the piece's own frame, in the room's."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return (self.place[0] + cos * x - sin * y, self.place[1] + sin * x + cos * y, self.place[2] + z)


@dataclass
class Plan:
    """An empty rectangular room, 0 <= x <= width, 0 <= y <= depth, 0 <= z <= height, to be filled.

    Walls are numbered 0 to 3 against the clock from y = 0; a wall's own frame has x along it and y into the room.

    Attributes:
        things: what stands in it.
        taken: boxes (2,3) that nothing else may reach into.
        openings: of each wall.
    """

    width: float
    depth: float
    height: float
    palette: Palette
    things: list[Thing] = field(default_factory=list)
    taken: list[NDArray] = field(default_factory=list)
    openings: tuple[list[Opening], ...] = field(default_factory=lambda: ([], [], [], []))

    @property
    def rng(self) -> np.random.Generator:
        """The room's random numbers."""
        return self.palette.rng

    def length(self, wall: int) -> float:
        """Of a wall, metres."""
        return self.depth if wall % 2 else self.width

    def on_wall(self, wall: int, along: float, away: float, z: float = 0.0) -> tuple[tuple[float, float, float], float]:
        """The place `along` a wall and `away` from it, and the yaw of what stands with its back to it."""
        corner = ((0.0, 0.0), (self.width, 0.0), (self.width, self.depth), (0.0, self.depth))[wall]
        yaw = wall * math.pi / 2
        cos, sin = round(math.cos(yaw)), round(math.sin(yaw))
        return (corner[0] + cos * along - sin * away, corner[1] + sin * along + cos * away, z), yaw

    def free(self, boxes: Sequence[NDArray]) -> bool:
        """Whether boxes (2,3) lie in the room and reach into nothing."""
        own = np.stack(boxes)
        high = np.array([self.width, self.depth, self.height + GAP])
        if (own[:, 0].min(0) < [0, 0, -1e-6]).any() or (own[:, 1].max(0) > high).any():
            return False
        if not self.taken:
            return True
        other = np.stack(self.taken)
        overlap = (own[:, None, 0] < other[None, :, 1]) & (own[:, None, 1] > other[None, :, 0])
        return not overlap.all(2).any()

    def put(
        self, piece: Piece, place: tuple[float, float, float], yaw: float, *, reach: float = 0.0, check: bool = True
    ) -> Placed | None:
        """Place a piece if it is free there. `reach`: metres before it that nothing else may fill up to knee height."""
        placed = Placed(piece, place, yaw)
        thing = placed.thing()
        boxes = [part.bounds() for part in thing.parts]
        grown = [box + np.array([[-GAP] * 2 + [0.001], [GAP] * 2 + [-0.001]]) for box in boxes]
        zone = self._zone(placed, reach)
        if check and not self.free([*grown, *zone]):
            return None
        self.taken += [*boxes, *zone]
        self.things.append(thing)
        return placed

    def _zone(self, placed: Placed, reach: float) -> list[NDArray]:
        if not reach:
            return []
        width, depth, _ = placed.piece.size
        corners = np.array([placed.at(-width / 2, depth / 2 + 0.02), placed.at(width / 2, depth / 2 + reach)])
        low, high = corners.min(0), corners.max(0)
        return [np.array([[low[0], low[1], 0.0], [high[0], high[1], 0.6]])]

    def against_wall(
        self, piece: Piece, *, walls: Sequence[int] = (0, 1, 2, 3), reach: float = 0.0, gap: float = 0.03
    ) -> Placed | None:
        """Somewhere along a wall with its back to it."""
        width, depth, _ = piece.size
        for _ in range(TRIES):
            wall = int(self.rng.choice(walls))
            if self.length(wall) < width + 2 * GAP:
                continue
            along = self.rng.uniform(width / 2 + GAP, self.length(wall) - width / 2 - GAP)
            placed = self.put(piece, *self.on_wall(wall, along, depth / 2 + gap), reach=reach)
            if placed:
                return placed
        return None

    def in_corner(self, piece: Piece, *, gap: float = 0.02) -> Placed | None:
        """In one of the corners with its back to a wall."""
        width, depth, _ = piece.size
        for corner in self.rng.permutation(8):
            wall, end = int(corner) % 4, int(corner) // 4
            along = width / 2 + gap if end else self.length(wall) - width / 2 - gap
            placed = self.put(piece, *self.on_wall(wall, along, depth / 2 + gap))
            if placed:
                return placed
        return None

    def in_the_open(self, piece: Piece, *, margin: float = 0.7, yaws: Sequence[float] | None = None) -> Placed | None:
        """Anywhere on the floor, `margin` away from the walls."""
        half = max(piece.size[:2]) / 2
        for _ in range(TRIES):
            x = self.rng.uniform(min(half + margin, self.width / 2), max(self.width - half - margin, self.width / 2))
            y = self.rng.uniform(min(half + margin, self.depth / 2), max(self.depth - half - margin, self.depth / 2))
            yaw = self.rng.uniform(0, 2 * math.pi) if yaws is None else float(self.rng.choice(yaws))
            placed = self.put(piece, (x, y, 0.0), yaw)
            if placed:
                return placed
        return None

    def on_top(self, below: Placed, piece: Piece) -> Placed | None:
        """Anywhere on the top of another piece, facing to its front or so."""
        if below.piece.top is None:
            return None
        low_x, high_x, low_y, high_y, z = below.piece.top
        x, y = piece.size[0] / 2 + 0.02, piece.size[1] / 2 + 0.02
        if high_x - low_x < 2 * x or high_y - low_y < 2 * y:
            return None
        for _ in range(TRIES // 4):
            place = below.at(self.rng.uniform(low_x + x, high_x - x), self.rng.uniform(low_y + y, high_y - y), z)
            placed = self.put(piece, place, below.yaw)
            if placed:
                return placed
        return None

    def hang(self, piece: Piece, *, walls: Sequence[int] = (0, 1, 2, 3)) -> Placed | None:
        """On a wall, its back to it, and keep the wall before it free."""
        width = piece.size[0]
        for _ in range(TRIES):
            wall = int(self.rng.choice(walls))
            if self.length(wall) < width + 0.2:
                continue
            along = self.rng.uniform(width / 2 + 0.1, self.length(wall) - width / 2 - 0.1)
            placed = self.put(piece, *self.on_wall(wall, along, 0.05))
            if placed:
                self._keep_sight(placed)
                return placed
        return None

    def _keep_sight(self, placed: Placed) -> None:
        bounds = placed.thing().bounds()
        deep = np.array([placed.at(0, 0)[:2], placed.at(0, 0.45)[:2]])
        bounds[0, :2] = np.minimum(bounds[0, :2], deep.min(0))
        bounds[1, :2] = np.maximum(bounds[1, :2], deep.max(0))
        self.taken.append(bounds)

    def cut(self, wall: int, width: float, low: float, high: float, *, before: float) -> tuple[Opening, float] | None:
        """Cut a hole of this width into a wall; `before`: metres of free room before it. Returns it and its middle."""
        for _ in range(TRIES):
            room = self.length(wall)
            if room < width + 0.5:
                return None
            middle = self.rng.uniform(width / 2 + 0.25, room - width / 2 - 0.25)
            near, _ = self.on_wall(wall, middle - width / 2 - 0.1, 0.001)
            far, _ = self.on_wall(wall, middle + width / 2 + 0.1, before)
            corners = np.array([near, far])
            zone = np.stack([corners.min(0), corners.max(0)])
            zone[:, 2] += low, high
            if self.free([zone]):
                opening = Opening(middle - width / 2, middle + width / 2, low, high)
                self.openings[wall].append(opening)
                self.taken.append(zone)
                return opening, middle
        return None

    def shell(self, *, ceiling: bool = True) -> list[Thing]:
        """Floor, ceiling and the four walls with their holes."""
        walls = self.palette.material(str(self.rng.choice(["plaster"] * 5 + ["brick"])))
        floor = self.palette.material(str(self.rng.choice(["carpet", "parquet", "tiles"])))
        x, y = (-THICK, self.width + THICK), (-THICK, self.depth + THICK)
        found = [Thing("floor", (slab(floor, x, y, (-0.1, 0)),))]
        if ceiling:
            above = slab(self.palette.material("ceiling"), x, y, (self.height, self.height + 0.1))
            found.append(Thing("ceiling", (above,)))
        accent = self.palette.material("plaster")
        for wall in range(4):
            parts = self._wall(wall, accent if wall == 3 and self.rng.random() < 0.3 else walls)
            place, yaw = self.on_wall(wall, 0.0, 0.0)
            found.append(Thing("wall", tuple(part.moved(place, yaw) for part in parts)))
        return found

    def _wall(self, wall: int, material: object) -> list[Part]:
        parts, left, y = [], -THICK, (-THICK, 0.0)
        for hole in sorted(self.openings[wall], key=lambda opening: opening.start):
            parts.append(slab(material, (left, hole.start), y, (0, self.height)))
            if hole.low > 0:
                parts.append(slab(material, (hole.start, hole.stop), y, (0, hole.low)))
            parts.append(slab(material, (hole.start, hole.stop), y, (hole.high, self.height)))
            left = hole.stop
        parts.append(slab(material, (left, self.length(wall) + THICK), y, (0, self.height)))
        return parts
