"""Furniture of offices: tables, chairs, sofas, bookcases, small things.

Every builder returns a piece about the origin: x to the right along its width, y to its front, z up from the floor, in
metres. Sizes and colours are drawn from the palette.
"""

import math
from dataclasses import dataclass

import numpy as np

from sparsevision.synthetic.room_materials import Material, Palette
from sparsevision.synthetic.room_shapes import Box, Cylinder, Part

STRUCTURE = ("concrete", "concrete", "plaster")  # what columns and beams are made of


@dataclass(frozen=True)
class Piece:
    """Furniture that is not placed yet.

    Attributes:
        kind: what it is called, a key of room_classes.KINDS.
        parts: its solids.
        top: (low x, high x, low y, high y, z) where other things may stand, or None.
    """

    kind: str
    parts: tuple[Part, ...]
    top: tuple[float, float, float, float, float] | None = None

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, depth, height: twice how far it reaches from the origin in x and y, and how high."""
        bounds = np.stack([part.bounds() for part in self.parts])
        reach = np.abs(bounds).max((0, 1))
        return 2 * float(reach[0]), 2 * float(reach[1]), float(bounds[:, 1, 2].max())


def slab(material: Material, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> Box:
    """A box from its limits."""
    limits = np.array([x, y, z])
    return Box(tuple(limits.mean(1).tolist()), tuple(((limits[:, 1] - limits[:, 0]) / 2).tolist()), material)


def post(material: Material, x: float, y: float, z: tuple[float, float], radius: float) -> Cylinder:
    """An upright cylinder."""
    return Cylinder((x, y, (z[0] + z[1]) / 2), (radius, radius, (z[1] - z[0]) / 2), material)


def table(palette: Palette, *, width: float, depth: float, height: float | None = None, kind: str = "table") -> Piece:
    """A top on four legs, square or round."""
    rng = palette.rng
    height = height or rng.uniform(0.71, 0.78)
    top, leg = palette.material(str(rng.choice(["wood", "wood", "white"]))), palette.material("metal")
    x, y, under = width / 2 - 0.08, depth / 2 - 0.08, height - 0.04
    legs = [(sign_x * x, sign_y * y) for sign_x in (-1, 1) for sign_y in (-1, 1)]
    if rng.random() < 0.5:
        posts = [post(leg, *place, (0, under), 0.03) for place in legs]
    else:
        posts = [slab(leg, (at - 0.03, at + 0.03), (to - 0.03, to + 0.03), (0, under)) for at, to in legs]
    board = slab(top, (-width / 2, width / 2), (-depth / 2, depth / 2), (under, height))
    return Piece(kind, (board, *posts), (-width / 2, width / 2, -depth / 2, depth / 2, height))


def round_table(palette: Palette, *, radius: float) -> Piece:
    """A disc on one leg."""
    height, leg = palette.rng.uniform(0.7, 0.76), palette.material("metal")
    disc = post(palette.material("wood"), 0, 0, (height - 0.04, height), radius)
    reach = radius * 0.7
    parts = (disc, post(leg, 0, 0, (0.03, height - 0.04), 0.05), post(leg, 0, 0, (0, 0.03), radius * 0.6))
    return Piece("table", parts, (-reach, reach, -reach, reach, height))


def desk(palette: Palette, *, width: float, kind: str = "desk") -> Piece:
    """A top on side panels, open at the front, drawers at one side."""
    rng = palette.rng
    depth, height, wood = rng.uniform(0.65, 0.8), rng.uniform(0.71, 0.76), palette.material("wood")
    x, y, under = width / 2, depth / 2, height - 0.04
    parts = [
        slab(wood, (-x, x), (-y, y), (under, height)),
        slab(wood, (-x, -x + 0.04), (-y + 0.02, y - 0.04), (0, under)),
        slab(wood, (x - 0.04, x), (-y + 0.02, y - 0.04), (0, under)),
        slab(wood, (-x + 0.04, x - 0.04), (-y + 0.06, -y + 0.09), (0.25, under)),
    ]
    side = rng.choice([-1, 1])
    near, far = sorted((side * (x - 0.05), side * (x - 0.45)))
    parts.append(slab(palette.material("metal"), (near, far), (-y + 0.1, y - 0.06), (0.02, under - 0.01)))
    return Piece(kind, tuple(parts), (-x, x, -y, y, height))


def office_chair(palette: Palette) -> Piece:
    """A seat and a back on a post with five feet."""
    seat, leg = palette.material("seat"), palette.material("dark")
    height = palette.rng.uniform(0.44, 0.5)
    feet = [
        Box((0.16 * math.cos(turn), 0.16 * math.sin(turn), 0.05), (0.16, 0.025, 0.03), leg, yaw=turn)
        for turn in np.arange(5) * 2 * math.pi / 5
    ]
    parts = [
        slab(seat, (-0.24, 0.24), (-0.22, 0.24), (height - 0.08, height)),
        slab(seat, (-0.22, 0.22), (-0.29, -0.22), (height + 0.12, height + palette.rng.uniform(0.5, 0.62))),
        slab(leg, (-0.04, 0.04), (-0.28, -0.23), (height - 0.04, height + 0.13)),
        post(leg, 0, 0, (0.02, height - 0.08), 0.035),
        *feet,
    ]
    if palette.rng.random() < 0.5:
        for x in (-0.29, 0.25):
            parts.append(slab(leg, (x, x + 0.04), (-0.15, 0.14), (height + 0.18, height + 0.22)))
            parts.append(slab(leg, (x, x + 0.04), (-0.03, 0.02), (height - 0.06, height + 0.18)))
    return Piece("office chair", tuple(parts))


def chair(palette: Palette) -> Piece:
    """A seat and a back on four legs."""
    rng = palette.rng
    body = palette.material(str(rng.choice(["seat", "wood"])))
    leg = body if rng.random() < 0.5 else palette.material("metal")
    height, x, y = rng.uniform(0.43, 0.48), rng.uniform(0.2, 0.23), rng.uniform(0.2, 0.23)
    top = height + rng.uniform(0.38, 0.5)
    legs = [
        slab(leg, (at - 0.02, at + 0.02), (to - 0.02, to + 0.02), (0, height - 0.04 if to > 0 else top))
        for at in (-x + 0.02, x - 0.02)
        for to in (-y + 0.02, y - 0.02)
    ]
    back = slab(body, (-x + 0.04, x - 0.04), (-y, -y + 0.03), (height + 0.15, top))
    return Piece("chair", (slab(body, (-x, x), (-y + 0.04, y), (height - 0.04, height)), back, *legs))


def sofa(palette: Palette, *, seats: int) -> Piece:
    """Base, back, two arms, a cushion for each seat."""
    rng, cloth = palette.rng, palette.material("upholstery")
    width, y = seats * rng.uniform(0.62, 0.7) + 0.4, rng.uniform(0.4, 0.46)
    x, seat = width / 2, rng.uniform(0.4, 0.45)
    parts = [
        slab(cloth, (-x + 0.2, x - 0.2), (-y + 0.22, y), (0.06, seat - 0.12)),
        slab(cloth, (-x, x), (-y, -y + 0.22), (0.06, rng.uniform(0.75, 0.88))),
        slab(cloth, (-x, -x + 0.2), (-y + 0.22, y), (0.06, seat + 0.18)),
        slab(cloth, (x - 0.2, x), (-y + 0.22, y), (0.06, seat + 0.18)),
    ]
    for left in np.linspace(-x + 0.2, x - 0.2, seats + 1)[:-1]:
        right = left + (width - 0.4) / seats
        parts.append(slab(cloth, (left + 0.01, right - 0.01), (-y + 0.22, y - 0.01), (seat - 0.12, seat)))
    return Piece("couch", tuple(parts))


def bookcase(palette: Palette, *, width: float) -> Piece:
    """Two sides, shelves and a back, with groups of books that leave gaps."""
    rng, wood = palette.rng, palette.material(str(palette.rng.choice(["wood", "wood", "painted wood"])))
    height, y, x = rng.uniform(1.5, 2.1), rng.uniform(0.14, 0.19), width / 2
    shelves = np.linspace(0.06, height - 0.02, round(height / 0.36) + 1)
    parts = [
        slab(wood, (-x, -x + 0.025), (-y, y), (0, height)),
        slab(wood, (x - 0.025, x), (-y, y), (0, height)),
        slab(wood, (-x + 0.025, x - 0.025), (-y, -y + 0.02), (0, height)),
    ]
    parts += [slab(wood, (-x + 0.025, x - 0.025), (-y + 0.02, y), (z - 0.02, z + 0.02)) for z in shelves]
    for z in shelves[:-1]:
        left = -x + 0.03
        while left < x - 0.12:
            right = min(left + rng.uniform(0.15, 0.45), x - 0.03)
            high = z + 0.02 + rng.uniform(0.18, 0.28)
            if rng.random() < 0.8:
                books = palette.material("books")
                parts.append(slab(books, (left, right), (-y + 0.02, y - rng.uniform(0.02, 0.1)), (z + 0.02, high)))
            left = right + 0.005
    return Piece("bookshelf", tuple(parts))


def column(palette: Palette, *, height: float, depth: float | None = None) -> Piece:
    """From floor to ceiling, square or round."""
    rng, concrete = palette.rng, palette.material(str(palette.rng.choice(STRUCTURE)))
    half = (depth or rng.uniform(0.3, 0.45)) / 2
    if rng.random() < 0.4:
        return Piece("column", (post(concrete, 0, 0, (0, height), half),))
    return Piece("column", (slab(concrete, (-half, half), (-half, half), (0, height)),))


def beam(palette: Palette, *, length: float, height: float) -> Piece:
    """Along x under a ceiling at `height`."""
    rng = palette.rng
    half, deep = rng.uniform(0.12, 0.18), rng.uniform(0.22, 0.34)
    material = palette.material(str(rng.choice(STRUCTURE)))
    return Piece("beam", (slab(material, (-length / 2, length / 2), (-half, half), (height - deep, height)),))


def ceiling_lamp(palette: Palette, *, height: float) -> Piece:
    """A flat lamp under a ceiling at `height`."""
    return Piece("ceiling lamp", (slab(palette.material("lamp"), (-0.6, 0.6), (-0.15, 0.15), (height - 0.05, height)),))


def board(palette: Palette, *, width: float) -> Piece:
    """White or green, in a frame with a tray, hung 0.9 m above the floor; its back at y = -0.03."""
    rng = palette.rng
    name = str(rng.choice(["whiteboard", "whiteboard", "blackboard"]))
    x, low, high = width / 2, 0.9, 0.9 + rng.uniform(1.0, 1.2)
    rim = palette.material("metal" if name == "whiteboard" else "wood")
    parts = (
        slab(palette.material(name), (-x + 0.03, x - 0.03), (-0.03, 0.01), (low + 0.03, high - 0.03)),
        slab(rim, (-x, -x + 0.03), (-0.03, 0.03), (low, high)),
        slab(rim, (x - 0.03, x), (-0.03, 0.03), (low, high)),
        slab(rim, (-x + 0.03, x - 0.03), (-0.03, 0.03), (high - 0.03, high)),
        slab(rim, (-x + 0.03, x - 0.03), (-0.03, 0.08), (low, low + 0.03)),
    )
    return Piece("whiteboard", parts)
