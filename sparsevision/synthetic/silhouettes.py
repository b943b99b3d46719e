"""Random outlines that resemble animals: a curved body with head, ears, legs and tail."""

import cv2
import numpy as np

OVERSAMPLING = 4


def animal_silhouette(rng: np.random.Generator, size: int, *, area: tuple[float, float] = (0.06, 0.25)) -> np.ndarray:
    """Draw one animal-like outline.

    Args:
        rng: source of randomness.
        size: side of the square mask in pixels.
        area: smallest and largest share of the square that it may cover.

    Returns:
        bool (size, size), one connected shape that may touch the border.
    """
    while True:
        canvas = np.zeros((size * OVERSAMPLING,) * 2, np.uint8)
        _draw_animal(canvas, rng)
        canvas = cv2.GaussianBlur(canvas, (0, 0), sigmaX=OVERSAMPLING * size / 128)
        mask = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA) > 127
        mask = _largest_component(mask)
        if area[0] <= mask.mean() <= area[1]:
            return mask


def _draw_animal(canvas: np.ndarray, rng: np.random.Generator) -> None:
    """Paint 255 into canvas (S, S). The animal's frame: x from tail to head, y downwards, unit = body length."""
    length = rng.uniform(0.35, 0.6) * len(canvas)
    to_canvas = _random_pose(rng, len(canvas), length)
    girth = rng.uniform(0.13, 0.24)
    bend = rng.uniform(-0.15, 0.15)
    spine = np.linspace(-0.5, 0.5, 40)
    heights = bend * (4 * spine**2 - 1) * -1
    radii = girth * np.sin(np.pi * np.linspace(0.18, 0.85, 40)) ** rng.uniform(0.5, 1.2)
    limbs = [(np.stack([spine, heights], 1), radii), *_legs(rng, girth, bend), _tail(rng, girth), *_head(rng, girth)]
    for points, widths in limbs:
        for centre, radius in zip(to_canvas(points), widths, strict=True):
            cv2.circle(canvas, tuple(int(value) for value in centre), max(1, int(radius * length)), 255, -1)


def _random_pose(rng: np.random.Generator, side: int, length: float):
    """A function from the animal's frame (N, 2) to canvas pixels: turned, perhaps mirrored, centred near the middle."""
    angle = rng.normal(0, 0.4)
    mirror = rng.choice([-1.0, 1.0])
    centre = side * (0.5 + rng.uniform(-0.22, 0.22, 2))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def to_canvas(points: np.ndarray) -> np.ndarray:
        return (points * [mirror, 1.0]) @ rotation.T * length + centre

    return to_canvas


def _legs(rng: np.random.Generator, girth: float, bend: float) -> list[tuple[np.ndarray, np.ndarray]]:
    reach = rng.uniform(0.6, 1.8) * girth
    thickness = girth * rng.uniform(0.15, 0.3)
    hips = rng.choice([-0.36, -0.26, 0.24, 0.33], size=rng.integers(2, 5), replace=False)
    along = np.linspace(0, 1, 25)
    legs = []
    for hip in hips:
        sway = rng.uniform(-0.12, 0.12)
        points = np.stack([hip + sway * along, bend * (1 - 4 * hip**2) + (girth * 0.5 + reach) * along], 1)
        legs.append((points, thickness * (1.3 - 0.6 * along)))
    return legs


def _tail(rng: np.random.Generator, girth: float) -> tuple[np.ndarray, np.ndarray]:
    along = np.linspace(0, 1, 40)
    curl = rng.uniform(-1.5, 1.5)
    reach = rng.uniform(0.1, 0.4)
    points = np.stack([-0.48 - reach * np.cos(curl * along) * along, -reach * np.sin(curl * along) * along], 1)
    return points, girth * rng.uniform(0.15, 0.35) * (1 - 0.7 * along)


def _head(rng: np.random.Generator, girth: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Head, snout and two ears, each as discs along a line."""
    radius = girth * rng.uniform(0.5, 0.8)
    along = np.linspace(0, 1, 12)[:, None]
    centre = np.array([0.5 + radius * rng.uniform(0.4, 0.9), rng.uniform(-0.8, 0.3) * girth])
    neck = np.array([0.38, 0.0]) * (1 - along) + centre * along
    snout = centre + along * [radius * rng.uniform(0.8, 1.5), radius * rng.uniform(0.0, 0.5)]
    ears = [centre + along * [radius * lean, -radius * rng.uniform(1.0, 1.7)] for lean in (-0.55, 0.15)]
    shrink = 1 - 0.5 * along[:, 0]
    return [
        (neck, np.full(12, radius)),
        (snout, radius * 0.7 * shrink),
        *((ear, radius * 0.35 * shrink) for ear in ears),
    ]


def _largest_component(mask: np.ndarray) -> np.ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return mask
    return labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
