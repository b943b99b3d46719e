"""Scribbles made from dense truth: strokes along the middle of a region, as a person would draw them."""

import functools
from typing import Any

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from sparsevision.annotation import checks, raster, regions
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.random_keys import draw_root, keys
from sparsevision.annotation.types import Scribbles

_CELLS = 96
_MOST_STROKES = 10_000
_STEPS = (((0, 1), 5), ((1, 0), 5), ((1, 1), 7), ((1, -1), 7))


def simulate_scribbles(
    mask: Any,
    *,
    rng: np.random.Generator,
    per_class: int = 1,
    ignore_index: int | None = None,
    width: int = 1,
    shrink: float = 0.125,
) -> Scribbles:
    """Draw a few strokes per class that stay inside their class.

    Strokes come in rounds, one stroke of every class (ids ascending) in each, so `per_class=k` is the beginning of
    `per_class=n`, k < n, for a generator in the same state. One number is drawn from `rng`, whatever the budget. The
    strokes of a class go round its connected components, the largest first; specks under a tenth of the largest are
    left out.

    One stroke runs along a path between two cells of a coarse grid laid into the component: a random cell in its middle
    and a random one of the quarter farthest from it, joined by the path that is cheapest when a step costs more the
    nearer it is to the border (a discrete medial axis) or to an earlier stroke, cut at both ends. All costs are whole
    numbers and ties go to the first cell in scan order. Cells and the moves between them lie wholly inside the
    component, and so does the stroke: every pixel of `densify` has the true class.

    Args:
        mask: dense truth, class ids (height, width); bool is 0 and 1.
        rng: `numpy.random.default_rng(seed)`.
        per_class: strokes per class.
        ignore_index: the value of pixels without truth; None if every value is a class.
        width: brush width in pixels; a stroke that would leave its class is drawn with a thinner brush.
        shrink: share of the path cut off at either end, in [0, 0.5).

    Raises:
        AnnotationError: a mask that is not a class map, or an option out of range.
    """
    classes = regions.class_map(mask, ignore_index)
    checks.whole_number(per_class, field="per_class", low=0, high=_MOST_STROKES)
    checks.whole_number(width, field="width", low=1, high=max(classes.shape))
    if not 0 <= shrink < 0.5:
        raise AnnotationError(f"shrink: expected a number from 0 to less than 0.5, got {shrink}.")
    root = draw_root(rng)
    strokes = []
    for label, indices in regions.classes_of(classes, ignore_index) if per_class else []:
        strokes += _strokes_of_class(label, indices, classes, root, per_class, width, shrink)
    strokes.sort(key=lambda stroke: stroke[:2])
    meta = {"simulator": "simulate_scribbles", "root": root, "per_class": per_class, "width": width, "shrink": shrink}
    return Scribbles(
        polylines=[stroke[2] for stroke in strokes],
        labels=[stroke[1] for stroke in strokes],
        widths=[stroke[3] for stroke in strokes],
        size=classes.shape,
        meta=meta | {"ignore_index": ignore_index},
    )


def _strokes_of_class(
    label: int, indices: np.ndarray, classes: np.ndarray, root: int, count: int, width: int, shrink: float
) -> list[tuple[int, int, np.ndarray, int]]:
    """(round, class id, polyline (K, 2) of (x, y), brush width) of `count` strokes."""
    parts = regions.components(indices, classes.shape)
    parts = [part for part in parts if 10 * len(part) >= len(parts[0])]
    grids = functools.cache(lambda index: _MedialGrid(parts[index], classes.shape))
    strokes = []
    for turn in range(count):
        start, end = keys(root, label, turn, count=2).tolist()
        polyline = grids(turn % len(parts)).stroke(start, end, shrink)
        strokes.append((turn, label, polyline, _fitting_width(polyline, width, classes == label)))
    return strokes


def _fitting_width(polyline: np.ndarray, width: int, allowed: np.ndarray) -> int:
    """The widest brush up to `width` that stays on allowed pixels; width 1 always does."""
    while width > 1 and not allowed[raster.stroke_mask(polyline, width, allowed.shape)].all():
        width -= 1
    return width


