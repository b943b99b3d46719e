"""A table in the corner of a room with things on it, and one thing before the others that is to be removed.

Frame: x to the right, y away from the cameras, z up from the table's top, in metres.
"""

import colorsys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.room_furniture import post, slab
from sparsevision.synthetic.room_materials import Material, Palette
from sparsevision.synthetic.room_shapes import Ball, Box, Part, Thing
from sparsevision.synthetic.room_small_things import books

TEXELS = 160  # longer side of a printed photograph
WALL, SIDE_WALL = 0.62, 0.85  # where the walls begin
TARGET_PLACE = (0.0, -0.12, 0.0)
# Of the other things, metres from the middle. From no camera does the target hide what stands beside it.
BESIDE = ((-0.45, 0.2), (-0.66, 0.43), (0.6, 0.43), (0.43, 0.14), (-0.37, -0.08))
BEHIND = ((-0.43, 0.2), (-0.16, 0.4), (0.22, 0.42), (0.4, 0.14), (-0.31, -0.08))
JITTER = 0.025
# What is printed on things: rows and columns of the photograph.
PRINTS = {
    "astronaut": (0, 250, 80, 350),
    "coffee": (10, 320, 120, 480),
    "rocket": (60, 420, 180, 460),
    "motorcycle": (60, 480, 100, 700),
}
FUR = (150, 290, 0, 140)
GOLDEN_ANGLE = 0.38196601125  # of a full turn of hues: colours drawn one after the other are far from each other


@dataclass(frozen=True)
class RemovalRoom:
    """What is in the room.

    Attributes:
        things: all but the target.
        target: the thing that is to be removed.
    """

    things: tuple[Thing, ...]
    target: Thing

    @property
    def everything(self) -> tuple[Thing, ...]:
        """The things, and the target as the last one."""
        return (*self.things, self.target)


def make_removal_room(
    photos: Mapping[str, NDArray], *, rng: np.random.Generator, things_behind: bool = False
) -> RemovalRoom:
    """A room; what stands where, and in which colours, is drawn from `rng`.

    Args:
        photos: from `load_room_photos`.
        things_behind: some of the things stand behind the target, so that it hides parts of them.
    """
    palette = Palette(photos, "train", rng)
    hue = float(rng.random())
    things = [Thing("room", tuple(_shell(palette, hue)))]
    builders = rng.permutation(np.array(CLUTTER, dtype=object))
    for number, (build, place) in enumerate(zip(builders, BEHIND if things_behind else BESIDE, strict=True)):
        x, y = np.array(place) + rng.uniform(-JITTER, JITTER, 2)
        parts = build(palette, (hue + GOLDEN_ANGLE * (number + 1)) % 1)
        things.append(_placed(build.__name__, parts, (float(x), float(y), 0.0), float(rng.uniform(-0.5, 0.5))))
    build = TARGETS[int(rng.integers(len(TARGETS)))]
    target = build(palette, (hue + GOLDEN_ANGLE * len(CLUTTER)) % 1)
    return RemovalRoom(tuple(things), _placed("target", target, TARGET_PLACE, float(rng.uniform(-0.35, 0.35))))


def printed(
    photo: NDArray, width: float, height: float, *, colour: NDArray | None = None, share: float = 1.0
) -> Material:
    """A photograph as a material.

    Args:
        photo: uint8 RGB (H,W,3).
        width, height: metres that it covers.
        colour: RGB (3,) in [0, 1] that the photograph's brightness modulates instead of its own colours.
        share: of the photograph's contrast that is kept.
    """
    scale = TEXELS / max(photo.shape[:2])
    tile = cv2.resize(np.ascontiguousarray(photo), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) / 255.0
    if colour is not None:
        tile = tile.mean(2, keepdims=True) / tile.mean() * colour
    mean = tile.mean((0, 1))
    return Material(np.clip(mean + share * (tile - mean), 0.02, 1).astype(np.float32), (width, height))


