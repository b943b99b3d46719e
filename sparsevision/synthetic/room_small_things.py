"""Small things that stand on tables and floors; the same frame as room_furniture."""

import numpy as np

from sparsevision.synthetic.room_furniture import Piece, post, slab
from sparsevision.synthetic.room_materials import Palette
from sparsevision.synthetic.room_shapes import Ball


def box(palette: Palette) -> Piece:
    """A cardboard box."""
    x, y, z = palette.rng.uniform((0.13, 0.13, 0.2), (0.3, 0.25, 0.5))
    name = str(palette.rng.choice(["cardboard", "cardboard", "print", "plastic"]))
    return Piece("box", (slab(palette.material(name), (-x, x), (-y, y), (0, z)),))


def bin_(palette: Palette) -> Piece:
    """A round bin."""
    radius = palette.rng.uniform(0.13, 0.2)
    name = str(palette.rng.choice(["plastic", "dark", "metal"]))
    return Piece("trash can", (post(palette.material(name), 0, 0, (0, palette.rng.uniform(0.3, 0.6)), radius),))


def plant(palette: Palette) -> Piece:
    """A pot with a ball of leaves on a stem."""
    rng = palette.rng
    pot, crown = rng.uniform(0.13, 0.2), rng.uniform(0.22, 0.34)
    stem = rng.uniform(0.35, 0.6)
    leaves = palette.material("leaves")
    parts = (
        post(palette.material("plastic"), 0, 0, (0, 0.3), pot),
        post(palette.material("wood"), 0, 0, (0.3, stem), 0.02),
        Ball((0, 0, stem + crown), (crown * 0.9, crown * 0.9, crown), leaves),
        Ball((0.1, 0.06, stem + 1.8 * crown), (crown * 0.5, crown * 0.5, crown * 0.5), leaves),
    )
    return Piece("plant", parts)


def bag(palette: Palette) -> Piece:
    """A rucksack on the floor."""
    size = palette.rng.uniform(0.15, 0.2)
    return Piece("bag", (Ball((0, 0, size * 1.2), (size, size * 0.7, size * 1.2), palette.material("plastic")),))


def monitor(palette: Palette) -> Piece:
    """A screen on a foot."""
    dark, x = palette.material("dark"), palette.rng.uniform(0.25, 0.33)
    parts = (
        slab(dark, (-0.12, 0.12), (-0.08, 0.08), (0, 0.02)),
        slab(dark, (-0.03, 0.03), (-0.05, -0.02), (0.02, 0.2)),
        slab(dark, (-x, x), (-0.02, 0.02), (0.12, 0.5)),
        slab(palette.material("screen"), (-x + 0.02, x - 0.02), (0.02, 0.025), (0.14, 0.48)),
    )
    return Piece("monitor", parts)


def keyboard(palette: Palette) -> Piece:
    """A flat keyboard."""
    return Piece("keyboard", (slab(palette.material("dark"), (-0.22, 0.22), (-0.07, 0.07), (0, 0.03)),))


def books(palette: Palette) -> Piece:
    """A stack of lying books."""
    parts, z = [], 0.0
    for _ in range(int(palette.rng.integers(1, 5))):
        x, y, thick = palette.rng.uniform((0.08, 0.11, 0.02), (0.12, 0.15, 0.06))
        parts.append(slab(palette.material("print"), (-x, x), (-y, y), (z, z + thick)))
        z += thick
    return Piece("books", tuple(parts))


def cup(palette: Palette) -> Piece:
    """A cup."""
    return Piece("cup", (post(palette.material("plastic"), 0, 0, (0, 0.1), 0.045),))


def lamp(palette: Palette) -> Piece:
    """A desk lamp with a shade."""
    metal, shade = palette.material("metal"), palette.material("lamp")
    parts = (post(metal, 0, 0, (0, 0.03), 0.09), post(metal, 0, 0, (0.03, 0.32), 0.015),
             post(shade, 0, 0, (0.32, 0.5), 0.13))  # fmt: skip
    return Piece("lamp", parts)


ON_FLOOR = (box, box, bin_, plant, bag)
ON_TABLE = (books, cup, monitor, keyboard, lamp, box)


def some(palette: Palette, builders: tuple, count: int) -> list[Piece]:
    """`count` pieces of these builders."""
    return [builders[int(number)](palette) for number in np.atleast_1d(palette.rng.integers(len(builders), size=count))]
