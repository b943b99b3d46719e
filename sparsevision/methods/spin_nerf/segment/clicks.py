"""Clicks on an object in one view, from a file, and the mask that a promptable segmenter gives for them.

A file of clicks is JSON, written by hand::

    {"view": "IMG_2707", "size": [378, 504], "clicks": [[305, 150, 1], [300, 310, 1], [280, 360, 0]]}

with (x, y, 1) on the object and (x, y, 0) off it, in pixels of an image of that size (height, width); without "size",
of the scene's images. Or it is what `sparsevision.annotation.save_annotations` writes for `{"IMG_2707": Clicks(...)}`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sparsevision.annotation import AnnotationError, Clicks, load_annotations
from sparsevision.annotation.files import read_bytes
from sparsevision.annotation.json_text import parse_json
from sparsevision.layers.promptable import PromptableSegmenter
from sparsevision.utils import UserError, did_you_mean

FIELDS = {"view", "size", "clicks"}


@dataclass(frozen=True, kw_only=True)
class ClickedView:
    """Clicks in one view of a scene.

    Args:
        view: index of the view.
        clicks: in pixels of the scene's images.
    """

    view: int
    clicks: Clicks


def read_clicks(path: str | Path, *, names: Sequence[str], size: tuple[int, int]) -> ClickedView:
    """Read a file of clicks, see the top of this module.

    Args:
        path: of the file.
        names: of the scene's views.
        size: (H, W) of the scene's images; clicks of another size are scaled to it.

    Raises:
        UserError: not such a file, a view that the scene does not have, a click outside the image, none on the object.
    """
    name, clicks = _read(Path(path), size)
    if name not in names:
        raise UserError(
            f"{path}: view: the scene has no view '{name}'.{did_you_mean(name, names)} "
            f"Its {len(names)} views are {names[0]} to {names[-1]}."
        )
    if not clicks.positive.any():
        raise UserError(f"{path}: clicks: none is on the object; add at least one [x, y, 1].")
    return ClickedView(view=list(names).index(name), clicks=scale_clicks(clicks, size))


def _read(path: Path, size: tuple[int, int]) -> tuple[str, Clicks]:
    document = _document(path)
    if "format" in document:
        return _from_annotations(path)
    unknown = sorted(document.keys() - FIELDS)
    missing = sorted({"view", "clicks"} - document.keys())
    if unknown or missing or not isinstance(document["view"], str):
        problem = f"unknown field '{unknown[0]}'" if unknown else f"no field '{missing[0]}'" if missing else "view"
        raise UserError(
            f'{path}: {problem}; expected {{"view": NAME, "clicks": [[x, y, 1 or 0], ...]}} and perhaps '
            '"size": [height, width].'
        )
    return document["view"], _clicks(path, document["clicks"], document.get("size", list(size)))


def _document(path: Path) -> dict[str, Any]:
    data = read_bytes(path)
    try:
        document = parse_json(data)
    except AnnotationError as error:
        raise UserError(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected a JSON object with the fields view and clicks.")
    return document


def _clicks(path: Path, rows: Any, size: Any) -> Clicks:
    try:
        table = np.array(rows, np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: clicks: expected rows [x, y, label] of numbers ({error}).") from error
    if table.ndim != 2 or table.shape[1] != 3 or not np.isin(table[:, 2], (0, 1)).all():
        raise UserError(f"{path}: clicks: expected rows [x, y, label] with label 1 (object) or 0 (not the object).")
    try:
        return Clicks(xy=table[:, :2], positive=table[:, 2] == 1, size=tuple(size))
    except (AnnotationError, TypeError) as error:
        raise UserError(f"{path}: {error}") from error


def _from_annotations(path: Path) -> tuple[str, Clicks]:
    content = load_annotations(path)
    if not isinstance(content, dict) or len(content) != 1 or not isinstance(next(iter(content.values())), Clicks):
        raise UserError(
            f"{path}: expected the clicks of one view under its name: save_annotations(path, {{NAME: clicks}})."
        )
    return next(iter(content.items()))


def scale_clicks(clicks: Clicks, size: tuple[int, int]) -> Clicks:
    """The same places in the image resized to (H, W); pixel centres are whole numbers in both."""
    if tuple(clicks.size) == tuple(size):
        return clicks
    (height, width), (old_height, old_width) = size, clicks.size
    scale = np.array([width / old_width, height / old_height])
    xy = np.clip((clicks.xy + 0.5) * scale - 0.5, 0, (width - 1, height - 1))
    return Clicks(xy=xy, positive=clicks.positive, size=size, meta=clicks.meta)


def segment_from_clicks(
    image: np.ndarray, clicks: Clicks, *, segmenter: PromptableSegmenter, refinements: int = 2
) -> np.ndarray:
    """The object's mask (H, W) bool in the view that was clicked in (Mirzaei et al., 2023, Sec. 4.1).

    Args:
        image: (H, W, 3) uint8 RGB.
        clicks: of this size, at least one on the object.
        segmenter: SAM, MobileSAM, GrabCut, ... A single click is answered by the best of SAM's candidates, more by its
            one mask for clear prompts.
        refinements: how often the answer is given back with the clicks, as SAM was trained.

    Raises:
        UserError: clicks of another size, none on the object, or an answer without a pixel.
    """
    if tuple(clicks.size) != image.shape[:2]:
        raise UserError(
            f"the clicks are for an image {clicks.size}, this one is {image.shape[:2]}; scale_clicks helps."
        )
    if not clicks.positive.any():
        raise UserError("none of the clicks is on the object; give at least one positive click.")
    embedding = segmenter.set_image(image)
    prompt = {"points": clicks.xy, "labels": clicks.labels}
    answer = segmenter.predict(embedding, **prompt, multimask=None)
    for _ in range(refinements):
        low_res = answer.low_res[answer.best]
        answer = segmenter.predict(embedding, **prompt, mask_input=low_res, multimask=False)
    mask = (answer.upsample() > 0).cpu().numpy()
    if not mask.any():
        raise UserError("the segmenter finds nothing at these clicks; click nearer to the middle of the object.")
    return mask