class _MedialGrid:
    """The largest 4-connected piece of a region on a grid of square cells that lie wholly inside it.

    Args:
        indices: the region's pixels, flat indices into an image of the given shape.
        shape: (height, width) of the image.
    """

    def __init__(self, indices: np.ndarray, shape: tuple[int, int]) -> None:
        region, (top, left) = regions.crop(indices, shape)
        block, cells = _full_cells(region)
        pieces, _ = ndimage.label(cells)
        self.free = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
        self.cells = np.stack(np.nonzero(self.free), axis=1)
        self.xy = self.cells[:, ::-1] * block + block // 2 + (left, top)
        self.moves = _moves(self.free, self.cells)

    def stroke(self, start_key: int, end_key: int, shrink: float) -> np.ndarray:
        """Corners (K, 2) as (x, y) of a stroke between two cells that the keys choose, away from earlier strokes."""
        depth = ndimage.distance_transform_cdt(np.pad(self.free, 1), metric="chessboard")[1:-1, 1:-1]
        depth = depth[tuple(self.cells.T)].astype(np.int64)
        middle = np.flatnonzero(2 * depth >= depth.max())
        start = int(middle[start_key % len(middle)])
        graph = _cell_graph(self.moves, depth)
        cost, steps = (_distances(g, start) for g in (graph, _cell_graph(self.moves, np.zeros_like(depth))))
        far = np.argsort(-steps, kind="stable")[: max(1, len(steps) // 4)]
        path = _cheapest_path(graph, cost, int(far[end_key % len(far)]))
        self.free[tuple(self.cells[path].T)] = False
        cut = int(shrink * len(path))
        return _corners(self.xy[path[cut : len(path) - cut]]).astype(np.float64)


def _full_cells(region: np.ndarray) -> tuple[int, np.ndarray]:
    """Side of the cells in pixels and which cells lie wholly inside: as coarse as still shows half of the region."""
    block = -(-max(region.shape) // _CELLS)
    while True:
        height, width = (side // block for side in region.shape)
        inside = region[: height * block, : width * block].reshape(height, block, width, block)
        cells = inside.all(axis=(1, 3))
        if block == 1 or 2 * cells.sum() * block * block >= region.sum():
            return block, cells
        block = block // 2


def _moves(piece: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(from, to, length) of the moves between cells; a diagonal one needs both of the cells that it passes between."""
    rows, columns = cells.T + 1
    number = np.full(np.add(piece.shape, 2), -1)
    number[rows, columns] = np.arange(len(cells))
    source, target, length = [], [], []
    for (down, right), step in _STEPS:
        below, beside, across = (
            number[rows + down, columns],
            number[rows, columns + right],
            number[rows + down, columns + right],
        )
        open_ = np.flatnonzero((below >= 0) & (beside >= 0) & (across >= 0))
        source += [open_, across[open_]]
        target += [across[open_], open_]
        length += [np.full(2 * len(open_), step)]
    return np.concatenate(source), np.concatenate(target), np.concatenate(length)


def _cell_graph(moves: tuple[np.ndarray, np.ndarray, np.ndarray], depth: np.ndarray) -> sparse.csr_array:
    """Symmetric graph of the moves; a step costs 1 (deepest) to 9 (at the border or on a stroke) times its length."""
    source, target, length = moves
    deepest = max(1, int(depth.max()))
    toll = 1 + 8 * (deepest - depth) // deepest
    weight = (length * (toll[source] + toll[target])).astype(np.float64)
    return sparse.csr_array((weight, (source, target)), shape=(len(depth), len(depth)))


def _distances(graph: sparse.csr_array, start: int) -> np.ndarray:
    """Whole-number cost (N,) of the cheapest path from one cell to every cell."""
    return np.rint(csgraph.dijkstra(graph, indices=start)).astype(np.int64)


def _cheapest_path(graph: sparse.csr_array, cost: np.ndarray, cell: int) -> list[int]:
    """From `cell` back to the cell of cost 0; of equally cheap paths the one through the first cells in scan order."""
    path = [cell]
    while cost[cell] > 0:
        here = slice(graph.indptr[cell], graph.indptr[cell + 1])
        neighbours, weights = graph.indices[here], graph.data[here].astype(np.int64)
        cell = int(neighbours[cost[neighbours] + weights == cost[cell]].min())
        path.append(cell)
    return path


def _corners(xy: np.ndarray) -> np.ndarray:
    """A path without the points in the middle of straight runs."""
    if len(xy) < 3:
        return xy
    steps = np.diff(xy, axis=0)
    turns = np.flatnonzero((steps[1:] != steps[:-1]).any(axis=1)) + 1
    return xy[np.concatenate([[0], turns, [len(xy) - 1]])]
