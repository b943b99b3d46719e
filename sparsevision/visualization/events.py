"""Pictures of events, and the row of panels that shows what was made of them."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError
from sparsevision.visualization.drawing import draw_label_map, draw_points, draw_scribbles
from sparsevision.visualization.panels import INK, side_by_side

BRIGHTER = (214, 40, 40)
DARKER = (30, 80, 220)
FAINTEST = 0.35  # opacity of a single event
FULL_AT = 99  # percentile of what there is that gets the full colour
LEGEND_ROW = 20
SWATCH = 12
ABSENT = 235  # grey of a panel for which there is nothing
MIN_HEIGHT = 240  # of a panel; sensors with fewer rows are enlarged
FADED = 0.6  # share of white laid over the events behind clicks
MOST_DOTS = 1000  # more labelled pixels are no clicks, and drawn as scribbles


def draw_events(x: ArrayLike, y: ArrayLike, p: ArrayLike, *, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Events on white: red where brighter ones prevail, blue where darker ones do, the stronger the more.

    Args:
        x, y: (N,) columns and rows in pixels; fractions are rounded, and what lies outside is left out.
        p: (N,) 1 for brighter, 0 for darker.
        size: (height, width) of the picture.

    Returns:
        uint8 RGB (height, width, 3).
    """
    height, width = size
    columns, rows = (np.floor(np.asarray(values, np.float64) + 0.5) for values in (x, y))
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    cells = rows[inside].astype(np.int64) * width + columns[inside].astype(np.int64)
    signs = np.where(np.asarray(p)[inside] > 0, 1.0, -1.0)
    return _red_and_blue(np.bincount(cells, signs, minlength=height * width).reshape(height, width))


def draw_event_grid(grid: ArrayLike) -> NDArray[np.uint8]:
    """A signed event grid (channels, H, W) as `draw_events` draws events: the sum of its channels.

    Raises:
        UserError: another number of axes.
    """
    grid = np.asarray(grid, dtype=np.float64)
    if grid.ndim != 3 or grid.size == 0:
        raise UserError(f"an event grid must be (channels, height, width), got shape {grid.shape}.")
    return _red_and_blue(grid.sum(axis=0))


def draw_legend(names: Sequence[str], colours: ArrayLike, *, width: int) -> NDArray[np.uint8]:
    """Names of classes beside squares of their colours, uint8 RGB of this width, as many rows as they take.

    Args:
        names: of the classes.
        colours: (C, 3) uint8 RGB, one for each.
        width: in pixels.

    Raises:
        UserError: another number of colours than of names.
    """
    colours = np.asarray(colours, np.uint8).reshape(-1, 3)
    if len(colours) != len(names):
        raise UserError(f"a legend needs one colour a class: {len(names)} names, {len(colours)} colours.")
    places, left, row = [], 4, 0
    for name in names:
        taken = SWATCH + 6 + cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)[0][0] + 12
        if left + taken > width and left > 4:
            left, row = 4, row + 1
        places.append((left, row * LEGEND_ROW + 4))
        left += taken
    picture = np.full(((row + 1) * LEGEND_ROW, width, 3), 255, np.uint8)
    for name, colour, (x, y) in zip(names, colours, places, strict=True):
        cv2.rectangle(picture, (x, y), (x + SWATCH, y + SWATCH), colour.tolist(), -1)
        cv2.rectangle(picture, (x, y), (x + SWATCH, y + SWATCH), INK, 1)
        at = (x + SWATCH + 6, y + SWATCH - 1)
        cv2.putText(picture, name.encode("ascii", "replace").decode(), at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1)
    return picture


def enlarged(picture: NDArray) -> NDArray:
    """A picture or class map (H, W, ...) with its pixels as squares, so that it has at least `MIN_HEIGHT` rows."""
    factor = -(-MIN_HEIGHT // picture.shape[0])
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def draw_clicks(
    canvas: NDArray[np.uint8], labels: ArrayLike, *, colours: ArrayLike, ignore_index: int = 255
) -> NDArray[np.uint8]:
    """A dot for each labelled pixel, on a faded and, where small, enlarged canvas; as scribbles if there are many.

    Args:
        canvas: uint8 RGB (H, W, 3).
        labels: (H, W) class ids.
        colours: (C, 3) uint8 RGB.
        ignore_index: value of unlabelled pixels.

    Raises:
        UserError: a map of another size than the canvas, or a class without a colour.
    """
    labels = np.asarray(labels)
    faded = enlarged(np.rint(FADED * 255 + (1 - FADED) * canvas).astype(np.uint8))
    rows, columns = np.nonzero(labels != ignore_index)
    if labels.shape != canvas.shape[:2] or len(rows) > MOST_DOTS:
        return draw_scribbles(faded, enlarged(labels), ignore_index=ignore_index, colours=colours)
    factor = len(faded) // len(canvas)
    places = (np.stack([columns, rows], axis=1) + 0.5) * factor - 0.5
    return draw_points(faded, places, labels[rows, columns], colours=colours)


def draw_event_frame(
    canvas: NDArray[np.uint8],
    layers: Mapping[str, ArrayLike | None],
    *,
    names: Sequence[str],
    colours: ArrayLike,
    ignore_index: int = 255,
) -> NDArray[np.uint8]:
    """Events and class maps side by side above a legend.

    Args:
        canvas: picture of the events, uint8 RGB (H, W, 3).
        layers: {title: (H, W) class ids}; "clicks" are drawn by `draw_clicks`, the others as a tint over the events;
            None gives an empty panel, so that the frames of a video are of one size.
        names, colours: of the classes.
        ignore_index: value of unlabelled pixels.

    Raises:
        UserError: a map of another size than the canvas, or a class without a colour.
    """
    panels = {"events": enlarged(canvas)}
    options = {"ignore_index": ignore_index, "colours": colours}
    for title, labels in layers.items():
        if labels is None:
            panels[title] = np.full_like(panels["events"], ABSENT)
        elif title == "clicks":
            panels[title] = draw_clicks(canvas, labels, **options)
        else:
            panels[title] = enlarged(draw_label_map(canvas, labels, **options))
    row = side_by_side(list(panels.values()), list(panels))
    return np.vstack([row, draw_legend(names, colours, width=row.shape[1])])


def _red_and_blue(balance: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Signed values (H, W) as colours on white."""
    size = np.abs(balance)
    there = size > 1e-6
    full = np.percentile(size[there], FULL_AT) if there.any() else 1.0
    opacity = np.where(there, FAINTEST + (1 - FAINTEST) * np.minimum(size / full, 1), 0)[..., None]
    colour = np.where(balance[..., None] > 0, np.array(BRIGHTER), np.array(DARKER))
    return np.rint((1 - opacity) * 255 + opacity * colour).astype(np.uint8)
