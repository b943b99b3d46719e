"""A small camouflage set: animal outlines filled with the texture that surrounds them, from real photographs.

Background and coat are two crops of the same photograph or texture of scikit-image. The coat is turned, enlarged,
matched to the colours around it and shaded as if the body were round and lit from above: shading, scale and the broken
texture at the outline are what gives the animal away, as in nature. Train and test crops come from separate parts of
each source.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from sparsevision.synthetic.silhouettes import animal_silhouette
from sparsevision.utils import require

SOURCES = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "retina",
    "rocket",
    "motorcycle",
)
TRAIN_SHARE = 0.6  # of each source's width; the rest is for testing
SPLIT_IDS = {"train": 0, "test": 1}


@dataclass(frozen=True)
class Scene:
    """One picture: image uint8 RGB (S, S, 3), mask bool (S, S), and the source that it was cut from."""

    image: np.ndarray
    mask: np.ndarray
    source: str


def load_sources() -> dict[str, np.ndarray]:
    """The photographs and textures in scikit-image's wheel, uint8 RGB (H, W, 3) each; nothing is downloaded.

    Raises:
        ImportError: scikit-image is not installed.
    """
    data = require("skimage.data", extra="demo", why="the synthetic camouflage set")
    special: dict[str, Callable[[], np.ndarray]] = {
        "motorcycle": lambda: data.stereo_motorcycle()[0],
        "retina": lambda: data.retina()[300:1100, 250:1150],
    }
    return {name: _rgb(special.get(name, getattr(data, name, None))()) for name in SOURCES}


def make_scene(sources: dict[str, np.ndarray], *, split: str, index: int, seed: int, size: int = 128) -> Scene:
    """Paint picture number `index` of a split; the same arguments give the same picture, whatever else is made.

    Args:
        sources: from `load_sources`.
        split: "train" or "test": which part of the sources is used.
        index: running number.
        seed: seed of the whole set.
        size: side in pixels.
    """
    rng = np.random.default_rng([seed, SPLIT_IDS[split], index])
    names = sorted(sources)
    source = names[int(rng.integers(len(names)))]
    part = split_part(sources[source], split)
    background = random_crop(part, rng, size, zoom=rng.uniform(0.8, 1.3))
    coat = turned(random_crop(part, rng, size, zoom=rng.uniform(1.4, 2.2)), rng)
    mask = animal_silhouette(rng, size)
    coat = match_colours(coat, background, mask, rng) * relief(mask, strength=rng.uniform(0.5, 0.9))[..., None]
    opacity = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigmaX=0.6)[..., None]
    image = background * (1 - opacity) + np.clip(coat, 0, 255) * opacity
    return Scene(np.rint(image).astype(np.uint8), mask, source)


def split_part(source: np.ndarray, split: str) -> np.ndarray:
    """The left part of a source (H, W, 3) for training, the right part for testing; they do not overlap."""
    border = int(source.shape[1] * TRAIN_SHARE)
    return source[:, :border] if split == "train" else source[:, border:]


def random_crop(part: np.ndarray, rng: np.random.Generator, size: int, *, zoom: float) -> np.ndarray:
    """A square crop resized to `size`, magnified `zoom` times (more if the part is too small). Returns uint8 RGB."""
    side = min(int(size / zoom), *part.shape[:2])
    top = int(rng.integers(part.shape[0] - side + 1))
    left = int(rng.integers(part.shape[1] - side + 1))
    crop = np.ascontiguousarray(part[top : top + side, left : left + side])
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)


def turned(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn (S, S, 3) by 20 to 160 degrees about its centre, mirrored at the borders."""
    size = len(image)
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), float(rng.uniform(20, 160)), 1.0)
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def match_colours(
    coat: np.ndarray, background: np.ndarray, mask: np.ndarray, rng: np.random.Generator, *, noise: float = 0.06
) -> np.ndarray:
    """Give `coat` the mean and spread that `background` has around the mask, but for a small random difference.

    The difference in hue shrinks with the colourfulness of the surroundings: a tint on grey stones would be no
    camouflage. coat, background uint8 (S, S, 3); mask bool (S, S); noise in units of 255; returns float32 (S, S, 3).
    """
    around = cv2.dilate(mask.astype(np.uint8), np.ones((15, 15), np.uint8)).astype(bool)
    wanted, have = background[around].astype(np.float32), coat[mask].astype(np.float32)
    spread = (wanted.std(0) + 6) / (have.std(0) + 6)
    colourfulness = min(1.0, float(np.ptp(wanted, axis=1).mean()) / 40)
    shift = rng.normal(0, 255 * noise / 2) + rng.normal(0, 255 * noise / 2, 3) * colourfulness
    return ((coat - have.mean(0)) * np.clip(spread, 0.5, 2.0) + wanted.mean(0) + shift).astype(np.float32)


def relief(mask: np.ndarray, *, strength: float) -> np.ndarray:
    """Brightness factors of a round body lit from above, float32 (S, S), 1 outside.

    The body's height over the picture is the distance to its outline, smoothed; slopes that face up are brighter.
    """
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    height = cv2.GaussianBlur(np.sqrt(distance), (0, 0), sigmaX=len(mask) / 64)
    slope = np.gradient(height, axis=0).astype(np.float32)
    return np.where(mask, 1 + strength * np.clip(slope, -0.5, 0.5), 1).astype(np.float32)


def _rgb(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
