"""What things in a room are made of: a tile of colour cut from a photograph of scikit-image, tinted.

Rooms for training and for testing use separate parts of the photographs and separate tints: the range of each tint is
cut into slices, taken in turn for training and for testing.
"""

import colorsys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.camouflage import load_sources, split_part

SIDE = 64  # texels of a tile
SLICES = 3  # of a tint's range, for each of training and testing
SPLITS = ("train", "test")
Range = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Material:
    """How a surface looks.

    Attributes:
        tile: float32 RGB (rows, columns, 3) in [0, 1], (SIDE, SIDE, 3) of a `Palette`; rows go down.
        metres: what the tile covers; it repeats.
        opacity: share of the rays that return; glass lets some through.
    """

    tile: NDArray
    metres: tuple[float, float]
    opacity: float = 1.0

    def colours(self, across: NDArray) -> NDArray:
        """Colours (n,3) at places on a surface, (n,2) metres to the right and up."""
        height, width = self.tile.shape[:2]
        columns, rows = (np.mod(across / self.metres + 0.5, 1) * (width, height)).astype(int).T
        return self.tile[height - 1 - np.minimum(rows, height - 1), np.minimum(columns, width - 1)]


@dataclass(frozen=True)
class Look:
    """A family of materials: ranges of hue, saturation and value, and what is painted with them.

    Attributes:
        paint: called with (colour (3,), `Palette`); returns a tile.
        photos: where the grain comes from.
        contrast: relative standard deviation of the grain.
    """

    hue: Range
    saturation: Range
    value: Range
    paint: Callable[[NDArray, "Palette", "Look"], NDArray]
    photos: tuple[str, ...] = ("gravel",)
    contrast: float = 0.06
    metres: tuple[float, float] = (1.0, 1.0)
    opacity: float = 1.0


@dataclass(frozen=True)
class Palette:
    """Makes the materials of one room."""

    photos: Mapping[str, NDArray]
    split: str
    rng: np.random.Generator
    looks: Mapping[str, Look] = field(default_factory=lambda: LOOKS)

    def material(self, name: str) -> Material:
        """A new material of this name in LOOKS, of a colour drawn anew."""
        look = self.looks[name]
        return Material(look.paint(self.tint(look), self, look), look.metres, look.opacity)

    def tint(self, look: Look) -> NDArray:
        """A colour of this split, RGB (3,)."""
        hue, value = self.draw(look.hue), self.draw(look.value)
        return np.array(colorsys.hsv_to_rgb(hue % 1, self.rng.uniform(*look.saturation), value))

    def draw(self, among: Range) -> float:
        """A number from the slices of the range that belong to this split."""
        number = SPLITS.index(self.split) + 2 * int(self.rng.integers(SLICES))
        return among[0] + (among[1] - among[0]) * (number + self.rng.random()) / (2 * SLICES)

    def crop(self, names: tuple[str, ...], *, height: int = 96, width: int = 96) -> NDArray:
        """A piece of this split's part of one of the photographs, float32 RGB (SIDE, SIDE, 3) in [0, 1]."""
        photo = split_part(self.photos[str(self.rng.choice(names))], self.split)
        height, width = min(height, photo.shape[0]), min(width, photo.shape[1])
        top = int(self.rng.integers(photo.shape[0] - height + 1))
        left = int(self.rng.integers(photo.shape[1] - width + 1))
        piece = np.ascontiguousarray(photo[top : top + height, left : left + width])
        return cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255

    def grain(self, look: Look, *, height: int = 96, width: int = 96) -> NDArray:
        """Brightness factors about 1 with the look's contrast, (SIDE, SIDE, 1)."""
        grey = self.crop(look.photos, height=height, width=width).mean(2, keepdims=True)
        return 1 + look.contrast * np.clip((grey - grey.mean()) / (grey.std() + 1e-6), -2, 2)


def load_room_photos() -> dict[str, NDArray]:
    """The photographs that the materials are cut from, uint8 RGB (H, W, 3) each; nothing is downloaded.

    Raises:
        ImportError: scikit-image is not installed.
    """
    return load_sources()


