"""The five sparse annotations: points, clicks, scribbles, boxes, tracks.

Frame. An image has `size = (height, width)`. A location is `(x, y)` in pixels, x to the right and y down, with whole
numbers at pixel **centres**: (0, 0) is the centre of the top left pixel, which reaches from -0.5 to 0.5, and pixel
[row, column] of an array lies at (x, y) = (column, row). Boxes alone are given by their **edges**, as in COCO and
torchvision: (0, 0, width, height) is the whole image and a box is as wide as x1 - x0.

All arrays are read-only copies. The order is the order in which the annotations were made, so `take(n)` is what a
budget of n would have bought. `meta` holds plain JSON values (who or what made it, seed, source) and does not count for
equality. Everything wrong raises `AnnotationError`.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from sparsevision.annotation import checks, raster
from sparsevision.annotation.errors import AnnotationError


class Annotation:
    """What the five types share. Subclasses are frozen dataclasses; `per_item` names the fields with an entry each."""

    kind: ClassVar[str]
    per_item: ClassVar[tuple[str, ...]]

    def __len__(self) -> int:
        return len(getattr(self, self.per_item[-1]))

    @property
    def budget(self) -> int:
        """How many points, clicks, strokes, boxes or tracks were spent."""
        return len(self)

    def take(self, n: int) -> Self:
        """The first n annotations (all of them if there are fewer)."""
        n = checks.whole_number(n, field=f"{type(self).__name__}.take(n)", low=0)
        cut = {name: value[:n] for name in self.per_item if (value := getattr(self, name)) is not None}
        return dataclasses.replace(self, **cut)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [f.name for f in dataclasses.fields(self) if f.name != "meta"]
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)

    __hash__ = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} on {'x'.join(map(str, self.size))})"

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _canvas(self, fill: int) -> np.ndarray:
        fill = checks.whole_number(fill, field="fill", low=-(2**31), high=2**31)
        if np.any(self.labels == fill):
            raise AnnotationError(
                f"fill={fill} is also a class of this {type(self).__name__}; choose a value that is not."
            )
        checks.within_memory(self.size, field=f"{type(self).__name__}.size")
        return np.full(self.size, fill, dtype=np.int64)

    def _checked_meta(self) -> dict:
        meta = checks.plain_json(self.meta, field=f"{type(self).__name__}.meta")
        if not isinstance(meta, dict):
            raise AnnotationError(f"{type(self).__name__}.meta: expected a dict, got {type(self.meta).__name__}.")
        return meta


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PointLabels(Annotation):
    """Class labels of single pixels of an image, or of single points of a cloud.

    Args:
        labels: class ids (N,).
        size: (height, width) together with `xy`, or (count,) together with `indices`.
        xy: whole pixel positions (N, 2) as (x, y).
        indices: positions in the cloud (N,).
        meta: plain JSON values.

    The same place may come twice, but only with the same label.
    """

    labels: np.ndarray
    size: tuple[int, ...]
    xy: np.ndarray | None = None
    indices: np.ndarray | None = None
    meta: dict = field(default_factory=dict)

    kind: ClassVar[str] = "point_labels"
    per_item: ClassVar[tuple[str, ...]] = ("xy", "indices", "labels")

    def __post_init__(self) -> None:
        if (self.xy is None) == (self.indices is None):
            raise AnnotationError(
                "PointLabels: give exactly one of xy (pixels of an image) and indices (points of a cloud)."
            )
        labels = checks.class_ids(self.labels, field="PointLabels.labels")
        self._set(labels=labels, meta=self._checked_meta())
        if self.xy is not None:
            size = checks.frame_size(self.size, field="PointLabels.size")
            xy = checks.whole_array(self.xy, field="PointLabels.xy", columns=2)
            checks.same_length(PointLabels__xy=len(xy), PointLabels__labels=len(labels))
            checks.inside_image(xy, size, field="PointLabels.xy")
            self._set(size=size, xy=xy)
        else:
            size = checks.frame_size(self.size, field="PointLabels.size", sides=(1,))
            indices = checks.whole_array(self.indices, field="PointLabels.indices")
            checks.same_length(PointLabels__indices=len(indices), PointLabels__labels=len(labels))
            self._set(size=size, indices=indices)
            self._check_indices()
        self._check_contradictions()

    def densify(self, fill: int, *, side: int = 1) -> np.ndarray:
        """Label map int64 of shape `size`, `fill` where nothing is known.

        Args:
            fill: value of unlabelled places (the ignore index of the loss); not one of the labels.
            side: in images, each point becomes a square of side x side pixels (odd; P-COD stores 11 x 11), clipped at
                the image's border; where squares meet, the earlier point keeps its pixels.
        """
        canvas = self._canvas(fill)
        if side == 1:
            canvas[self._place()] = self.labels
            return canvas
        if self.xy is None or side % 2 == 0 or side < 1:
            raise AnnotationError(f"side={side}: squares are for images and have an odd side; clouds take side=1.")
        for (x, y), label in zip(self.xy[::-1], self.labels[::-1], strict=True):
            canvas[raster.square_mask(int(y), int(x), side, canvas.shape)] = label
        return canvas

    def _place(self) -> tuple[np.ndarray, ...]:
        return (self.indices,) if self.xy is None else (self.xy[:, 1], self.xy[:, 0])

    def _check_indices(self) -> None:
        bad = np.flatnonzero((self.indices < 0) | (self.indices >= self.size[0]))
        if bad.size:
            raise AnnotationError(
                f"PointLabels.indices: entry {bad[0]} is {self.indices[bad[0]]}; the cloud has {self.size[0]} points."
            )

    def _check_contradictions(self) -> None:
        places = np.ravel_multi_index(self._place(), self.size)
        pairs = np.unique(np.stack([places, self.labels]), axis=1)
        twice = np.flatnonzero(np.diff(pairs[0]) == 0)
        if twice.size:
            place = tuple(int(i) for i in np.unravel_index(pairs[0, twice[0]], self.size))
            place = place[0] if self.xy is None else f"(x, y) = {place[::-1]}"
            raise AnnotationError(f"PointLabels.labels: the place {place} is given two different labels.")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Clicks(Annotation):
    """Clicks on and off one object, in the order in which they were made: the input of an interactive segmenter.

    Args:
        xy: locations (N, 2) as (x, y), fractions allowed.
        positive: (N,) true for a click on the object, false for one on what is not the object.
        size: (height, width) of the image.
        meta: plain JSON values.
    """

    xy: np.ndarray
    positive: np.ndarray
    size: tuple[int, int]
    meta: dict = field(default_factory=dict)

    kind: ClassVar[str] = "clicks"
    per_item: ClassVar[tuple[str, ...]] = ("xy", "positive")

    def __post_init__(self) -> None:
        size = checks.frame_size(self.size, field="Clicks.size")
        xy = checks.real_array(self.xy, field="Clicks.xy", columns=2)
        positive = checks.flag_array(self.positive, field="Clicks.positive")
        checks.same_length(Clicks__xy=len(xy), Clicks__positive=len(positive))
        checks.inside_image(xy, size, field="Clicks.xy")
        self._set(size=size, xy=xy, positive=positive, meta=self._checked_meta())

    @property
    def labels(self) -> np.ndarray:
        """(N,) int64: 1 for positive clicks, 0 for negative ones, as promptable segmenters want them."""
        return self.positive.astype(np.int64)

    def densify(self, fill: int) -> np.ndarray:
        """Label map int64 (height, width): 1 at positive clicks, 0 at negative ones (the later wins), else `fill`."""
        canvas = self._canvas(fill)
        for row, column, label in zip(*raster.pixel_of(self.xy, self.size), self.labels, strict=True):
            canvas[row, column] = label
        return canvas


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Scribbles(Annotation):
    """Strokes of a brush, each with a class.

    Args:
        polylines: N arrays (K, 2) of (x, y), K >= 1 each.
        labels: class ids (N,).
        size: (height, width) of the image.
        widths: brush width in pixels, one number or (N,), at least 1: a stroke covers the pixels whose centre lies
            within width / 2 of it.
        meta: plain JSON values.
    """

    polylines: tuple[np.ndarray, ...]
    labels: np.ndarray
    size: tuple[int, int]
    widths: np.ndarray | float = 1.0
    meta: dict = field(default_factory=dict)

    kind: ClassVar[str] = "scribbles"
    per_item: ClassVar[tuple[str, ...]] = ("polylines", "widths", "labels")

    def __post_init__(self) -> None:
        size = checks.frame_size(self.size, field="Scribbles.size")
        labels = checks.class_ids(self.labels, field="Scribbles.labels")
        polylines = _polylines(self.polylines, size, field="Scribbles.polylines")
        widths = _brush_widths(self.widths, count=len(labels), limit=sum(size))
        checks.same_length(
            Scribbles__polylines=len(polylines), Scribbles__labels=len(labels), Scribbles__widths=len(widths)
        )
        self._set(size=size, labels=labels, polylines=polylines, widths=widths, meta=self._checked_meta())

    def densify(self, fill: int) -> np.ndarray:
        """Label map int64 (height, width); where strokes cross, the earlier one keeps its pixels."""
        canvas = self._canvas(fill)
        for polyline, width, label in zip(self.polylines[::-1], self.widths[::-1], self.labels[::-1], strict=True):
            window, patch = raster.stroke_patch(polyline, width, self.size)
            canvas[window][patch] = label
        return canvas


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Boxes(Annotation):
    """Boxes around objects.

    Args:
        xyxy: (N, 4) as (x0, y0, x1, y1), the **edges** of the box: 0 <= x0 < x1 <= width, 0 <= y0 < y1 <= height.
        labels: class ids (N,).
        size: (height, width) of the image.
        meta: plain JSON values.
    """

    xyxy: np.ndarray
    labels: np.ndarray
    size: tuple[int, int]
    meta: dict = field(default_factory=dict)

    kind: ClassVar[str] = "boxes"
    per_item: ClassVar[tuple[str, ...]] = ("xyxy", "labels")

    def __post_init__(self) -> None:
        height, width = size = checks.frame_size(self.size, field="Boxes.size")
        xyxy = checks.real_array(self.xyxy, field="Boxes.xyxy", columns=4)
        labels = checks.class_ids(self.labels, field="Boxes.labels")
        checks.same_length(Boxes__xyxy=len(xyxy), Boxes__labels=len(labels))
        low, high = xyxy[:, :2], xyxy[:, 2:]
        bad = np.flatnonzero(((low < 0) | (low >= high) | (high > (width, height))).any(axis=1))
        if bad.size:
            raise AnnotationError(
                f"Boxes.xyxy: entry {bad[0]} is {xyxy[bad[0]].tolist()}; expected 0 <= x0 < x1 <= {width} and "
                f"0 <= y0 < y1 <= {height}."
            )
        self._set(size=size, xyxy=xyxy, labels=labels, meta=self._checked_meta())

    def densify(self, fill: int) -> np.ndarray:
        """Coarse label map int64 (height, width): each box filled with its class, small boxes on top of large ones.

        A box also holds pixels of what lies behind its object, so this is not a subset of the truth.
        """
        canvas = self._canvas(fill)
        areas = (self.xyxy[:, 2] - self.xyxy[:, 0]) * (self.xyxy[:, 3] - self.xyxy[:, 1])
        for index in np.argsort(-areas, kind="stable"):
            canvas[raster.box_mask(self.xyxy[index], canvas.shape)] = self.labels[index]
        return canvas


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Tracks(Annotation):
    """Points followed through a video.

    Args:
        paths: N arrays (K, 2) of (x, y), K >= 1 each.
        frames: N arrays (K,) of strictly increasing frame numbers, 0 <= frame < num_frames. A frame that is left out is
            one where the point is hidden or was not annotated.
        num_frames: length of the video.
        size: (height, width) of its frames.
        meta: plain JSON values.
    """

    paths: tuple[np.ndarray, ...]
    frames: tuple[np.ndarray, ...]
    num_frames: int
    size: tuple[int, int]
    meta: dict = field(default_factory=dict)

    kind: ClassVar[str] = "tracks"
    per_item: ClassVar[tuple[str, ...]] = ("paths", "frames")

    def __post_init__(self) -> None:
        size = checks.frame_size(self.size, field="Tracks.size")
        num_frames = checks.whole_number(self.num_frames, field="Tracks.num_frames", low=1, high=checks.MAX_SIDE)
        paths = _polylines(self.paths, size, field="Tracks.paths")
        frames = checks.ragged(self.frames, field="Tracks.frames")
        checks.same_length(Tracks__paths=len(paths), Tracks__frames=len(frames))
        frames = tuple(
            _frame_numbers(f, path, num_frames, i) for i, (f, path) in enumerate(zip(frames, paths, strict=True))
        )
        self._set(size=size, num_frames=num_frames, paths=paths, frames=frames, meta=self._checked_meta())

    def at(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Locations (N, 2) in one frame, NaN where a track has no entry, and (N,) bool, true where it has one."""
        found = [np.flatnonzero(numbers == frame) for numbers in self.frames]
        known = np.array([index.size == 1 for index in found], dtype=bool)
        xy = np.full((len(self), 2), np.nan)
        for row, (path, index) in enumerate(zip(self.paths, found, strict=True)):
            if index.size:
                xy[row] = path[index[0]]
        return xy, known


