"""Textures of a street, cut from scikit-image's photographs and painted over: one look per class, varied by chance.

Every texture is a square of brightness in [0, 1], with a mask of where it is solid.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.camouflage import TRAIN_SHARE
from sparsevision.synthetic.street_render import TextureAtlas
from sparsevision.utils import require

SIDE = 64  # texels
PHOTOS = ("astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "rocket")
CLOTHES = ("astronaut", "camera", "chelsea", "coffee", "rocket")
SIGN_FACES = ("coins", "coffee", "rocket", "astronaut")
WALK_PHASES = 8  # pictures of a step cycle
VARIANTS = {
    "building": 4, "wall": 2, "fence": 2, "hedge": 3, "crown": 3, "road": 1, "marking": 1, "sidewalk": 1, "lawn": 1,
    "pole": 2, "sign": 4, "car_side": 3, "car_end": 3, "car_top": 2, "cabin_side": 2, "cabin_end": 2, "person": 4,
}  # fmt: skip


@dataclass(frozen=True)
class Textures:
    """An atlas, and for each kind of texture the numbers of its variants (of a person: the first of its step cycle)."""

    atlas: TextureAtlas
    numbers: dict[str, tuple[int, ...]]


def load_photos() -> dict[str, NDArray]:
    """The photographs, grey in [0, 1], float32 (H, W); nothing is downloaded.

    Raises:
        ImportError: scikit-image is not installed.
    """
    data = require("skimage.data", extra="demo", why="the textures of the synthetic street")
    return {name: _grey(getattr(data, name)()) for name in PHOTOS}


def make_textures(photos: dict[str, NDArray], *, split: str, rng: np.random.Generator) -> Textures:
    """All textures of one street. Training and test streets use separate parts of the photographs."""
    parts = {name: split_columns(photo, split) for name, photo in photos.items()}
    painters: dict[str, Callable[[], NDArray]] = {
        "building": lambda: paint_building(parts, rng),
        "wall": lambda: paint_wall(parts, rng),
        "fence": lambda: paint_fence(rng),
        "hedge": lambda: paint_leaves(parts, rng),
        "crown": lambda: paint_crown(parts, rng),
        "road": lambda: toned(crop(parts["gravel"], rng, side=200), 0.35, 0.12),
        "marking": lambda: toned(crop(parts["gravel"], rng), 0.85, 0.05),
        "sidewalk": lambda: paint_slabs(parts, rng),
        "lawn": lambda: toned(crop(parts["grass"], rng, side=128), 0.32, 0.45),
        "pole": lambda: paint_pole(rng),
        "sign": lambda: paint_sign(parts, rng),
        "car_side": lambda: paint_car_side(rng),
        "car_end": lambda: paint_car_end(rng),
        "car_top": lambda: toned(crop(parts["chelsea"], rng, side=32), rng.uniform(0.3, 0.7), 0.05),
        "cabin_side": lambda: paint_cabin(rng, windows=2),
        "cabin_end": lambda: paint_cabin(rng, windows=1),
        "person": lambda: paint_walk(parts, rng),
    }
    values, solid, numbers = [], [], {}
    for kind, count in VARIANTS.items():
        numbers[kind] = ()
        for _ in range(count):
            painted = painters[kind]()
            pictures = painted if painted.ndim == 3 else painted[None]
            numbers[kind] += (len(values),)
            values += [np.where(np.isnan(picture), np.nanmean(picture), picture) for picture in pictures]
            solid += [~np.isnan(picture) for picture in pictures]
    return Textures(TextureAtlas.of(np.stack(values), np.stack(solid)), numbers)


def split_columns(photo: NDArray, split: str) -> NDArray:
    """The left part of a photograph (H, W) for training, the right part for testing."""
    border = int(photo.shape[1] * TRAIN_SHARE)
    return photo[:, :border] if split == "train" else photo[:, border:]


def crop(photo: NDArray, rng: np.random.Generator, *, side: int = 96) -> NDArray:
    """A square of the photograph, float32 (SIDE, SIDE), mirrored into itself so that it repeats without a seam."""
    side = min(side, *photo.shape)
    top, left = (int(rng.integers(extent - side + 1)) for extent in photo.shape)
    half = cv2.resize(photo[top : top + side, left : left + side], (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    row = np.concatenate([half, half[:, ::-1]], axis=1)
    return np.concatenate([row, row[::-1]])


def toned(picture: NDArray, mean: float, contrast: float) -> NDArray:
    """The picture with this mean brightness and this relative standard deviation, within [0.02, 1]."""
    standard = (picture - picture.mean()) / (picture.std() + 1e-6)
    return np.clip(mean * (1 + contrast * np.clip(standard, -2, 2)), 0.02, 1).astype(np.float32)


def paint_building(parts: dict[str, NDArray], rng: np.random.Generator) -> NDArray:
    """One window with the wall around it: a facade repeats it."""
    wall = toned(crop(parts[str(rng.choice(["coffee", "camera", "gravel"]))], rng), rng.uniform(0.4, 0.65), 0.06)
    width, height = rng.integers(22, 34), rng.integers(30, 42)
    left, top = (SIDE - width) // 2, (SIDE - height) // 2 + int(rng.integers(-4, 5))
    bright = rng.random() < 0.3
    frame, glass = (0.15, 0.85) if bright else (0.9, rng.uniform(0.08, 0.16))
    wall[top - 3 : top + height + 3, left - 3 : left + width + 3] = frame
    wall[top : top + height, left : left + width] = glass
    wall[top + height // 3 : top + height // 3 + 3, left : left + width] = frame
    wall[:, left + width // 2 - 1 : left + width // 2 + 2][top : top + height] = frame
    wall[SIDE - 4 :] *= 0.6
    return wall


def paint_wall(parts: dict[str, NDArray], rng: np.random.Generator) -> NDArray:
    """Bricks."""
    side = int(rng.integers(110, 150))
    photo = parts["brick"]
    top, left = (int(rng.integers(extent - side + 1)) for extent in photo.shape)
    bricks = cv2.resize(photo[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return toned(bricks, rng.uniform(0.3, 0.5), 0.45)


def paint_fence(rng: np.random.Generator) -> NDArray:
    """Pickets and two rails before a dark ground."""
    dark, light = rng.uniform(0.06, 0.14), rng.uniform(0.65, 0.95)
    fence = np.full((SIDE, SIDE), dark, np.float32)
    period = 16
    for left in range(0, SIDE, period):
        fence[4:, left : left + 7] = light
    fence[12:17], fence[46:51] = light * 0.85, light * 0.85
    return fence


def paint_leaves(parts: dict[str, NDArray], rng: np.random.Generator) -> NDArray:
    """Foliage: grass from the photograph, blotched."""
    leaves = toned(crop(parts["grass"], rng, side=int(rng.integers(80, 130))), 0.3, 0.55)
    return np.clip(leaves * (1 + 0.35 * blotches(rng, sigma=5)), 0.02, 1)


def paint_crown(parts: dict[str, NDArray], rng: np.random.Generator) -> NDArray:
    """The foliage of a tree with a ragged outline; NaN where one sees through."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE * 2 - 1
    inside = x**2 + y**2 < 0.75 + 0.25 * blotches(rng, sigma=4)
    return np.where(inside, paint_leaves(parts, rng), np.nan)


