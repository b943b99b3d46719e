"""Furniture of homes: beds, cabinets, kitchens and bathrooms; the same frame as room_furniture."""

import numpy as np

from sparsevision.synthetic.room_furniture import Piece, post, slab
from sparsevision.synthetic.room_materials import Material, Palette
from sparsevision.synthetic.room_shapes import Ball, Box, Part


def bed(palette: Palette) -> Piece:
    """Frame, mattress, headboard at the back, pillows, a blanket that hangs over."""
    rng, wood, cloth = palette.rng, palette.material("wood"), palette.material("bedding")
    x, y, high = rng.choice([0.5, 0.7, 0.8]), 1.02, rng.uniform(0.45, 0.58)
    sheet = palette.material("white")
    parts = [
        slab(wood, (-x, x), (-y + 0.05, y), (0.1, high - 0.2)),
        slab(wood, (-x, x), (-y, -y + 0.05), (0, high + 0.45)),
        slab(sheet, (-x + 0.02, x - 0.02), (-y + 0.05, y - 0.02), (high - 0.2, high)),
        slab(cloth, (-x - 0.01, x + 0.01), (-y + 0.6, y + 0.01), (high - 0.15, high + 0.04)),
    ]
    pillows = [
        slab(sheet, (left, left + x - 0.14), (-y + 0.1, -y + 0.5), (high, high + 0.12))
        for left in ((-x + 0.08, 0.04) if x > 0.6 else (-x + 0.1,))
    ]
    return Piece("bed", (*parts, *pillows))


def cabinet(palette: Palette, *, width: float, height: float, kind: str = "cabinet") -> Piece:
    """A body with doors that stand out by a centimetre, and handles."""
    name = str(palette.rng.choice(["wood", "painted wood"]))
    body, front, handle = palette.material(name), palette.material(name), palette.material("metal")
    x, y = width / 2, 0.28
    parts = [slab(body, (-x, x), (-y, y), (0, height))]
    doors = max(1, round(width / 0.5))
    for left, right in zip(*_ends(-x, x, doors), strict=True):
        parts.append(slab(front, (left + 0.015, right - 0.015), (y, y + 0.02), (0.08, height - 0.02)))
        middle = height * 0.55
        parts.append(slab(handle, (right - 0.07, right - 0.04), (y + 0.02, y + 0.05), (middle - 0.08, middle + 0.08)))
    return Piece(kind, tuple(parts), (-x, x, -y, y, height))


def counter(palette: Palette, *, width: float) -> tuple[Piece, Piece, Piece]:
    """A kitchen row: the cabinet below, the worktop on it (z included), a sink with a tap on that."""
    height, rng = 0.86, palette.rng
    below = cabinet(palette, width=width, height=height, kind="kitchen cabinet")
    x, y, z = width / 2, 0.32, height + 0.05
    worktop = slab(palette.material("concrete"), (-x, x), (-0.28, y), (height, z))
    left = float(rng.uniform(-x + 0.05, x - 0.6))
    sink = basin(palette.material("metal"), (left, left + 0.5), (-0.2, 0.2), (z, z + 0.04))
    tap = [post(sink[0].material, left + 0.25, -0.23, (z, z + 0.25), 0.015)]
    return below, Piece("kitchen counter", (worktop,), (-x, x, -0.25, y, z)), Piece("sink", (*sink, *tap))


def basin(
    material: Material, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], rim: float = 0.05
) -> tuple[Part, ...]:
    """Four walls and a bottom."""
    return (
        slab(material, (x[0], x[0] + rim), y, z),
        slab(material, (x[1] - rim, x[1]), y, z),
        slab(material, (x[0] + rim, x[1] - rim), (y[0], y[0] + rim), z),
        slab(material, (x[0] + rim, x[1] - rim), (y[1] - rim, y[1]), z),
        slab(material, (x[0] + rim, x[1] - rim), (y[0] + rim, y[1] - rim), (z[0], z[0] + (z[1] - z[0]) / 4)),
    )


def washbasin(palette: Palette) -> Piece:
    """A basin on a column, with a tap."""
    white = palette.material("porcelain")
    parts = (
        *basin(white, (-0.28, 0.28), (-0.22, 0.24), (0.68, 0.86), 0.06),
        post(white, 0, -0.08, (0, 0.68), 0.09),
        post(palette.material("metal"), 0, -0.19, (0.86, 1.0), 0.015),
    )
    return Piece("sink", parts)


