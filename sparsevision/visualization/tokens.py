"""Which tokens of a feature pyramid an encoder keeps, over the photograph.

A token is a pixel of a level; the levels are numbered in one row, the finest first, each row by row.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from mmengine.structures import BaseDataElement
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError
from sparsevision.visualization.canvas import as_rgb, class_colours
from sparsevision.visualization.panels import heatmap_overlay, side_by_side

DIMMED = 0.25  # of the brightness, where no level keeps a token
DOT = 0.12  # of a token's cell
COLUMNS = 4  # panels in a row
PANEL_HEIGHT = 300

Shapes = Sequence[tuple[int, int]]


def draw_kept_tokens(
    image: ArrayLike, kept: ArrayLike, shapes: Shapes, *, covered: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.uint8]:
    """The photograph, grey and dark where no token of any level is kept, with a dot on every one that is.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        kept: (k,) token numbers.
        shapes: (height, width) of each level.
        covered: (height, width), the share of the levels that shows the image; the rest, right and below, is padding.

    Returns:
        uint8 RGB; a dot's colour tells its level, its size grows with the level's cells.

    Raises:
        UserError: a number that is no token's.
    """
    drawn = as_rgb(image)
    masks = _levels_of(_mask(kept, shapes), shapes)
    seen = np.any([_over_image(mask, drawn.shape[:2], covered) for mask in masks], axis=0)
    grey = cv2.cvtColor(cv2.cvtColor(drawn, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    drawn = np.where(seen[..., None], drawn, np.rint(grey * DIMMED).astype(np.uint8))
    for mask, colour in reversed(list(zip(masks, class_colours(len(masks)).tolist(), strict=True))):
        _draw_dots(drawn, mask, covered, colour)
    return drawn


def draw_foreground(
    image: ArrayLike, scores: ArrayLike, shapes: Shapes, *, covered: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.uint8]:
    """The highest score of all levels at each place, as a heatmap over the photograph, stretched to its range.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        scores: (N,), one a token.
        shapes, covered: see `draw_kept_tokens`.

    Raises:
        UserError: another number of scores than of tokens.
    """
    scores = np.asarray(scores, np.float64).reshape(-1)
    if len(scores) != _count(shapes):
        raise UserError(f"there are {len(scores)} scores for {_count(shapes)} tokens, levels of {list(shapes)}.")
    size = np.asarray(image).shape[:2]
    maps = [_over_image(level, size, covered) for level in _levels_of(scores, shapes)]
    return heatmap_overlay(image, np.max(maps, axis=0))


def draw_token_sheet(
    image: ArrayLike,
    kept: Sequence[ArrayLike],
    shapes: Shapes,
    *,
    scores: ArrayLike | None = None,
    covered: tuple[float, float] = (1.0, 1.0),
    first: dict[str, ArrayLike] | None = None,
) -> NDArray[np.uint8]:
    """A panel for the scores, if there are any, and one for each encoder layer.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        kept: for each layer (k,) token numbers.
        shapes, covered: see `draw_kept_tokens`.
        scores: (N,), see `draw_foreground`.
        first: title -> picture, before the others.

    Raises:
        UserError: see `draw_kept_tokens`, `draw_foreground`.
    """
    panels = dict(first or {})
    canvas = _fitted(image)
    if scores is not None:
        low, high = np.min(scores), np.max(scores)
        panels[f"foreground {low:.2f} to {high:.2f}"] = draw_foreground(canvas, scores, shapes, covered=covered)
    total = _count(shapes)
    for number, tokens in enumerate(kept, start=1):
        title = f"layer {number}: {len(tokens)} of {total} tokens"
        panels[title] = draw_kept_tokens(canvas, tokens, shapes, covered=covered)
    titles = list(panels)
    rows = [titles[start : start + COLUMNS] for start in range(0, len(titles), COLUMNS)]
    return _stacked([side_by_side([panels[title] for title in row], row, height=PANEL_HEIGHT) for row in rows])


def draw_sample_tokens(image: ArrayLike, sample: BaseDataElement) -> NDArray[np.uint8]:
    """The `kept_tokens` of a `DetectionSample` over its image, see `draw_token_sheet`.

    How much of the levels is padding follows from the stride of the finest, a power of two.
    """
    seen = np.array(sample.get("img_shape", np.asarray(image).shape[:2]))
    finest = np.array(sample.token_shapes[0])
    stride = 2 ** np.round(np.log2(np.min(np.array(sample.get("batch_input_shape", seen)) / finest)))
    covered = np.minimum(1, seen / (finest * stride))
    return draw_token_sheet(
        image,
        [np.asarray(tokens.detach().cpu()) for tokens in sample.kept_tokens],
        sample.token_shapes,
        covered=tuple(covered.tolist()),
    )


def _count(shapes: Shapes) -> int:
    return sum(height * width for height, width in shapes)


def _mask(kept: ArrayLike, shapes: Shapes) -> NDArray[np.bool_]:
    kept, total = np.asarray(kept, np.int64).reshape(-1), _count(shapes)
    if len(kept) and not 0 <= kept.min() <= kept.max() < total:
        raise UserError(f"token numbers must lie in 0...{total - 1}, got {kept.min()} to {kept.max()}.")
    mask = np.zeros(total, bool)
    mask[kept] = True
    return mask


def _levels_of(values: NDArray, shapes: Shapes) -> list[NDArray]:
    """(N,) -> (height, width) of each level."""
    ends = np.cumsum([height * width for height, width in shapes])[:-1]
    return [level.reshape(shape) for level, shape in zip(np.split(values, ends), shapes, strict=True)]


def _over_image(level: NDArray, size: tuple[int, int], covered: tuple[float, float]) -> NDArray:
    """For every pixel of an image of this size the value of its cell; level (h,w)."""
    rows, columns = (
        np.minimum(((np.arange(length) + 0.5) * (share * cells / length)).astype(int), cells - 1)
        for length, share, cells in zip(size, covered, level.shape, strict=True)
    )
    return level[rows[:, None], columns]


def _draw_dots(drawn: NDArray, mask: NDArray, covered: tuple[float, float], colour: Sequence[int]) -> None:
    cell = np.array(drawn.shape[:2]) / (np.array(mask.shape) * covered)
    radius = max(1, round(DOT * float(cell.min())))
    for row, column in np.argwhere(mask):
        y, x = ((np.array([row, column]) + 0.5) * cell).astype(int).tolist()
        cv2.circle(drawn, (x, y), radius, colour, -1, cv2.LINE_AA)


def _fitted(image: ArrayLike) -> NDArray:
    """The image with as many rows as a panel, so that dots are drawn at the size at which they are seen."""
    drawn = as_rgb(image)
    size = (max(1, round(drawn.shape[1] * PANEL_HEIGHT / drawn.shape[0])), PANEL_HEIGHT)
    shrunk = drawn.shape[0] > PANEL_HEIGHT
    return cv2.resize(drawn, size, interpolation=cv2.INTER_AREA if shrunk else cv2.INTER_CUBIC)


def _stacked(rows: Sequence[NDArray]) -> NDArray:
    width = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows])
