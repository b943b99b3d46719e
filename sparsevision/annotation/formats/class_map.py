"""Dense class maps of the polygons and masks in foreign files, and the regions that a reader keeps for them."""

import base64
import binascii
import functools

import cv2
import numpy as np

from sparsevision.annotation import checks
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import rle, values
from sparsevision.annotation.formats.data_set import AnnotationSet, Region

MAX_WORK = 2**28
Painted = tuple[int, int, np.ndarray]


def class_map_of(data: AnnotationSet, image: str, *, fill: int = 0) -> np.ndarray:
    """Class map int64 (height, width) of the polygons and masks that a file holds for an image.

    A pixel belongs to a polygon if its centre does (even-odd rule, each polygon of an object for itself). Where objects
    overlap the smaller box lies on top.

    Args:
        image: its name in `data.annotations`.
        fill: value outside all of them: 0 for background, the ignore index if the file does not cover the image.

    Raises:
        AnnotationError: no such image, one too large for a dense map, or masks that contradict their sizes.
    """
    if image not in data.sizes:
        raise AnnotationError(f"{image!r:.80}: no such image in this set of {len(data.sizes)}.")
    size = rle.checked_size(data.sizes[image], field=image)
    canvas = np.full(size, checks.whole_number(fill, field="fill", low=-(2**31), high=2**31), dtype=np.int64)
    regions = data.regions.get(image, ())
    areas = np.array([np.prod(region.box[2:] - region.box[:2]) for region in regions])
    if len(regions) * size[0] * size[1] > 32 * MAX_WORK:
        raise AnnotationError(f"{image}: {len(regions)} masks on {size[1]} x {size[0]} pixels, too many to draw.")
    for index in np.argsort(-areas, kind="stable"):
        with values.blame(image):
            top, left, mask = regions[index].paint(size)
        canvas[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = regions[index].label
    return canvas


def polygon_region(polygons: list[np.ndarray], label: int) -> Region:
    """The union of polygons, each (K, 2) of corner coordinates (their frame)."""
    corners = np.concatenate(polygons)
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return Region(label=label, box=box, paint=functools.partial(_paint_polygons, polygons))


def rle_region(counts: np.ndarray, box: np.ndarray, label: int, *, field: str) -> Region:
    """A COCO mask of the whole image."""
    return Region(label=label, box=box, paint=functools.partial(_paint_rle, counts, field))


def row_rle_region(counts: np.ndarray, box: np.ndarray, label: int, *, field: str) -> Region:
    """A CVAT mask: run lengths by rows inside a box of whole pixels."""
    return Region(label=label, box=box, paint=functools.partial(_paint_row_rle, counts, box.astype(np.int64), field))


def png_region(text: str, box: np.ndarray, label: int, *, field: str) -> Region:
    """A LabelMe mask: a PNG in base64, laid into a box of whole pixels."""
    return Region(label=label, box=box, paint=functools.partial(_paint_png, text, box.astype(np.int64), field))


def polygon_mask(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bool array (height, width): pixels whose centre (column + 0.5, row + 0.5) is inside the polygon (K, 2), even-odd.

    Each edge flips the pixels to the right of where it crosses a row of centres: an edge from y0 to y1 crosses those
    with min(y0, y1) <= row + 0.5 < max(y0, y1).
    """
    start, end = polygon, np.roll(polygon, -1, axis=0)
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    first = np.clip(np.ceil(low - 0.5), 0, shape[0]).astype(np.int64)
    rows_each = np.clip(np.ceil(high - 0.5), 0, shape[0]).astype(np.int64) - first
    if rows_each.sum() > MAX_WORK // 16:
        raise AnnotationError(f"a polygon of {len(polygon)} corners crosses {rows_each.sum()} rows, too many to draw.")
    edges = np.repeat(np.arange(len(polygon)), rows_each)
    rows = np.arange(len(edges)) - np.repeat(np.cumsum(rows_each) - rows_each, rows_each) + first[edges]
    share = (rows + 0.5 - start[edges, 1]) / (end[edges, 1] - start[edges, 1])
    x = start[edges, 0] + share * (end[edges, 0] - start[edges, 0])
    columns = np.clip(np.ceil(x - 0.5), 0, shape[1]).astype(np.int64)
    flips = np.bincount(rows * (shape[1] + 1) + columns, minlength=shape[0] * (shape[1] + 1)) % 2 == 1
    return np.logical_xor.accumulate(flips.reshape(shape[0], shape[1] + 1), axis=1)[:, :-1]


def _paint_polygons(polygons: list[np.ndarray], size: tuple[int, int]) -> Painted:
    corners = np.concatenate(polygons)
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, size[::-1]).astype(np.int64)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), (left, top), size[::-1]).astype(np.int64)
    if len(polygons) * (right - left) * (bottom - top) > MAX_WORK:
        raise AnnotationError(f"an object of {len(polygons)} polygons, too many to draw.")
    mask = np.zeros((bottom - top, right - left), dtype=bool)
    for polygon in polygons:
        mask |= polygon_mask(polygon - (left, top), mask.shape)
    return int(top), int(left), mask


def _paint_rle(counts: np.ndarray, field: str, size: tuple[int, int]) -> Painted:
    return 0, 0, rle.mask_of(counts, size, field=field)


def _paint_row_rle(counts: np.ndarray, box: np.ndarray, field: str, size: tuple[int, int]) -> Painted:
    left, top, right, bottom = box.tolist()
    return _inside(top, left, rle.mask_of(counts, (bottom - top, right - left), field=field, by_rows=True), size, field)


def _paint_png(text: str, box: np.ndarray, field: str, size: tuple[int, int]) -> Painted:
    left, top, right, bottom = box.tolist()
    mask = _decode_png(text, (bottom - top, right - left), field)
    return _inside(top, left, mask, size, field)


def _inside(top: int, left: int, mask: np.ndarray, size: tuple[int, int], field: str) -> Painted:
    if top < 0 or left < 0 or top + mask.shape[0] > size[0] or left + mask.shape[1] > size[1]:
        raise AnnotationError(f"{field}: the mask reaches out of the image, {size[1]} wide and {size[0]} high.")
    return top, left, mask


def _decode_png(text: str, shape: tuple[int, int], field: str) -> np.ndarray:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AnnotationError(f"{field}: not base64 text.") from error
    width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
    if data[12:16] != b"IHDR" or (height, width) != shape:
        raise AnnotationError(f"{field}: expected a PNG image of {shape[1]} x {shape[0]} pixels.")
    try:
        mask = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        mask = None
    if mask is None or mask.shape != shape:
        raise AnnotationError(f"{field}: a PNG image that cannot be read, or is cut off.")
    return mask > 0