def paint_slabs(parts: dict[str, NDArray], rng: np.random.Generator) -> NDArray:
    """Paving slabs, four to a texture, with dark joints."""
    slabs = toned(crop(parts["gravel"], rng), rng.uniform(0.55, 0.7), 0.06)
    half = SIDE // 2
    for row in range(2):
        for column in range(2):
            slabs[row * half : (row + 1) * half, column * half : (column + 1) * half] *= rng.uniform(0.85, 1.15)
    for start in (0, half):
        slabs[start : start + 4], slabs[:, start : start + 4] = 0.2, 0.2
    return np.clip(slabs, 0.02, 1)


def paint_pole(rng: np.random.Generator) -> NDArray:
    """A round post, lit from one side."""
    across = np.linspace(0, np.pi, SIDE, dtype=np.float32)
    light = rng.uniform(0.12, 0.2) + rng.uniform(0.1, 0.5) * np.clip(np.cos(across - rng.uniform(0.2, 1.2)), 0, 1)
    return np.tile(light, (SIDE, 1))


def paint_sign(parts: dict[str, NDArray], rng: np.random.Generator) -> NDArray:
    """A disc, triangle or board with a rim and a symbol; NaN outside."""
    outlines = {
        "disc": cv2.ellipse2Poly((32, 32), (31, 31), 0, 0, 360, 10),
        "triangle": np.array([(32, 1), (63, 60), (1, 60)]),
        "board": np.array([(2, 8), (61, 8), (61, 55), (2, 55)]),
    }
    outline = outlines[str(rng.choice(list(outlines)))]
    body, core = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(body, [outline.astype(np.int32)], 1)
    cv2.fillPoly(core, [((outline - [32, 36]) * 0.68 + [32, 36]).astype(np.int32)], 1)
    face = toned(crop(parts[str(rng.choice(SIGN_FACES))], rng, side=64), 0.85, 0.06)
    sign = np.where(core > 0, face, 0.12).astype(np.float32)
    cv2.rectangle(sign, (28, 26), (36, int(rng.integers(40, 50))), 0.05, -1)
    return np.where(body > 0, sign, np.nan)


