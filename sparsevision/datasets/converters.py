"""Folders of benchmark label PNGs to checked annotation JSON: what the converters in `tools/` run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.annotation import PointLabels, Scribbles, load_annotations, read_label_png, save_annotations
from sparsevision.datasets.layouts import index_by_stem
from sparsevision.datasets.vectorise import points_of_labels, strokes_of_labels
from sparsevision.utils import UserError

Vectorise = Callable[[np.ndarray], Scribbles | PointLabels]
Draw = Callable[[Scribbles | PointLabels], np.ndarray]
UNLABELLED = -1  # in the class maps of this file


@dataclass(frozen=True)
class LabelFormat:
    """How a kind of label PNG becomes an annotation, and back.

    Attributes:
        vectorise: class map (H, W), `UNLABELLED` where nothing is known -> annotation.
        draw: annotation -> such a class map.
    """

    vectorise: Vectorise
    draw: Draw


def scribble_format() -> LabelFormat:
    """S-COD: every connected stroke becomes one of `Scribbles`."""
    return LabelFormat(
        vectorise=lambda labels: strokes_of_labels(labels, ignore_index=UNLABELLED),
        draw=lambda scribbles: scribbles.densify(UNLABELLED),
    )


def point_format(side: int | None = None) -> LabelFormat:
    """P-COD: every square becomes one of `PointLabels`; the side is written to `meta` so that it can be drawn again.

    side: side of the squares in pixels (odd). Default: the commonest side of each picture.
    """

    return LabelFormat(
        vectorise=lambda labels: points_of_labels(labels, ignore_index=UNLABELLED, side=side),
        draw=lambda points: points.densify(UNLABELLED, side=points.meta["square_side"]),
    )


def convert_folder(source: str | Path, out: str | Path, form: LabelFormat) -> Iterator[str]:
    """Convert every PNG of `source` to `out`/<stem>.json; yields "written" or "kept" after each.

    A JSON that already holds what its PNG says is kept, so that a second run, or one after Ctrl-C, does only what is
    left.

    Raises:
        UserError: no PNG, or one that is no such label; names the file.
    """
    for stem, path in _label_files(source).items():
        target = Path(out) / f"{stem}.json"
        labels = read_label_png(path, ignore_index=UNLABELLED)
        if target.exists() and _drawn_alike(target, labels, form):
            yield "kept"
            continue
        try:
            annotation = form.vectorise(labels)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        if not np.array_equal(form.draw(annotation), labels):
            raise UserError(
                f"{path}: drawing the converted labels does not give the file's pixels; nothing was written."
            )
        save_annotations(target, annotation)
        yield "written"


def verify_folder(source: str | Path, out: str | Path, form: LabelFormat) -> Iterator[str | None]:
    """Compare every PNG of `source` with `out`/<stem>.json; yields None when they agree, else what is wrong."""
    for stem, path in _label_files(source).items():
        target = Path(out) / f"{stem}.json"
        if not target.exists():
            yield f"{target} is missing"
        elif not _drawn_alike(target, read_label_png(path, ignore_index=UNLABELLED), form):
            yield f"{target} does not show the labels of {path}"
        else:
            yield None


def count_labels(source: str | Path) -> int:
    """Number of label PNGs in a folder, for a progress bar. Raises UserError if there is none."""
    return len(_label_files(source))


def _label_files(source: str | Path) -> dict[str, Path]:
    folder = Path(source)
    if not folder.is_dir():
        raise UserError(
            f"The label folder '{folder}' does not exist. Expected a folder of PNG files, such as train/Scribble."
        )
    found, _ = index_by_stem(folder, (".png",))
    if not found:
        raise UserError(f"The label folder '{folder}' holds no PNG file.")
    return found


def _drawn_alike(target: Path, labels: np.ndarray, form: LabelFormat) -> bool:
    try:
        return np.array_equal(form.draw(load_annotations(target)), labels)
    except (UserError, AttributeError, KeyError, TypeError):
        return False