def toilet(palette: Palette) -> Piece:
    """Bowl, seat and tank."""
    white = palette.material("porcelain")
    parts = (
        post(white, 0, 0.05, (0, 0.36), 0.14),
        post(white, 0, 0.1, (0.36, 0.42), 0.21),
        slab(white, (-0.2, 0.2), (-0.32, -0.13), (0.3, 0.8)),
    )
    return Piece("toilet", parts)


def bathtub(palette: Palette, *, width: float) -> Piece:
    """Four thick walls and a bottom."""
    white = palette.material("porcelain")
    return Piece("bathtub", basin(white, (-width / 2, width / 2), (-0.38, 0.38), (0, 0.56), 0.07))


def folds(cloth: Material, kind: str, *, width: float, z: tuple[float, float]) -> Piece:
    """Cloth that hangs in zigzag, about 8 cm deep."""
    count = max(2, round(width / 0.1))
    step = width / count
    parts = tuple(
        Box(
            (-width / 2 + (number + 0.5) * step, 0, (z[0] + z[1]) / 2),
            (step * 0.62, 0.008, (z[1] - z[0]) / 2),
            cloth,
            yaw=0.62 * (-1) ** number,
        )
        for number in range(count)
    )
    return Piece(kind, parts)


def curtain(palette: Palette, *, height: float) -> Piece:
    """Hangs beside a window."""
    width = palette.rng.uniform(0.35, 0.6)
    return folds(palette.material("curtain"), "curtain", width=width, z=(0.08, height))


def shower_curtain(palette: Palette, *, width: float) -> Piece:
    """Hangs before a bathtub."""
    return folds(palette.material("shower curtain"), "shower curtain", width=width, z=(0.6, 2.0))


def refrigerator(palette: Palette) -> Piece:
    """A tall body with two doors and handles."""
    body = palette.material(str(palette.rng.choice(["white", "metal"])))
    x, height, handle = palette.rng.uniform(0.3, 0.4), palette.rng.uniform(1.6, 1.85), palette.material("dark")
    split = height * 0.66
    parts = [slab(body, (-x, x), (-0.33, 0.27), (0.02, height))]
    for low, high in ((0.06, split - 0.01), (split + 0.01, height - 0.01)):
        parts.append(slab(body, (-x, x), (0.27, 0.33), (low, high)))
        parts.append(slab(handle, (x - 0.09, x - 0.06), (0.33, 0.37), (low + 0.1, min(high - 0.05, low + 0.5))))
    return Piece("refrigerator", tuple(parts))


def picture(palette: Palette) -> Piece:
    """A framed picture, its middle 1.6 m above the floor; its back at y = -0.02."""
    rng, rim = palette.rng, palette.material(str(palette.rng.choice(["dark", "wood"])))
    x, z = rng.uniform(0.2, 0.45), rng.uniform(0.2, 0.4)
    middle = 1.6
    face = slab(palette.material("picture"), (-x, x), (-0.02, 0.005), (middle - z, middle + z))
    sides = [slab(rim, (at, at + 0.035), (-0.02, 0.02), (middle - z, middle + z)) for at in (-x - 0.035, x)]
    ends = [slab(rim, (-x, x), (-0.02, 0.02), (at, at + 0.035)) for at in (middle - z - 0.035, middle + z)]
    return Piece("picture", (face, *sides, *ends))


def ottoman(palette: Palette) -> Piece:
    """A round or square stool, covered."""
    rng, cloth = palette.rng, palette.material("upholstery")
    half, high = rng.uniform(0.22, 0.3), rng.uniform(0.35, 0.45)
    if rng.random() < 0.5:
        return Piece("ottoman", (post(cloth, 0, 0, (0.04, high), half),))
    return Piece("ottoman", (slab(cloth, (-half, half), (-half, half), (0.04, high)),))


def rack(palette: Palette) -> Piece:
    """Open shelves on four posts with boxes in them."""
    metal, rng = palette.material("metal"), palette.rng
    x, y, high = rng.uniform(0.3, 0.45), 0.18, rng.uniform(0.9, 1.4)
    parts: list[Part] = [post(metal, sx * x, sy * y, (0, high), 0.015) for sx in (-1, 1) for sy in (-1, 1)]
    for z in np.arange(0.15, high, 0.4):
        parts.append(slab(metal, (-x, x), (-y, y), (z, z + 0.02)))
        parts.append(
            Ball((rng.uniform(-x + 0.15, x - 0.15), 0, z + 0.14), (0.13, 0.13, 0.12), palette.material("plastic"))
        )
    return Piece("rack", tuple(parts))


def _ends(low: float, high: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    edges = np.linspace(low, high, count + 1)
    return edges[:-1], edges[1:]