def bright(hue: float, *, saturation: float = 0.75, value: float = 0.85) -> NDArray:
    """An RGB colour (3,)."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value))


def _shell(palette: Palette, hue: float) -> list[Part]:
    """Table top, back wall with a picture on it, side wall."""
    rng, photos = palette.rng, palette.photos
    side = float(rng.choice([-1, 1]))
    bricks = printed(photos["brick"].transpose(1, 0, 2), 0.9, 0.9, colour=bright(hue, saturation=0.3, value=0.62))
    plaster = printed(photos["grass"], 0.6, 0.6, colour=bright(hue + 0.5, saturation=0.25, value=0.7), share=0.5)
    name = str(rng.choice(list(PRINTS)))
    middle = -side * float(rng.uniform(0.05, 0.3))
    inner, outer = sorted((side * SIDE_WALL, side * (SIDE_WALL + 0.05)))
    return [
        slab(palette.material("parquet"), (-1.8, 1.8), (-1.0, WALL), (-0.04, 0)),
        slab(bricks, (-2.4, 2.4), (WALL, WALL + 0.05), (-0.3, 2.2)),
        slab(plaster, (inner, outer), (-1.0, WALL), (-0.3, 2.2)),
        Box((middle, WALL, 0.47), (0.2, 0.015, 0.14), printed(_print(palette, name), 0.4, 0.28)),
    ]


def standing_books(palette: Palette, hue: float) -> list[Part]:
    """A row of books."""
    return [slab(palette.material("books"), (-0.16, 0.16), (-0.07, 0.07), (0, 0.23))]


def lying_books(palette: Palette, hue: float) -> list[Part]:
    """A stack of books."""
    return list(books(palette).parts)


def mug(palette: Palette, hue: float) -> list[Part]:
    """A mug with a photograph round it."""
    name = str(palette.rng.choice(list(PRINTS)))
    around = printed(_print(palette, name), np.pi * 0.055, 0.13, colour=bright(hue, value=0.8))
    return [_to_the_front(post(around, 0, 0, (0, 0.13), 0.055))]


def ball(palette: Palette, hue: float) -> list[Part]:
    """A ball with stripes."""
    return [Ball((0, 0, 0.075), (0.075, 0.075, 0.075), _stripes(palette, hue, 0.1))]


def plant(palette: Palette, hue: float) -> list[Part]:
    """A pot with a ball of leaves."""
    pot = printed(palette.photos["gravel"], 0.3, 0.3, colour=bright(hue, saturation=0.5, value=0.6))
    leaves = printed(palette.photos["grass"], 0.25, 0.25, colour=bright(0.3, saturation=0.6, value=0.45))
    return [post(pot, 0, 0, (0, 0.1), 0.07), Ball((0, 0, 0.19), (0.11, 0.11, 0.12), leaves)]


def furry_box(palette: Palette, hue: float) -> list[Part]:
    """A box covered with a cat's fur."""
    fur = printed(_crop(palette.photos["chelsea"], FUR), 0.12, 0.12, colour=bright(hue), share=0.8)
    return [slab(fur, (-0.1, 0.1), (-0.06, 0.06), (0, 0.25))]


def tin(palette: Palette, hue: float) -> list[Part]:
    """A round tin with coins printed on it."""
    label = printed(palette.photos["coins"], 0.2, 0.16, colour=bright(hue), share=0.5)
    return [post(label, 0, 0, (0, 0.25), 0.1)]


def large_ball(palette: Palette, hue: float) -> list[Part]:
    """A large speckled ball."""
    speckles = printed(palette.photos["gravel"], 0.25, 0.25, colour=bright(hue), share=0.8)
    return [Ball((0, 0, 0.13), (0.13, 0.13, 0.13), speckles)]


CLUTTER: tuple[Callable[[Palette, float], list[Part]], ...] = (standing_books, lying_books, mug, ball, plant)
TARGETS: tuple[Callable[[Palette, float], list[Part]], ...] = (furry_box, tin, large_ball)


def _stripes(palette: Palette, hue: float, metres: float) -> Material:
    """Two colours in turn, with some grain."""
    grain = printed(palette.photos["gravel"], metres, metres, colour=np.ones(3), share=0.15).tile
    first, second = bright(hue, value=0.75), bright(hue + 0.08, saturation=0.25, value=0.95)
    half = np.arange(grain.shape[0]) < grain.shape[0] // 2
    return Material((grain * np.where(half[:, None, None], first, second)).astype(np.float32), (metres, metres))


def _to_the_front(part: Part) -> Part:
    """A cylinder turned so that the middle of what is printed round it faces the cameras."""
    return part.moved((0.0, 0.0, 0.0), -np.pi / 2)


def _print(palette: Palette, name: str) -> NDArray:
    return _crop(palette.photos[name], PRINTS[name])


def _crop(photo: NDArray, limits: tuple[int, int, int, int]) -> NDArray:
    top, bottom, left, right = limits
    return photo[top:bottom, left:right]


def _placed(kind: str, parts: list[Part], place: tuple[float, float, float], yaw: float) -> Thing:
    return Thing(kind, tuple(part.moved(place, yaw) for part in parts))
