"""What covers the things of the synthetic detection world: textures, stripes, checks, pieces of photographs."""

import cv2
import numpy as np

CONTRAST = 70.0  # distance in RGB of a fill's colour from what surrounds it, where a few draws find one


def textured(grain: np.ndarray, around: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tinted texture. grain uint8 (h,w,3); around (3,), the mean colour of the background; float32 (h,w,3)."""
    grey = grain.astype(np.float32).mean(axis=2)
    strength = (grey - grey.mean()) / (grey.std() + 8)
    colour = contrasting_colour(around, rng)
    return np.clip(colour * (1 + 0.35 * strength[..., None]), 0, 255).astype(np.float32)


def patterned(height: int, width: int, side: float, around: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Stripes or checks in two colours, some to a thing of `side` pixels; float32 (height,width,3)."""
    first = contrasting_colour(around, rng)
    second = contrasting_colour(first, rng)
    angle, period = rng.uniform(0, np.pi), max(5.0, side * rng.uniform(0.15, 0.35))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    across = np.sin((columns * np.cos(angle) + rows * np.sin(angle)) * (2 * np.pi / period))
    along = np.sin((rows * np.cos(angle) - columns * np.sin(angle)) * (2 * np.pi / period))
    wave = across * along if rng.random() < 0.5 else across
    share = np.clip(0.5 + 2 * wave, 0, 1)[..., None]
    return (first * (1 - share) + second * share).astype(np.float32)


def photographed(pyramid: list[np.ndarray], to_window: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A photograph brought into a window. to_window (2,3): its pixels -> the window's; size (width,height); float32.

    The level of the pyramid is the one that is nearest to the wanted scale from above, so that nothing flickers.
    """
    scale = float(np.sqrt(abs(np.linalg.det(to_window[:, :2]))))
    level = int(np.clip(np.floor(-np.log2(scale)), 0, len(pyramid) - 1))
    matrix = to_window.copy()
    matrix[:, :2] *= 2**level
    source = pyramid[level]
    return cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
        np.float32
    )


def relit(fill: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another brightness and tint, and light from one side. fill float32 (h,w,3) in 0...255; the same back."""
    gain = rng.uniform(0.8, 1.25) * rng.uniform(0.92, 1.08, 3)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.25)
    rows, columns = np.meshgrid(np.linspace(-1, 1, fill.shape[0]), np.linspace(-1, 1, fill.shape[1]), indexing="ij")
    light = 1 + strength * (rows * np.sin(angle) + columns * np.cos(angle))
    return np.clip(fill * gain * light[..., None] + rng.uniform(-15, 15), 0, 255).astype(np.float32)


def contrasting_colour(other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An RGB colour (3,) in 30...230 that differs from `other` by CONTRAST, if one of twelve draws does."""
    draws = rng.uniform(30, 230, (12, 3))
    return draws[int(np.argmax(np.linalg.norm(draws - other, axis=1) > CONTRAST))]
