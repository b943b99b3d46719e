"""Outlines of the things in the synthetic detection world, and the photographs from which some are cut."""

from collections.abc import Callable

import cv2
import numpy as np

from sparsevision.synthetic.camouflage import TRAIN_SHARE
from sparsevision.synthetic.photos import OUTLINES
from sparsevision.utils import require

Outline = list[np.ndarray]  # closed curves (N,2) as (x,y); what lies inside an even number of them is outside
ASTRONAUT = [
    (153, 88), (157, 62), (172, 36), (200, 20), (234, 14), (268, 24), (293, 50), (302, 85), (297, 116), (280, 135),
    (264, 158), (262, 178), (288, 198), (304, 225), (303, 245), (330, 256), (350, 285), (358, 320), (361, 352),
    (330, 364), (302, 385), (286, 420), (60, 420), (60, 330), (62, 258), (108, 226), (113, 190), (130, 166),
    (160, 154), (184, 160), (181, 126), (163, 112),
]  # fmt: skip
COINS = [  # (x, y, radius) in the photograph of 384 x 303 pixels
    (44, 55, 21), (101, 57, 18), (156, 51, 22), (216, 51, 22), (277, 53, 19), (334, 42, 28), (45, 124, 20),
    (103, 126, 18), (154, 128, 18), (206, 124, 19), (271, 118, 24), (336, 124, 18), (43, 197, 18), (102, 195, 20),
    (155, 197, 18), (213, 193, 22), (275, 195, 21), (347, 186, 30), (46, 258, 27), (114, 265, 20), (173, 262, 26),
    (245, 264, 23), (300, 264, 24), (359, 268, 21),
]  # fmt: skip


def _circle(radius: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _ring(rng: np.random.Generator) -> Outline:
    return [_circle(1.0), _circle(rng.uniform(0.45, 0.65))]


def _star(rng: np.random.Generator) -> Outline:
    angles = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2, rng.uniform(0.4, 0.5), 1.0)
    return [np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]]


def _cross(rng: np.random.Generator) -> Outline:
    arm = rng.uniform(0.3, 0.42)
    quarter = np.array([(arm, -1.0), (arm, -arm), (1.0, -arm)])
    turn = np.array([(0.0, 1.0), (-1.0, 0.0)])
    return [np.concatenate([quarter @ np.linalg.matrix_power(turn, count) for count in range(4)])]


def _triangle(rng: np.random.Generator) -> Outline:
    return [np.array([(-1.0, 1.0), (rng.uniform(-0.3, 0.3), -rng.uniform(0.7, 1.2)), (1.0, 1.0)])]


SHAPES: dict[str, Callable[[np.random.Generator], Outline]] = {
    "ring": _ring,
    "star": _star,
    "cross": _cross,
    "triangle": _triangle,
}
CUT_OUTS = ("coin", "cat", "cup", "astronaut")
CLASSES = (*SHAPES, *CUT_OUTS)


def photo_outline(name: str, split: str, rng: np.random.Generator) -> Outline:
    """The outline of a cut-out in pixels of its photograph; the coins of "train" are others than those of "val"."""
    if name != "coin":
        points = {"cat": OUTLINES["chelsea"], "cup": OUTLINES["coffee"], "astronaut": ASTRONAUT}[name]
        return [np.array(points, dtype=float)]
    left = [coin for coin in COINS if (coin[0] < TRAIN_SHARE * 384) == (split == "train")]
    x, y, radius = left[int(rng.integers(len(left)))]
    return [_circle(radius) + np.array([x, y])]


def load_photos() -> dict[str, list[np.ndarray]]:
    """Name of a cut-out -> its photograph, uint8 RGB (H,W,3), and the same at 1/2, 1/4 and 1/8 of the size.

    Raises:
        ImportError: scikit-image is not installed.
    """
    data = require("skimage.data", extra="demo", why="the synthetic detection world")
    coins = np.repeat(data.coins()[..., None], 3, axis=2)
    photos = {"coin": coins, "cat": data.chelsea(), "cup": data.coffee(), "astronaut": data.astronaut()}
    return {name: _pyramid(photo) for name, photo in photos.items()}


def _pyramid(photo: np.ndarray) -> list[np.ndarray]:
    rows, columns = photo.shape[:2]
    sizes = [(columns // factor, rows // factor) for factor in (1, 2, 4, 8)]
    return [cv2.resize(photo, size, interpolation=cv2.INTER_AREA) for size in sizes]
