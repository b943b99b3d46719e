"""From rasterised sparse labels back to strokes and points, without loss: drawing them gives the same pixels."""

from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np

from sparsevision.annotation import PointLabels, Scribbles
from sparsevision.utils import UserError


def strokes_of_labels(labels: np.ndarray, *, ignore_index: int) -> Scribbles:
    """One stroke per connected (8-neighbour) group of pixels of one class, one pixel wide, that covers just that group.

    labels: class map (H, W), `ignore_index` where nothing is labelled.
    """
    polylines, classes = [], []
    for label in _classes(labels, ignore_index):
        count, components = cv2.connectedComponents((labels == label).astype(np.uint8), connectivity=8)
        polylines += [covering_walk(components == component) for component in range(1, count)]
        classes += [label] * (count - 1)
    return Scribbles(polylines=tuple(polylines), labels=np.array(classes, np.int64), size=labels.shape, widths=1.0)


def covering_walk(mask: np.ndarray) -> np.ndarray:
    """A walk over every pixel of one 8-connected group and over no other: corners (K, 2) as (x, y).

    The group is cut into horizontal runs; the walk goes along each run and steps to neighbouring runs depth first,
    coming back the way it went. mask: bool (H, W) with at least one pixel.
    """
    runs = _runs(mask)
    neighbours = [iter(indices) for indices in _adjacent(runs)]
    walk = [*runs[0].ends]
    seen, path = {0}, [0]
    while len(seen) < len(runs):
        here = path[-1]
        there = next((index for index in neighbours[here] if index not in seen), None)
        if there is None:
            path.pop()
            walk += _step(runs[here], runs[path[-1]])
        else:
            walk += [*_step(runs[here], runs[there]), *runs[there].ends]
            seen.add(there)
            path.append(there)
    return _without_repeats(np.array(walk, np.float64))


def points_of_labels(labels: np.ndarray, *, ignore_index: int, side: int | None = None) -> PointLabels:
    """The point in the middle of each square of a P-COD label; `meta["square_side"]` tells the side.

    Args:
        labels: class map (H, W) whose labelled pixels form squares, `ignore_index` elsewhere.
        ignore_index: value of unlabelled pixels.
        side: side of the squares in pixels (odd). Default: the commonest side found here.

    Raises:
        UserError: a group of pixels is no square of that side, even allowing for the image's border.
    """
    boxes = [(label, box) for label in _classes(labels, ignore_index) for box in _boxes(labels == label)]
    side = side or _common_side([box for _, box in boxes])
    if side % 2 == 0:
        raise UserError(
            f"the squares have an even side ({side} pixels), so that their middle is no pixel; give --side."
        )
    return PointLabels(
        xy=np.array([box.centre(side, labels.shape) for _, box in boxes], np.int64).reshape(-1, 2),
        labels=np.array([label for label, _ in boxes], np.int64),
        size=labels.shape,
        meta={"square_side": side},
    )


def _classes(labels: np.ndarray, ignore_index: int) -> list[int]:
    return [int(label) for label in np.unique(labels)[::-1] if label != ignore_index]


@dataclass(frozen=True)
class _Run:
    """Pixels first..last (inclusive) of a row."""

    row: int
    first: int
    last: int

    @property
    def ends(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.first, self.row), (self.last, self.row)


def _runs(mask: np.ndarray) -> list[_Run]:
    padded = np.pad(mask.astype(np.int8), ((0, 0), (1, 1)))
    rows, starts = np.nonzero(np.diff(padded, axis=1) == 1)
    ends = np.nonzero(np.diff(padded, axis=1) == -1)[1]
    return [_Run(int(row), int(start), int(end) - 1) for row, start, end in zip(rows, starts, ends, strict=True)]


def _adjacent(runs: list[_Run]) -> list[list[int]]:
    """For each run the runs of the rows above and below that touch it, corners included."""
    by_row: dict[int, list[int]] = {}
    for index, run in enumerate(runs):
        by_row.setdefault(run.row, []).append(index)
    return [
        [
            other
            for row in (run.row - 1, run.row + 1)
            for other in by_row.get(row, ())
            if runs[other].first <= run.last + 1 and runs[other].last >= run.first - 1
        ]
        for run in runs
    ]


def _step(here: _Run, there: _Run) -> list[tuple[int, int]]:
    """Along `here` to where `there` is one pixel away, and over."""
    leave = int(np.clip(there.first, here.first, here.last))
    return [(leave, here.row), (int(np.clip(leave, there.first, there.last)), there.row)]


def _without_repeats(walk: np.ndarray) -> np.ndarray:
    moved = np.ones(len(walk), bool)
    moved[1:] = (walk[1:] != walk[:-1]).any(axis=1)
    return walk[moved]


@dataclass(frozen=True)
class _Box:
    """Bounding box and pixel count of a group; edges inclusive."""

    left: int
    top: int
    width: int
    height: int
    area: int

    def centre(self, side: int, shape: tuple[int, int]) -> tuple[int, int]:
        """(x, y) of the middle of the square, which the image's border may have cut."""
        x = _middle(self.left, self.width, side, shape[1])
        y = _middle(self.top, self.height, side, shape[0])
        if x is None or y is None or self.area != self.width * self.height:
            raise UserError(
                f"the group of pixels at x={self.left}, y={self.top} ({self.width}x{self.height}, {self.area} "
                f"pixels) is no {side}x{side} square. Give the side that was drawn with --side; squares that touch "
                "cannot be told apart."
            )
        return x, y


def _boxes(mask: np.ndarray) -> list[_Box]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return [_Box(*(int(value) for value in row)) for row in stats[1:]]


def _middle(start: int, length: int, side: int, limit: int) -> int | None:
    """Middle of a stretch of `side` pixels of which start..start+length-1 is left inside 0..limit-1."""
    reach = side // 2
    if length == side:
        return start + reach
    if length <= reach or length > side:
        return None
    if start == 0:
        return length - 1 - reach
    return start + reach if start + length == limit else None


def _common_side(boxes: list[_Box]) -> int:
    sides = Counter(length for box in boxes for length in (box.width, box.height))
    return max(sides, key=lambda side: (sides[side], side), default=1)
