"""Clicks on every class of a frame, made from folders of dense label maps and kept as label PNGs.

EV-WSSS trains on one or ten clicks for each class that a frame holds, single pixels in a PNG of the dense map's size,
255 elsewhere. The clicks of the paper are not reproducible (neither code nor seed was released); these are, and one
click is the first of ten.
"""

import io
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sparsevision.annotation import PointLabels, drop, mislabel, simulate_points
from sparsevision.annotation.files import write_bytes
from sparsevision.datasets.dense_masks import find_masks
from sparsevision.datasets.image_io import FULL_8_BITS, read_class_map
from sparsevision.datasets.simulate_folder import image_rng
from sparsevision.utils import UserError

NOTE = "points.json"  # beside the PNGs: how they were made


@dataclass(frozen=True, kw_only=True)
class PointOptions:
    """How a frame is clicked; see `simulate_points`, `drop` and `mislabel`.

    Attributes:
        per_class: clicks for each class, or component, of a frame.
        seed: source of all randomness, together with the key and the frame's name.
        per_component: every connected component of a class has its own clicks.
        centre_bias: 0 anywhere in the class, 1 at its centre.
        drop: chance of each click to be forgotten.
        mislabel: chance of each click to get a wrong class.
        classes: the ids that there are; others in a label map are an error. None: any but `unlabelled`.
        unlabelled: value of pixels without truth in the dense maps, and of those without a click in the result.

    Raises:
        UserError: a share outside of [0, 1].
    """

    per_class: int = 1
    seed: int = 0
    per_component: bool = False
    centre_bias: float = 0.0
    drop: float = 0.0
    mislabel: float = 0.0
    classes: tuple[int, ...] | None = None
    unlabelled: int = 255

    def __post_init__(self) -> None:
        for name in ("centre_bias", "drop", "mislabel"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name}={getattr(self, name)}; expected a number from 0 to 1.")


def simulate_point_folder(
    dense_dir: str | Path,
    out_dir: str | Path,
    *,
    per_class: int,
    seed: int,
    key: str,
    per_component: bool = False,
    centre_bias: float = 0.0,
    drop: float = 0.0,
    mislabel: float = 0.0,
    classes: Collection[int] | None = None,
    overwrite: bool = False,
) -> Counter[str]:
    """Click on every label map of a folder; returns how many files were "written", and "kept" as they were.

    A frame's clicks depend on (seed, key, its stem) and the options alone, so that a run that was interrupted goes on,
    and `per_class=1` gives a part of what `per_class=10` gives, noise included. Each file is written in one step.

    Args:
        dense_dir: folder of label PNGs, 255 where nothing is labelled.
        out_dir: folder of the label PNGs with the clicks, of the same names. How they were made stands in points.json.
        key: names the data set and the sequence, e.g. "dsec_semantic/zurich_city_00_a".
        overwrite: replace files with other content.
        per_class, seed, per_component, centre_bias, drop, mislabel, classes: see `PointOptions`.

    Raises:
        UserError: no label maps, an unknown id or one beyond 8 bits, another file in `out_dir`, or that is a link
            (names the file); a share outside of [0, 1], before anything is written.
    """
    options = PointOptions(
        per_class=per_class,
        seed=seed,
        per_component=per_component,
        centre_bias=centre_bias,
        drop=drop,
        mislabel=mislabel,
        classes=None if classes is None else tuple(sorted(classes)),
    )
    out, frames = Path(out_dir), find_masks(dense_dir)
    _check_folder(out, overwrite=overwrite)
    note = {"made_by": "simulate_point_folder", "key": key, **vars(options)}
    _write(out / NOTE, (json.dumps(note, indent=1) + "\n").encode(), overwrite=overwrite)
    counts = Counter(written=0, kept=0)
    for stem, path in frames.items():
        clicks = click_frame(read_class_map(path), name=f"{key}/{stem}", options=options, source=path)
        data = _png(clicks.densify(options.unlabelled), path)
        counts[_write(out / f"{stem}.png", data, overwrite=overwrite)] += 1
    return counts


def click_frame(labels: np.ndarray, *, name: str, options: PointOptions, source: str | Path = "") -> PointLabels:
    """The clicks on one dense label map (H, W).

    Args:
        name: of the frame, unique in all data sets: "<data set>/<sequence>/<frame>".
        options: how many, and what goes wrong.
        source: file to name in errors.

    Raises:
        UserError: the map holds an id that is not one of the classes, or an option is out of range.
    """
    try:
        _check_ids(labels, options)
        clicks = simulate_points(
            labels,
            rng=image_rng(options.seed, name, "points"),
            per_class=options.per_class,
            ignore_index=options.unlabelled,
            per_component=options.per_component,
            centre_bias=options.centre_bias,
        )
        if options.drop:
            clicks = drop(clicks, share=options.drop, rng=image_rng(options.seed, name, "drop"))
        if options.mislabel:
            rng = image_rng(options.seed, name, "mislabel")
            clicks = mislabel(clicks, share=options.mislabel, classes=options.classes, rng=rng)
    except UserError as error:
        raise UserError(f"{source or name}: {error}") from error
    return clicks


def _check_ids(labels: np.ndarray, options: PointOptions) -> None:
    if options.classes is None:
        return
    strange = np.setdiff1d(labels, (*options.classes, options.unlabelled))
    if strange.size:
        raise UserError(
            f"holds the unknown id {strange[0]}; expected {options.classes[0]} to {options.classes[-1]}, or "
            f"{options.unlabelled} for unlabelled pixels."
        )


def _check_folder(out: Path, *, overwrite: bool) -> None:
    """Clicks of other people are neither mixed with these nor, through a link, replaced."""
    if out.is_symlink():
        raise UserError(f"{out}: is a link to '{out.resolve()}'; remove it, and the folder can be made here.")
    if not overwrite and not (out / NOTE).is_file() and any(out.glob("*.png")):
        raise UserError(
            f"{out}: holds labels that were not made here (there is no {NOTE}). Give --overwrite to replace them."
        )


def _png(labels: np.ndarray, source: Path) -> bytes:
    if labels.max() > FULL_8_BITS:
        raise UserError(
            f"{source}: holds the id {labels.max()}, but clicks are kept in 8 bits, 0 to {FULL_8_BITS}; give it ids of "
            "this range."
        )
    stream = io.BytesIO()
    Image.fromarray(labels.astype(np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


def _write(path: Path, data: bytes, *, overwrite: bool) -> str:
    """Write unless the same content is there."""
    if path.is_file() and path.read_bytes() == data:
        return "kept"
    if path.exists() and not overwrite:
        raise UserError(
            f"{path}: is there already, with other content: made with another seed or other options? Give --overwrite "
            "to replace such files, or another folder."
        )
    write_bytes(path, data)
    return "written"