def paint_car_side(rng: np.random.Generator) -> NDArray:
    """The lower side of a car: body, two wheels, a sill; NaN below it between the wheels."""
    body = np.full((SIDE, SIDE), rng.choice([0.12, 0.45, 0.8]) * rng.uniform(0.8, 1.2), np.float32)
    body[26:30] *= 0.7
    for x in (31, 32):
        body[:44, x] *= 0.6
    body[44:] = np.nan
    for x in (13, 50):
        cv2.ellipse(body, (x, 46), (8, 17), 0, 0, 360, 0.04, -1)
        cv2.ellipse(body, (x, 46), (4, 8), 0, 0, 360, 0.6, -1)
    return np.where(np.isnan(body), np.nan, np.clip(body, 0.02, 1))


def paint_car_end(rng: np.random.Generator) -> NDArray:
    """The lower back or front of a car: lamps, plate, bumper, wheels; NaN below it."""
    body = np.full((SIDE, SIDE), rng.choice([0.12, 0.45, 0.8]) * rng.uniform(0.8, 1.2), np.float32)
    lamp, plate = rng.choice([0.95, 0.05]), 0.9 if body[0, 0] < 0.6 else 0.08
    body[8:20, 3:15], body[8:20, 49:61] = lamp, lamp
    body[22:32, 22:42] = plate
    body[38:48] = 0.07
    body[50:] = np.nan
    body[44:, 4:16], body[44:, 48:60] = 0.04, 0.04
    return np.where(np.isnan(body), np.nan, np.clip(body, 0.02, 1))


def paint_cabin(rng: np.random.Generator, *, windows: int) -> NDArray:
    """Dark panes in a light frame."""
    cabin = np.full((SIDE, SIDE), rng.uniform(0.3, 0.85), np.float32)
    width = SIDE // windows
    for window in range(windows):
        cabin[10:58, window * width + 5 : (window + 1) * width - 5] = 0.06
        sheen = np.array([(window * width + 9, 54), (window * width + 17, 54), (window * width + 25, 14)], np.int32)
        cv2.fillPoly(cabin, [sheen], 0.35)
    return cabin


def paint_walk(parts: dict[str, NDArray], rng: np.random.Generator) -> NDArray:
    """A person seen from the side in WALK_PHASES moments of two steps, (WALK_PHASES, SIDE, SIDE); NaN around it.

    Head, trunk with swinging arms, legs; the trunk's clothes are cut from a photograph.
    """
    coat = toned(crop(parts[str(rng.choice(CLOTHES))], rng), rng.choice([0.15, 0.8]), 0.25)
    trousers = 0.1 if coat.mean() > 0.4 else rng.uniform(0.5, 0.8)
    skin = rng.uniform(0.45, 0.75)
    return np.stack([_stride(coat, trousers, skin, 2 * np.pi * phase / WALK_PHASES) for phase in range(WALK_PHASES)])


def _stride(coat: NDArray, trousers: float, skin: float, angle: float) -> NDArray:
    """One moment; `angle` of the step cycle. The texture is twice as tall in the world as it is wide."""
    swing = np.sin(angle)
    person = np.full((SIDE, SIDE), np.nan, np.float32)
    for sign in (-1, 1):
        foot = int(32 + sign * 20 * swing)
        cv2.line(person, (32 - 3 * sign, 34), (foot, 62), trousers, 9)
    trunk = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(trunk, (32, 23), (17, 13), 0, 0, 360, 1, -1)
    for sign in (-1, 1):
        cv2.line(trunk, (32 + 10 * sign, 16), (int(32 + 12 * sign - sign * 14 * swing), 34), 1, 6)
    person[trunk > 0] = coat[trunk > 0]
    cv2.ellipse(person, (32, 6), (9, 6), 0, 0, 360, skin, -1)
    return person


def blotches(rng: np.random.Generator, *, sigma: float) -> NDArray:
    """Smooth noise that repeats, mean 0 and standard deviation 1, float32 (SIDE, SIDE)."""
    noise = np.tile(rng.standard_normal((SIDE, SIDE)).astype(np.float32), (3, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)[SIDE : 2 * SIDE, SIDE : 2 * SIDE]
    return (smooth - smooth.mean()) / smooth.std()


def _grey(photo: NDArray) -> NDArray:
    grey = photo if photo.ndim == 2 else cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    return grey.astype(np.float32) / 255
