"""A small detection world: textured shapes and cut-outs of photographs, pasted over real textures.

Background and fills are crops of the photographs and textures that scikit-image carries; those of "train" and of "val"
come from separate parts of each, and their coins are others. Of cat, cup and astronaut there is one photograph. Things
are scaled, turned, mirrored and relit, and hide each other, but none by more than half: what would be hidden further is
not put there, so that every thing in a picture has its box.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from sparsevision.synthetic.camouflage import split_part
from sparsevision.synthetic.detection_fills import patterned, photographed, relit, textured
from sparsevision.synthetic.detection_outlines import CLASSES, SHAPES, Outline, load_photos, photo_outline
from sparsevision.utils import require

TEXTURES = ("brick", "grass", "gravel", "hubble_deep_field", "immunohistochemistry", "moon", "retina")
SIZES = ((192, 256),) * 5 + ((192, 224), (160, 256), (208, 208))  # (height, width), one is drawn
MOST_THINGS = 8
SIDES = (24.0, 150.0)  # pixels of a thing, the root of its box's area before it is turned; even on a log scale
VISIBLE_SHARE = 0.5
TRIES = 12  # places tried for a thing
MARGIN = 0.25  # of a thing's side, by which its centre keeps away from the border
SPLIT_IDS = {"train": 0, "val": 1}
SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Sources:
    """What pictures are made of: textures name -> uint8 RGB (H,W,3), photos as `load_photos` returns them."""

    textures: dict[str, np.ndarray]
    photos: dict[str, list[np.ndarray]]


@dataclass
class Picture:
    """A picture and its truth.

    Attributes:
        image: uint8 RGB (H,W,3).
        owner: int (H,W), the number of the thing that is seen at a pixel, -1 for the background.
        labels: class index of every thing, into CLASSES.
        full_areas: pixels of every thing, were it whole and alone.
    """

    image: np.ndarray
    owner: np.ndarray
    labels: list[int] = field(default_factory=list)
    full_areas: list[int] = field(default_factory=list)

    def boxes(self) -> np.ndarray:
        """Tight edges (x0,y0,x1,y1) around the visible pixels of every thing, float32 (n,4)."""
        found = [np.nonzero(self.owner == number) for number in range(len(self.labels))]
        boxes = [(x.min(), y.min(), x.max() + 1, y.max() + 1) for y, x in found]
        return np.array(boxes, np.float32).reshape(-1, 4)

    def areas(self) -> np.ndarray:
        """Visible pixels of every thing, int (n,)."""
        return np.bincount(self.owner[self.owner >= 0], minlength=len(self.labels))


def load_sources() -> Sources:
    """Textures and photographs in scikit-image's wheel; nothing is downloaded.

    Raises:
        ImportError: scikit-image is not installed.
    """
    data = require("skimage.data", extra="demo", why="the synthetic detection world")
    images = {name: getattr(data, name)() for name in TEXTURES}
    images["retina"] = images["retina"][300:1100, 250:1150]  # without the black around it
    return Sources({name: _rgb(image) for name, image in images.items()}, load_photos())


def make_picture(sources: Sources, *, split: str, index: int, seed: int) -> Picture:
    """Paint picture number `index` of a split; the same arguments give the same picture, whatever else is made.

    Args:
        sources: from `load_sources`.
        split: "train" or "val": which parts of the sources are used.
        index: running number.
        seed: seed of the whole set.
    """
    rng = np.random.default_rng([seed, SPLIT_IDS[split], index])
    names = list(TEXTURES)
    height, width = SIZES[int(rng.integers(len(SIZES)))]
    background = names.pop(int(rng.integers(len(names))))
    image = relit(_crop(sources.textures[background], split, (height, width), rng), rng)
    picture = Picture(np.rint(image).astype(np.uint8), np.full((height, width), -1))
    for _ in range(int(rng.integers(1, MOST_THINGS + 1))):
        _add_thing(picture, sources, names, split, rng)
    return picture


@dataclass(frozen=True)
class _Place:
    """Where a thing lies: rows and columns of its window, opacity float32 (h,w) there, area were it whole and alone."""

    rows: slice
    columns: slice
    opacity: np.ndarray
    full_area: float

    @property
    def size(self) -> tuple[int, int]:
        return self.opacity.shape


def _add_thing(picture: Picture, sources: Sources, textures: list[str], split: str, rng: np.random.Generator) -> None:
    """Paint one more thing, unless it finds no place. textures: those that the background does not have."""
    label = int(rng.integers(len(CLASSES)))
    name, side = CLASSES[label], float(np.exp(rng.uniform(*np.log(SIDES))))
    outline = SHAPES[name](rng) if name in SHAPES else photo_outline(name, split, rng)
    matrix = _pose(outline, side, upright=name in ("cat", "cup", "astronaut"), rng=rng)
    place = _find_place(picture, outline, matrix, side, rng)
    if place is None:
        return
    if name in sources.photos:
        to_window = matrix - [[0, 0, place.columns.start], [0, 0, place.rows.start]]
        fill = photographed(sources.photos[name], to_window, place.size[::-1])
    else:
        around = picture.image[place.rows, place.columns].reshape(-1, 3).mean(axis=0)
        if rng.random() < 0.5:
            texture = sources.textures[textures[int(rng.integers(len(textures)))]]
            fill = textured(_crop(texture, split, place.size, rng), around, rng)
        else:
            fill = patterned(*place.size, side, around, rng)
    _paste(picture, relit(fill, rng), place)
    picture.labels.append(label)
    picture.full_areas.append(round(place.full_area))


def _pose(outline: Outline, side: float, *, upright: bool, rng: np.random.Generator) -> np.ndarray:
    """Scaled to `side`, turned (by 25 degrees at most if upright), perhaps mirrored; centred at (0,0). Float (2,3)."""
    low, high = outline[0].min(axis=0), outline[0].max(axis=0)
    scale = side / np.sqrt(np.prod(high - low))
    angle = rng.uniform(-1, 1) * (np.radians(25) if upright else np.pi)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn[:, 0] *= rng.choice([-1.0, 1.0])
    return np.column_stack([turn, -turn @ (low + high) / 2])


def _find_place(
    picture: Picture, outline: Outline, matrix: np.ndarray, side: float, rng: np.random.Generator
) -> _Place | None:
    """Move a thing (matrix is changed) to where it and all before it are seen by half at least; None if nowhere."""
    size = np.array(picture.owner.shape[::-1])
    centred, margin = matrix[:, 2].copy(), MARGIN * side
    for _ in range(TRIES):
        matrix[:, 2] = centred + rng.uniform(margin, size - margin)
        place = _place(outline, matrix, picture.owner.shape)
        if place is not None and _all_seen(picture, place):
            return place
    return None


def _place(outline: Outline, matrix: np.ndarray, shape: tuple[int, int]) -> _Place | None:
    """The window of an outline in a picture of this shape (height,width); None if it lies outside."""
    curves = [curve @ matrix[:, :2].T + matrix[:, 2] for curve in outline]
    low = np.maximum(np.floor(curves[0].min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(curves[0].max(axis=0)).astype(int) + 2, shape[::-1])
    if (low >= high).any():
        return None
    opacity = np.zeros((high - low)[::-1], np.uint8)
    fixed = [np.rint((curve - low) * 2**SUBPIXEL_BITS).astype(np.int32) for curve in curves]
    cv2.fillPoly(opacity, fixed, 255, cv2.LINE_AA, SUBPIXEL_BITS)
    areas = [cv2.contourArea(curve.astype(np.float32)) for curve in curves]
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    return _Place(rows, columns, opacity.astype(np.float32) / 255, areas[0] - sum(areas[1:]))


def _all_seen(picture: Picture, place: _Place) -> bool:
    """Whether the thing at `place`, and every thing before it, would be visible by VISIBLE_SHARE."""
    covered = place.opacity > 0.5
    hidden = picture.owner[place.rows, place.columns][covered]
    hidden = np.bincount(hidden[hidden >= 0], minlength=len(picture.labels))
    left = picture.areas() - hidden
    return covered.sum() >= VISIBLE_SHARE * place.full_area and bool(
        (left >= VISIBLE_SHARE * np.array(picture.full_areas)).all()
    )


def _paste(picture: Picture, fill: np.ndarray, place: _Place) -> None:
    window = picture.image[place.rows, place.columns]
    opacity = place.opacity[..., None]
    window[:] = np.rint(window * (1 - opacity) + fill * opacity)
    picture.owner[place.rows, place.columns][place.opacity > 0.5] = len(picture.labels)


def _crop(texture: np.ndarray, split: str, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A random piece of the split's part of a texture, magnified 0.8 to 1.5 times; uint8 (height,width,3)."""
    part = split_part(texture, split)
    zoom = max(rng.uniform(0.8, 1.5), *(wanted / have for wanted, have in zip(size, part.shape[:2], strict=True)))
    height, width = (max(1, int(wanted / zoom)) for wanted in size)
    top, left = int(rng.integers(part.shape[0] - height + 1)), int(rng.integers(part.shape[1] - width + 1))
    return cv2.resize(part[top : top + height, left : left + width], size[::-1], interpolation=cv2.INTER_LINEAR)


def _rgb(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
