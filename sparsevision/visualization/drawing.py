"""Draw annotations and predictions on uint8 RGB images (H,W,3); grey and RGBA images come back as RGB.

Every function returns a new array and leaves its input alone. Points and boxes are in pixels, (x, y) with the origin in
the centre of the top-left pixel; what lies outside the image is clipped.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError
from sparsevision.visualization.canvas import (
    BACKGROUND,
    BOX,
    FOREGROUND,
    MASK,
    Colour,
    as_rgb,
    class_colours,
    point_radius,
    stroke_width,
)

COORDINATE_LIMIT = 1 << 14


def draw_mask(
    image: ArrayLike, mask: ArrayLike, *, colour: Colour = MASK, alpha: float = 0.45, contour: bool = True
) -> NDArray:
    """Tint the foreground and draw its outline.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        mask: (H,W) bool, or probabilities in [0, 1] that are cut at 0.5.
        colour: RGB.
        alpha: opacity of the tint; 0 leaves the outline only.
        contour: draw the outline.

    Raises:
        UserError: the mask is not the size of the image.
    """
    drawn, mask = as_rgb(image), _mask_of(mask, image)
    drawn[mask] = _blend(drawn[mask], colour, alpha)
    if contour:
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, colour, stroke_width(drawn))
    return drawn


def draw_points(
    image: ArrayLike, xy: ArrayLike, labels: ArrayLike, *, radius: int | None = None, colours: ArrayLike | None = None
) -> NDArray:
    """Dots with a white rim.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        xy: (n,2) pixels.
        labels: (n,) integers; without `colours`, 1 is foreground (green) and everything else background (red).
        radius: of a dot, in pixels; None follows the image size.
        colours: (C,3) uint8 RGB, one for each label.

    Raises:
        UserError: xy and labels do not match, or a label has no colour.
    """
    drawn = as_rgb(image)
    xy, labels = np.asarray(xy, dtype=float).reshape(-1, 2), np.asarray(labels).reshape(-1)
    if len(xy) != len(labels):
        raise UserError(f"{len(xy)} points but {len(labels)} labels to draw.")
    radius = point_radius(drawn) if radius is None else radius
    for centre, label in zip(_pixels(xy), labels, strict=True):
        cv2.circle(drawn, centre, radius + stroke_width(drawn), (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(drawn, centre, radius, _label_colour(int(label), colours), -1, cv2.LINE_AA)
    return drawn


def draw_box(image: ArrayLike, box: ArrayLike, *, colour: Colour = BOX, label: str = "") -> NDArray:
    """The outline of box (x0, y0, x1, y1) in pixels, with an optional ASCII label inside its upper left corner."""
    drawn = as_rgb(image)
    first, last = _pixels(np.asarray(box, dtype=float).reshape(2, 2))
    cv2.rectangle(drawn, first, last, colour, stroke_width(drawn))
    if label:
        scale = max(0.3, min(drawn.shape[:2]) / 800)
        corner = (max(first[0], 0) + 2, max(first[1], 0) + int(24 * scale))
        cv2.putText(drawn, label, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, stroke_width(drawn), cv2.LINE_AA)
    return drawn


def draw_label_map(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    ignore_index: int | None = None,
    colours: ArrayLike | None = None,
    alpha: float = 0.55,
) -> NDArray:
    """Tint every pixel with the colour of its class.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        labels: (H,W) integer class ids.
        ignore_index: this value is left untinted.
        colours: (C,3) uint8 RGB; None chooses some.
        alpha: opacity.

    Raises:
        UserError: the map is not the size of the image, or a class has no colour.
    """
    drawn, labels = as_rgb(image), _same_size(np.asarray(labels), image, "the label map")
    for label in np.unique(labels):
        if label != ignore_index:
            here = labels == label
            drawn[here] = _blend(drawn[here], _class_colour(int(label), colours), alpha)
    return drawn


def draw_scribbles(
    image: ArrayLike, labels: ArrayLike, *, ignore_index: int, colours: ArrayLike | None = None
) -> NDArray:
    """Sparse labels, opaque and thickened so that single pixels can be seen on a large image.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        labels: (H,W) integer class ids, `ignore_index` where nothing is labelled.
        ignore_index: value of unlabelled pixels.
        colours: (C,3) uint8 RGB; None draws 1 green and 0 red when there are no others, else chooses some.

    Raises:
        UserError: the map is not the size of the image, or a class has no colour.
    """
    drawn, labels = as_rgb(image), _same_size(np.asarray(labels), image, "the sparse label map")
    present = [int(label) for label in np.unique(labels) if label != ignore_index]
    colour_of = _label_colour if set(present) <= {0, 1} else _class_colour
    size = 2 * (point_radius(drawn) // 2) + 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    for label in present:
        drawn[cv2.dilate((labels == label).astype(np.uint8), brush) > 0] = colour_of(label, colours)
    return drawn


def _blend(pixels: NDArray, colour: Colour, alpha: float) -> NDArray:
    return np.rint((1 - alpha) * pixels + alpha * np.array(colour)).astype(np.uint8)


def _mask_of(mask: ArrayLike, image: ArrayLike) -> NDArray:
    mask = _same_size(np.asarray(mask), image, "the mask")
    return mask if mask.dtype == bool else mask > 0.5


def _same_size(layer: NDArray, image: ArrayLike, name: str) -> NDArray:
    size = np.asarray(image).shape[:2]
    if layer.shape != size:
        raise UserError(f"{name} has shape {layer.shape}, but the image is {size} (height, width).")
    return layer


def _pixels(xy: NDArray) -> list[tuple[int, int]]:
    whole = np.clip(np.rint(np.nan_to_num(xy)), -COORDINATE_LIMIT, COORDINATE_LIMIT).astype(int)
    return [(int(x), int(y)) for x, y in whole]


def _label_colour(label: int, colours: ArrayLike | None) -> Colour:
    if colours is not None:
        return _class_colour(label, colours)
    return FOREGROUND if label == 1 else BACKGROUND


def _class_colour(label: int, colours: ArrayLike | None) -> Colour:
    if label < 0:
        raise UserError(f"class id {label} is negative; pass it as ignore_index if it marks unlabelled pixels.")
    table = class_colours(label + 1) if colours is None else np.asarray(colours)
    if label >= len(table):
        raise UserError(
            f"class id {label} has no colour: the palette holds {len(table)}. "
            f"Pass ignore_index={label} if it marks unlabelled pixels."
        )
    return tuple(int(value) for value in table[label])
