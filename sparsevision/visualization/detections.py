"""Boxes with class names and scores over photographs. Boxes are (x0,y0,x1,y1), edges in pixels of the photograph."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmengine.structures import BaseDataElement, InstanceData
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError
from sparsevision.visualization.canvas import Colour, as_rgb, class_colours, stroke_width
from sparsevision.visualization.drawing import draw_points

SCORE_THRESHOLD = 0.3
READABLE = 400  # pixels of the shorter side; smaller pictures are enlarged so that names can be read
IGNORED: Colour = (150, 150, 150)
FONT = cv2.FONT_HERSHEY_SIMPLEX
OUTLINE = 2  # pixels, the least
PADDING = 3  # pixels around the text of a tag
MOST_COLOURS = 20  # after which colours come again where a set brings none

Tag = tuple[int, int, int, int]  # x, y, width, height


def draw_detections(
    image: ArrayLike,
    boxes: ArrayLike,
    labels: ArrayLike,
    *,
    names: Sequence[str],
    scores: ArrayLike | None = None,
    palette: ArrayLike | None = None,
) -> NDArray[np.uint8]:
    """Outlines in the colours of their classes, each with its class name and score; the surest on top.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        boxes: (n,4).
        labels: (n,) class ids.
        names: of the classes; an id beyond them is written as it is.
        scores: (n,) in [0,1]; None for boxes of the truth.
        palette: (C,3) uint8 RGB; None chooses colours.

    Returns:
        uint8 RGB of the image's size.

    Raises:
        UserError: another number of labels or scores than of boxes.
    """
    boxes, labels = np.asarray(boxes, float).reshape(-1, 4), np.asarray(labels).reshape(-1)
    order = np.argsort(np.zeros(len(labels)) if scores is None else np.asarray(scores).reshape(-1), kind="stable")
    if not len(boxes) == len(labels) == len(order):
        raise UserError(f"there are {len(boxes)} boxes to draw, {len(labels)} labels and {len(order)} scores.")
    texts = [names[label] if 0 <= label < len(names) else str(label) for label in labels]
    if scores is not None:
        texts = [f"{text} {score:.2f}" for text, score in zip(texts, np.asarray(scores).reshape(-1), strict=True)]
    colours = [_colour_of(int(label), palette) for label in labels]
    return _draw(as_rgb(image), boxes[order], [texts[place] for place in order], [colours[place] for place in order])


def readable(image: ArrayLike, *, height: int | None = None) -> tuple[NDArray[np.uint8], float]:
    """A picture large enough for names to be read, uint8 RGB, and its size over that of the image.

    Args:
        image: uint8 (H,W,3), (H,W) or RGBA.
        height: the most rows, unless that would be too small to be read; None keeps large images as they are.
    """
    canvas = as_rgb(image)
    rows, columns = canvas.shape[:2]
    factor = max(1.0, READABLE / min(rows, columns))
    if height is not None and rows * factor > height:
        factor = max(height / rows, min(factor, READABLE / min(rows, columns)))
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    return cv2.resize(canvas, size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA), factor


def has_boxes(sample: BaseDataElement | None) -> bool:
    """Whether a sample is one of detection."""
    return sample is not None and ("gt_instances" in sample or "pred_instances" in sample)


def draw_detection_sample(
    image: ArrayLike,
    sample: BaseDataElement,
    *,
    names: Sequence[str],
    palette: ArrayLike | None = None,
    draw_gt: bool = True,
    draw_pred: bool = True,
    score_threshold: float = SCORE_THRESHOLD,
    height: int | None = None,
) -> dict[str, NDArray[np.uint8]]:
    """Panels "truth" and "prediction", or the image alone if the sample has neither.

    Args:
        image: uint8 (H,W,3), the file's or the network's: the boxes are brought to its size.
        sample: a `DetectionSample`; `gt_instances`, `ignored_instances` (grey), `gt_points` and `pred_instances` are
            drawn if it has them.
        names, palette: see `draw_detections`.
        draw_gt: draw the truth.
        draw_pred: draw the prediction.
        score_threshold: less certain predictions are left out.
        height: the most rows of a panel, see `readable`.
    """
    canvas, _ = readable(image, height=height)
    options = {"names": names, "palette": palette}
    panels = {}
    if draw_gt and "gt_instances" in sample:
        seen = sample.get("img_shape", np.asarray(image).shape[:2])
        panels["truth"] = _draw_truth(canvas, sample, _scale(canvas, seen), **options)
    if draw_pred and "pred_instances" in sample:
        found = sample.pred_instances
        found = found[_array(found.scores) >= score_threshold]
        original = sample.get("ori_shape", np.asarray(image).shape[:2])
        boxes = _array(found.bboxes) * np.tile(_scale(canvas, original), 2)
        panels["prediction"] = draw_detections(
            canvas, boxes, _array(found.labels), scores=_array(found.scores), **options
        )
    return panels or {"image": canvas}


def _draw_truth(canvas: NDArray, sample: BaseDataElement, scale: NDArray, **options) -> NDArray:
    """scale: (x, y), the canvas over the image that the network sees."""
    if "ignored_instances" in sample:
        boxes = _array(sample.ignored_instances.bboxes) * np.tile(scale, 2)
        canvas = _draw(canvas, boxes, ["ignored"] * len(boxes), [IGNORED] * len(boxes))
    truth: InstanceData = sample.gt_instances
    canvas = draw_detections(canvas, _array(truth.bboxes) * np.tile(scale, 2), _array(truth.labels), **options)
    if "gt_points" in sample:
        labels = _array(sample.gt_points.labels)
        colours = (
            options["palette"] if options["palette"] is not None else class_colours(int(labels.max(initial=0)) + 1)
        )
        canvas = draw_points(canvas, _array(sample.gt_points.points) * scale - 0.5, labels, colours=colours)
    return canvas


def _draw(canvas: NDArray, boxes: NDArray, texts: Sequence[str], colours: Sequence[Colour]) -> NDArray:
    """Outlines, then tags on top; the last of them is the most important and chooses its place first."""
    canvas = canvas.copy()
    width = max(OUTLINE, stroke_width(canvas))
    for box, colour in zip(boxes, colours, strict=True):
        first, last = np.rint(box[:2]).astype(int), np.rint(box[2:]).astype(int) - 1
        cv2.rectangle(canvas, first.tolist(), np.maximum(first, last).tolist(), colour, width)
    taken: list[Tag] = []
    for box, text in zip(boxes[::-1], texts[::-1], strict=True):
        taken.append(_place_of_tag(box, text, canvas, taken))
    for tag, text, colour in zip(taken[::-1], texts, colours, strict=True):
        _draw_tag(canvas, tag, text, colour)
    return canvas


def _place_of_tag(box: NDArray, text: str, canvas: NDArray, taken: Sequence[Tag]) -> Tag:
    """Above the box, within its upper edge, or below: the first place where no other tag lies."""
    (width, height), baseline = cv2.getTextSize(_ascii(text), FONT, _font_scale(canvas), 1)
    width, height = width + 2 * PADDING, height + baseline + PADDING
    x0, y0, _, y1 = (round(float(value)) for value in box)
    x = max(0, min(x0, canvas.shape[1] - width))
    places = [(x, y, width, height) for y in (y0 - height, y0, y1) if 0 <= y <= canvas.shape[0] - height]
    places = places or [(x, max(0, min(y0, canvas.shape[0] - height)), width, height)]
    return next((place for place in places if not any(_overlap(place, other) for other in taken)), places[0])


def _overlap(one: Tag, other: Tag) -> bool:
    return all(one[axis] < other[axis] + other[axis + 2] and other[axis] < one[axis] + one[axis + 2] for axis in (0, 1))


def _draw_tag(canvas: NDArray, tag: Tag, text: str, colour: Colour) -> None:
    x, y, width, height = tag
    cv2.rectangle(canvas, (x, y), (x + width - 1, y + height - 1), colour, -1)
    ink = (0, 0, 0) if np.dot(colour, (0.299, 0.587, 0.114)) > 128 else (255, 255, 255)
    _, baseline = cv2.getTextSize(_ascii(text), FONT, _font_scale(canvas), 1)
    cv2.putText(
        canvas, _ascii(text), (x + PADDING, y + height - baseline), FONT, _font_scale(canvas), ink, 1, cv2.LINE_AA
    )


def _font_scale(canvas: NDArray) -> float:
    """0.4 up to 400 pixels of the shorter side, 1 at 1000."""
    return max(0.4, min(canvas.shape[:2]) / 1000)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def _colour_of(label: int, palette: ArrayLike | None) -> Colour:
    table = class_colours(MOST_COLOURS) if palette is None else np.asarray(palette)
    return tuple(int(value) for value in table[label % len(table)])


def _scale(canvas: NDArray, size: Sequence[int]) -> NDArray:
    return np.array([canvas.shape[1] / size[1], canvas.shape[0] / size[0]])


def _array(values) -> NDArray:
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