def _polylines(value: Any, size: tuple[int, ...], *, field: str) -> tuple[np.ndarray, ...]:
    lines = []
    for index, line in enumerate(checks.ragged(value, field=field)):
        array = checks.real_array(line, field=f"{field}[{index}]", columns=2)
        if not len(array):
            raise AnnotationError(f"{field}[{index}]: expected at least one location (x, y), got none.")
        checks.inside_image(array, size, field=f"{field}[{index}]")
        lines.append(array)
    return tuple(lines)


def _brush_widths(value: Any, *, count: int, limit: int) -> np.ndarray:
    value = [value] * count if isinstance(value, int | float | np.number) else value
    widths = checks.real_array(value, field="Scribbles.widths")
    bad = np.flatnonzero((widths < 1) | (widths > limit))
    if bad.size:
        raise AnnotationError(f"Scribbles.widths: entry {bad[0]} is {widths[bad[0]]}; expected 1 to {limit} pixels.")
    return widths


def _frame_numbers(value: Any, path: np.ndarray, num_frames: int, index: int) -> np.ndarray:
    field = f"Tracks.frames[{index}]"
    numbers = checks.whole_array(value, field=field)
    checks.same_length(**{f"Tracks__paths[{index}]": len(path), field: len(numbers)})
    if numbers[0] < 0 or numbers[-1] >= num_frames or np.any(np.diff(numbers) <= 0):
        raise AnnotationError(f"{field}: expected strictly increasing frame numbers from 0 to {num_frames - 1}.")
    return numbers


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return left is not None and right is not None and np.array_equal(left, right)
    return left == right