def paint_plain(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """The colour with the photograph's grain."""
    return _clipped(colour * palette.grain(look))


def paint_wood(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """Streaks to the right."""
    return _clipped(colour * palette.grain(look, height=150, width=6))


def paint_planks(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """Boards with dark joints, each of another brightness."""
    tile = paint_wood(colour, palette, look)
    for top in range(0, SIDE, 16):
        tile[top : top + 16] *= palette.rng.uniform(0.85, 1.12)
        tile[top] *= 0.6
    return _clipped(tile)


def paint_tiles(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """Square tiles with joints."""
    tile = paint_plain(colour, palette, look)
    half = SIDE // 2
    for top in (0, half):
        for left in (0, half):
            tile[top : top + half, left : left + half] *= palette.rng.uniform(0.93, 1.05)
        tile[top : top + 3] *= 0.75
        tile[:, top : top + 3] *= 0.75
    return _clipped(tile)


def paint_bricks(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """Bricks of the photograph."""
    return _clipped(colour * palette.grain(look, height=200, width=200))


def paint_folds(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """Cloth that hangs: bright and dark from side to side, a band of another colour on some."""
    folds = 1 + 0.18 * np.sin(np.linspace(0, 8 * np.pi, SIDE))[None, :, None]
    tile = paint_plain(colour, palette, look) * folds
    if palette.rng.random() < 0.5:
        tile[:, ::16] *= 0.6
    return _clipped(tile)


def paint_books(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """Spines of many colours."""
    tile = paint_plain(colour, palette, look)
    left = 0
    while left < SIDE:
        width = int(palette.rng.integers(3, 8))
        tile[:, left : left + width] = palette.tint(look)
        tile[:, left] *= 0.5
        left += width
    return _clipped(tile * palette.grain(look))


def paint_writing(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """A board with lines of writing and a drawing."""
    tile = _clipped(colour * palette.grain(look))
    bright = float(colour.mean()) < 0.5
    for row in range(6, SIDE - 4, 7):
        if palette.rng.random() < 0.45:
            start, stop = sorted(palette.rng.integers(2, SIDE - 2, 2).tolist())
            ink = (0.9, 0.9, 0.9) if bright else palette.rng.choice([(0.1, 0.1, 0.5), (0.6, 0.1, 0.1), (0.1, 0.1, 0.1)])
            tile[row : row + 2, start:stop] = ink
    return tile


def paint_view(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """What one sees through a window: sky, and something green or brown below."""
    photo = palette.crop(look.photos, height=200, width=200)
    sky = np.linspace(1, 0, SIDE)[:, None, None] ** 0.5
    ground = 0.6 * photo + 0.4 * np.array([0.35, 0.45, 0.3])
    return _clipped(sky * colour + (1 - sky) * ground)


def paint_picture(colour: NDArray, palette: Palette, look: Look) -> NDArray:
    """A piece of a photograph in its own colours, slightly tinted."""
    photo = palette.crop(look.photos, height=180, width=180)
    return _clipped(0.75 * photo * 1.15 + 0.25 * colour)


def _clipped(tile: NDArray) -> NDArray:
    return np.clip(tile, 0.02, 1).astype(np.float32)


COLOURFUL = ("astronaut", "chelsea", "coffee", "motorcycle", "rocket", "retina", "hubble_deep_field")
LOOKS: dict[str, Look] = {
    "plaster": Look((0.0, 1.0), (0.02, 0.14), (0.7, 0.92), paint_plain, ("camera", "retina"), 0.02),
    "brick": Look((0.01, 0.06), (0.3, 0.5), (0.45, 0.65), paint_bricks, ("brick",), 0.2),
    "ceiling": Look((0.1, 0.2), (0.0, 0.05), (0.85, 0.97), paint_tiles, ("gravel", "coins"), 0.02, (1.2, 1.2)),
    "lamp": Look((0.1, 0.18), (0.0, 0.1), (0.97, 1.0), paint_plain, ("camera",), 0.0),
    "carpet": Look((0.0, 1.0), (0.03, 0.3), (0.28, 0.5), paint_plain, ("gravel", "grass"), 0.12),
    "parquet": Look((0.06, 0.11), (0.35, 0.6), (0.4, 0.68), paint_planks, ("coffee", "camera"), 0.08, (1.0, 0.5)),
    "tiles": Look((0.05, 0.6), (0.02, 0.15), (0.55, 0.85), paint_tiles, ("coins", "gravel"), 0.04, (0.6, 0.6)),
    "concrete": Look((0.08, 0.15), (0.02, 0.1), (0.45, 0.68), paint_plain, ("gravel",), 0.07),
    "wood": Look((0.05, 0.11), (0.4, 0.7), (0.32, 0.7), paint_wood, ("coffee", "camera"), 0.1, (0.8, 0.8)),
    "painted wood": Look((0.0, 1.0), (0.05, 0.35), (0.45, 0.9), paint_wood, ("coffee", "camera"), 0.03),
    "white": Look((0.1, 0.6), (0.0, 0.05), (0.82, 0.96), paint_plain, ("camera",), 0.01),
    "seat": Look((0.0, 1.0), (0.2, 0.6), (0.1, 0.38), paint_plain, ("chelsea", "grass"), 0.12, (0.4, 0.4)),
    "upholstery": Look((0.9, 1.7), (0.25, 0.6), (0.3, 0.65), paint_plain, ("chelsea", "astronaut"), 0.1, (0.5, 0.5)),
    "bedding": Look((0.0, 1.0), (0.05, 0.4), (0.6, 0.95), paint_folds, ("chelsea", "astronaut"), 0.06, (1.2, 1.2)),
    "curtain": Look((0.0, 1.0), (0.15, 0.5), (0.4, 0.8), paint_folds, ("astronaut", "chelsea"), 0.04, (0.8, 2.4)),
    "shower curtain": Look((0.4, 1.0), (0.08, 0.35), (0.75, 0.97), paint_folds, ("coins",), 0.03, (0.6, 2.0)),
    "metal": Look((0.5, 0.65), (0.0, 0.12), (0.3, 0.62), paint_wood, ("rocket", "camera"), 0.05),
    "dark": Look((0.0, 1.0), (0.0, 0.25), (0.06, 0.18), paint_plain, ("camera", "rocket"), 0.08),
    "screen": Look((0.55, 0.68), (0.1, 0.5), (0.1, 0.3), paint_picture, COLOURFUL, 0.1, (0.5, 0.35)),
    "whiteboard": Look((0.5, 0.6), (0.0, 0.04), (0.92, 1.0), paint_writing, ("camera",), 0.01, (1.3, 1.0)),
    "blackboard": Look((0.36, 0.45), (0.3, 0.5), (0.2, 0.36), paint_writing, ("camera",), 0.05, (1.3, 1.0)),
    "glass": Look((0.53, 0.62), (0.15, 0.4), (0.8, 1.0), paint_view, ("grass", "rocket", "motorcycle"), 0.1, (1.5, 1.5),
                  opacity=0.65),
    "books": Look((0.0, 1.0), (0.3, 0.85), (0.2, 0.85), paint_books, ("coffee",), 0.05, (0.5, 0.4)),
    "picture": Look((0.0, 1.0), (0.2, 0.7), (0.3, 0.8), paint_picture, COLOURFUL, 0.1, (0.7, 0.6)),
    "cardboard": Look((0.07, 0.1), (0.4, 0.55), (0.5, 0.72), paint_plain, ("gravel", "coffee"), 0.04),
    "plastic": Look((0.0, 1.0), (0.4, 0.9), (0.25, 0.9), paint_plain, ("coins",), 0.05),
    "print": Look((0.0, 1.0), (0.3, 0.8), (0.4, 0.9), paint_picture, COLOURFUL, 0.1, (0.3, 0.3)),
    "leaves": Look((0.22, 0.38), (0.4, 0.75), (0.2, 0.55), paint_plain, ("grass",), 0.35, (0.3, 0.3)),
    "porcelain": Look((0.1, 0.6), (0.0, 0.06), (0.88, 1.0), paint_plain, ("camera",), 0.01),
}  # fmt: skip
