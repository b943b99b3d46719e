"""A world of moving shapes: textured things on curved paths over real textures, with exact flow and occlusion.

Things turn and grow while they move, so that their flow is not constant, and hide each other; the background stays
still. Flow, visibility and masks are computed from the paths, not measured in the pictures. Textures are those of the
detection world, with other parts of each for "train" and for "val".
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.camouflage import random_crop, split_part
from sparsevision.synthetic.detection_fills import relit, textured

OUTLINES = ("disc", "square", "star", "clover")
MOST_THINGS = 3
RADII = (0.12, 0.2)  # of the image's side
LENGTHS = (0.2, 0.5)  # of a path's chord, of the image's side
BEND = 0.25  # most that a path's middle is pushed aside, of the chord
MARGIN = 0.15  # that the ends of a path keep from the border, of the image's side
TURN, GROWTH = np.pi / 4, 1.25  # most, over the whole clip
TRIES = 20
ZOOM = 0.5  # of the textures
FINE = 2  # fine pixels across a pixel
GRAIN_REACH = 1.5  # of a thing's texture, in radii
SPLIT_IDS = {"train": 0, "val": 1}
DIRECTIONS = ("right", "down", "left", "up")


@dataclass(frozen=True)
class Thing:
    """A textured shape and its path. Times run from 0, the first frame, to 1, the last one.

    Attributes:
        outline: one of OUTLINES.
        radius: in the first frame, pixels.
        path: (3,2), start, control point and end of the centre's quadratic Bezier curve, (x,y) in pixels.
        angles: first and last, radians.
        growth: last size over the first.
        grain: float32 (n,n,3), its texture, GRAIN_REACH radii around the centre.
        name: what captions call it.
    """

    outline: str
    radius: float
    path: NDArray
    angles: tuple[float, float]
    growth: float
    grain: NDArray
    name: str

    def centre(self, time: float) -> NDArray:
        """(x,y) in pixels."""
        return np.array([(1 - time) ** 2, 2 * time * (1 - time), time**2]) @ self.path

    def to_own(self, xy: NDArray, time: float) -> NDArray:
        """Places (...,2) of an image in the thing's own frame: the centre is 0, its radius 1."""
        return (xy - self.centre(time)) @ np.linalg.inv(self._turn(time)).T

    def to_image(self, own: NDArray, time: float) -> NDArray:
        """The inverse of `to_own`."""
        return own @ self._turn(time).T + self.centre(time)

    def _turn(self, time: float) -> NDArray:
        angle = self.angles[0] + time * (self.angles[1] - self.angles[0])
        size = self.radius * (1 + time * (self.growth - 1))
        return size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def covers(self, xy: NDArray, time: float) -> NDArray[np.bool_]:
        """Whether the places (...,2) lie in the thing, (...)."""
        x, y = np.moveaxis(self.to_own(xy, time), -1, 0)
        if self.outline == "square":
            return np.maximum(np.abs(x), np.abs(y)) < 0.85
        edge = {"disc": (0, 0), "star": (0.3, 5), "clover": (0.2, 4)}[self.outline]
        return np.hypot(x, y) < 1 + edge[0] * np.cos(edge[1] * np.arctan2(y, x))

    def colours(self, xy: NDArray, time: float) -> NDArray[np.float32]:
        """Its texture at the places (H,W,2) of an image, (H,W,3) in 0...255."""
        places = (self.to_own(xy, time) / GRAIN_REACH + 1) / 2 * (len(self.grain) - 1)
        x, y = np.moveaxis(places.astype(np.float32), -1, 0)
        return cv2.remap(self.grain, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


@dataclass(frozen=True)
class Clip:
    """A clip of F + 1 frames and its truth; flow and visibility lead from the first frame to each later one.

    Attributes:
        frames: uint8 RGB (F+1,H,W,3).
        flow: float32 (F,2,H,W), displacement (dx,dy) in pixels of what is seen in the first frame.
        visible: bool (F,H,W), whether it is inside the later frame and nothing hides it there.
        objects: uint8 (H,W), 1, 2, ... for the thing that is seen in the first frame, 0 for the background.
        centres: float32 (things,F+1,2), (x,y) of every thing's centre.
        caption: what moves where.
    """

    frames: NDArray[np.uint8]
    flow: NDArray[np.float32]
    visible: NDArray[np.bool_]
    objects: NDArray[np.uint8]
    centres: NDArray[np.float32]
    caption: str


def make_clip(
    textures: Mapping[str, NDArray], *, split: str, index: int, seed: int, size: int = 64, frames: int = 16
) -> Clip:
    """Clip number `index` of a split; the same arguments give the same clip, whatever else is made.

    Args:
        textures: name -> uint8 RGB (H,W,3), as `detection_world.load_sources().textures`.
        split: "train" or "val".
        index: running number.
        seed: seed of the whole set.
        size: side of the square frames, pixels.
        frames: of the clip, the first included.
    """
    rng = np.random.default_rng([seed, SPLIT_IDS[split], index])
    names = [str(name) for name in rng.permutation(sorted(textures))]
    background = relit(random_crop(split_part(textures[names[0]], split), rng, size, zoom=ZOOM), rng)
    things: list[Thing] = []
    for name in names[1 : 1 + int(rng.integers(1, MOST_THINGS + 1))]:
        _add_thing(things, textures[name], name, background, split, rng)
    times = np.linspace(0, 1, frames)
    objects = _owners(things, _grid(size), 0.0)
    flow, visible = _truth(things, objects, times[1:])
    return Clip(
        frames=np.stack([_paint(background, things, time) for time in times]),
        flow=flow,
        visible=visible,
        objects=objects,
        centres=np.array([[thing.centre(time) for time in times] for thing in things], np.float32),
        caption=", ".join(f"a {thing.name} {thing.outline} moves {_direction(thing)}" for thing in things),
    )


def _add_thing(
    things: list[Thing], texture: NDArray, name: str, background: NDArray, split: str, rng: np.random.Generator
) -> None:
    """One more thing whose path ends inside the image and which hides no other at first, if a few draws find one."""
    size = len(background)
    radius, outline = size * rng.uniform(*RADII), OUTLINES[int(rng.integers(len(OUTLINES)))]
    path = next((path for path in (_path(size, rng) for _ in range(TRIES)) if _free(things, path, radius, size)), None)
    if path is None:
        if things:
            return
        path = np.array([[0.3, 0.5], [0.5, 0.5], [0.6, 0.5]]) * size
    grain = random_crop(split_part(texture, split), rng, int(np.ceil(2 * GRAIN_REACH * radius)), zoom=ZOOM)
    first = rng.uniform(-np.pi, np.pi)
    things.append(
        Thing(
            outline=outline,
            radius=radius,
            path=path,
            angles=(first, first + rng.uniform(-TURN, TURN)),
            growth=float(np.exp(rng.uniform(-1, 1) * np.log(GROWTH))),
            grain=textured(grain, background.reshape(-1, 3).mean(axis=0), rng),
            name=name.replace("_", " "),
        )
    )


def _path(size: int, rng: np.random.Generator) -> NDArray:
    start = rng.uniform(MARGIN, 1 - MARGIN, 2) * size
    angle, length = rng.uniform(-np.pi, np.pi), size * rng.uniform(*LENGTHS)
    chord = length * np.array([np.cos(angle), np.sin(angle)])
    aside = np.array([-chord[1], chord[0]]) * rng.uniform(-1, 1) * 2 * BEND
    return np.stack([start, start + chord / 2 + aside, start + chord])


def _free(things: list[Thing], path: NDArray, radius: float, size: int) -> bool:
    inside = (path[2] >= MARGIN * size).all() and (path[2] <= (1 - MARGIN) * size).all()
    return bool(inside) and all(
        np.linalg.norm(thing.path[0] - path[0]) > 1.2 * (thing.radius + radius) for thing in things
    )


def _direction(thing: Thing) -> str:
    x, y = thing.path[2] - thing.path[0]
    return DIRECTIONS[int(np.rint(np.arctan2(y, x) / (np.pi / 2))) % 4]


def _grid(size: int, fine: int = 1) -> NDArray:
    """(x,y) of the centres of (fine) pixels, (size*fine,size*fine,2)."""
    line = (np.arange(size * fine) + 0.5) / fine - 0.5
    return np.stack(np.meshgrid(line, line), axis=-1)


def _owners(things: list[Thing], xy: NDArray, time: float) -> NDArray[np.uint8]:
    """The topmost thing's number at the places (...,2), 0 where there is none; later things lie on top."""
    owners = np.zeros(xy.shape[:-1], np.uint8)
    for number, thing in enumerate(things, start=1):
        owners[thing.covers(xy, time)] = number
    return owners


def _truth(things: list[Thing], objects: NDArray, times: NDArray) -> tuple[NDArray, NDArray]:
    """Where every pixel of the first frame goes, minus where it is, and whether it can be seen there."""
    size = len(objects)
    xy = _grid(size)
    flow, visible = np.zeros((len(times), 2, size, size), np.float32), np.zeros((len(times), size, size), bool)
    for step, time in enumerate(times):
        there = xy.copy()
        for number, thing in enumerate(things, start=1):
            own = objects == number
            there[own] = thing.to_image(thing.to_own(xy[own], 0.0), time)
        flow[step] = np.moveaxis(there - xy, -1, 0)
        inside = ((there >= -0.5) & (there < size - 0.5)).all(axis=-1)
        hidden = [thing.covers(there, time) & (objects < number) for number, thing in enumerate(things, start=1)]
        visible[step] = inside & ~np.any(hidden, axis=0)
    return flow, visible


def _paint(background: NDArray, things: list[Thing], time: float) -> NDArray[np.uint8]:
    size = len(background)
    xy = _grid(size, FINE)
    fine = np.repeat(np.repeat(background, FINE, axis=0), FINE, axis=1)
    for thing in things:
        inside = thing.covers(xy, time)
        fine[inside] = thing.colours(xy, time)[inside]
    return np.rint(fine.reshape(size, FINE, size, FINE, 3).mean(axis=(1, 3))).astype(np.uint8)
